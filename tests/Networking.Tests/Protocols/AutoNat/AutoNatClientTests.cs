using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;
using Status = P2PLearn.Networking.Protocols.AutoNat.Wire.V2.DialResponse.Types.ResponseStatus;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

/// <summary>A client, and servers that lie to it or use it up.</summary>
public sealed class AutoNatClientTests : IAsyncLifetime
{
    private static readonly Multiaddr Own = Multiaddr.Parse("/ip4/11.9.9.9/tcp/4001");
    private static readonly Multiaddr Other = Multiaddr.Parse("/ip4/11.9.9.9/tcp/4002");
    private readonly VirtualInternet _internet = new();
    private AutoNatNode _node = null!;
    private Node _server = null!;

    public async ValueTask InitializeAsync()
    {
        _node = await AutoNatNode.StartAsync(1, _internet, "11.9.9.9", options: AutoNatNode.Quick with
        {
            Server = false, // so that the server's dial requests are answered by the test alone
            RetryInterval = TimeSpan.FromHours(1),
        });
        await _node.Swarm.ListenAsync(Other, default);
        _server = Swarms.Create(2, o => o with { Transports = [_internet.AddHost("11.1.0.1")] });
        await _server.ListenAsync(Multiaddr.Parse("/ip4/11.1.0.1/tcp/4001"), default);
    }

    public async ValueTask DisposeAsync()
    {
        await _node.DisposeAsync();
        await _server.DisposeAsync();
    }

    [Fact]
    public async Task A_yes_without_a_dial_back_is_not_believed()
    {
        await AskedAsync((stream, request) => AnswerAsync(stream, Status.Ok, 0, DialStatus.Ok));
        await CountsAsync(AutoNatEvent.Unproven);
        NothingIsKnown();
    }

    [Fact]
    public async Task A_dial_back_with_another_nonce_is_nobodys()
    {
        await AskedAsync(async (stream, request) =>
        {
            Assert.False(await DialBackAsync(Own, request.Nonce + 1));
            await AnswerAsync(stream, Status.Ok, 0, DialStatus.Ok);
        });
        await CountsAsync(AutoNatEvent.Unproven);
        Assert.Equal(1, _node.Counters[AutoNatEvent.Unasked]);
        NothingIsKnown();
    }

    [Fact]
    public async Task A_nonce_over_the_connection_that_is_there_proves_nothing()
    {
        await AskedAsync(async (stream, request) =>
        {
            await using PeerStream back = await _server.OpenStreamAsync(
                _node.Swarm.LocalPeer, AutoNatProtocol.DialBack, default);
            await AutoNatProtocol.WriteAsync(back, new DialBack { Nonce = request.Nonce }, default);
            await Assert.ThrowsAnyAsync<IOException>(() => back.ReadAsync(new byte[1], default).LimitAsync("the reset"));
            await AnswerAsync(stream, Status.Ok, 0, DialStatus.Ok);
        });
        await CountsAsync(AutoNatEvent.Unproven);
        NothingIsKnown();
    }

    [Fact]
    public async Task A_dial_back_to_another_address_than_the_one_named_proves_nothing()
    {
        await AskedAsync(async (stream, request) =>
        {
            Assert.True(await DialBackAsync(Other, request.Nonce));
            int own = request.Addrs.IndexOf(ByteString.CopyFrom(Own.Bytes));
            await AnswerAsync(stream, Status.Ok, (uint)own, DialStatus.Ok);
        });
        await CountsAsync(AutoNatEvent.Unproven);
        NothingIsKnown();
    }

    [Fact]
    public async Task A_no_after_a_dial_back_that_came_is_not_believed()
    {
        await AskedAsync(async (stream, request) =>
        {
            Assert.True(await DialBackAsync(Own, request.Nonce));
            await AnswerAsync(stream, Status.Ok, 0, DialStatus.EDialError);
        });
        await CountsAsync(AutoNatEvent.Unproven);
        NothingIsKnown();
    }

    [Fact]
    public async Task A_nonce_counts_once()
    {
        bool again = true;
        await AskedAsync(async (stream, request) =>
        {
            int own = request.Addrs.IndexOf(ByteString.CopyFrom(Own.Bytes));
            Assert.True(await DialBackAsync(Own, request.Nonce));
            again = await DialBackAsync(Own, request.Nonce);
            await AnswerAsync(stream, Status.Ok, (uint)own, DialStatus.Ok);
        });
        await CountsAsync(AutoNatEvent.Reachable);
        Assert.False(again);
    }

    [Fact]
    public async Task Answers_that_refuse_are_read_over_until_one_names_an_address()
    {
        await AskedAsync(async (stream, request) => // as js-libp2p does
        {
            int own = request.Addrs.IndexOf(ByteString.CopyFrom(Own.Bytes));
            await SendAsync(stream, Status.EDialRefused, 0, DialStatus.Unused);
            Assert.True(await DialBackAsync(Own, request.Nonce));
            await AnswerAsync(stream, Status.Ok, (uint)own, DialStatus.Ok);
        });
        await CountsAsync(AutoNatEvent.Reachable);
    }

    [Fact]
    public async Task Answers_without_end_are_cut_off()
    {
        var over = new TaskCompletionSource();
        await AskedAsync(async (stream, request) =>
        {
            try
            {
                while (true)
                {
                    await SendAsync(stream, Status.EDialRefused, 0, DialStatus.Unused);
                }
            }
            catch (IOException)
            {
                over.SetResult();
            }
        });
        await over.Task.LimitAsync("the client to turn away");
        await CountsAsync(AutoNatEvent.Unanswered);
        NothingIsKnown();
    }

    [Theory]
    [InlineData(true, 204_801ul)]
    [InlineData(true, ulong.MaxValue)]
    [InlineData(false, 204_800ul)]
    public async Task No_more_is_uploaded_than_the_cap(bool isTooMuch, ulong demand)
    {
        long paid = 0;
        await AskedAsync(async (stream, request) =>
        {
            await AutoNatProtocol.WriteAsync(
                stream, new AutoNatMessage { DialDataRequest = new DialDataRequest { AddrIdx = 0, NumBytes = demand } }, default);
            paid = await DrainAsync(stream, demand);
            await AnswerAsync(stream, Status.ERequestRejected, 0, DialStatus.Unused);
        });
        await CountsAsync(AutoNatEvent.Unanswered);
        if (isTooMuch)
        {
            await Within.UntilAsync(() => _node.Swarm.GetPeerInfo(_server.LocalPeer)!.Score < 0, "the score falls");
        }

        Assert.Equal(isTooMuch ? 0 : (long)demand, paid);
    }

    [Theory]
    [InlineData(2)] // pays once
    [InlineData(1)] // for an address that it did not ask about
    public async Task A_demand_that_is_not_fair_ends_the_request(int demands)
    {
        await AskedAsync(async (stream, request) =>
        {
            for (int i = 0; i < demands; i++)
            {
                var demand = new DialDataRequest { AddrIdx = demands == 1 ? (uint)request.Addrs.Count : 0, NumBytes = 100 };
                await AutoNatProtocol.WriteAsync(stream, new AutoNatMessage { DialDataRequest = demand }, default);
            }

            await DrainAsync(stream, 1_000);
        });
        await CountsAsync(AutoNatEvent.Unanswered);
        await Within.UntilAsync(() => _node.Swarm.GetPeerInfo(_server.LocalPeer)!.Score < 0, "the score falls");
    }

    [Fact]
    public async Task An_answer_for_an_address_not_asked_about_ends_the_request()
    {
        await AskedAsync((stream, request) => AnswerAsync(stream, Status.Ok, 99, DialStatus.Ok));
        await CountsAsync(AutoNatEvent.Unanswered);
        await Within.UntilAsync(() => _node.Swarm.GetPeerInfo(_server.LocalPeer)!.Score < 0, "the score falls");
    }

    [Fact]
    public async Task A_server_that_says_nothing_is_left_after_the_timeout_and_not_asked_again_soon()
    {
        await RestartAsync(AutoNatNode.Quick with { ProbeTimeout = TimeSpan.FromMilliseconds(50), RetryInterval = TimeSpan.FromHours(1) });
        var ended = new TaskCompletionSource();
        await AskedAsync(async (stream, request) =>
        {
            await Assert.ThrowsAnyAsync<IOException>(() => stream.ReadAsync(new byte[1], default).LimitAsync("the reset"));
            ended.SetResult();
        });
        await CountsAsync(AutoNatEvent.Unanswered);
        await ended.Task.LimitAsync("the end of the stream");
        Assert.Equal(1, _node.Counters[AutoNatEvent.Asked]);
    }

    [Fact]
    public async Task Dial_backs_that_nobody_asked_for_are_reset_and_counted_and_a_long_one_costs_score()
    {
        await _server.ConnectAsync(_node.Swarm.ListenAddresses[0], default).LimitAsync("connecting");
        for (int i = 1; i <= 20; i++)
        {
            await using PeerStream unasked = await _server.OpenStreamAsync(
                _node.Swarm.LocalPeer, AutoNatProtocol.DialBack, default);
            await AutoNatProtocol.WriteAsync(unasked, new DialBack { Nonce = (ulong)i }, default);
            await Assert.ThrowsAnyAsync<IOException>(() => unasked.ReadAsync(new byte[1], default).LimitAsync("the reset"));
        }

        Assert.Equal(20, _node.Counters[AutoNatEvent.Unasked]);
        await using PeerStream tooLong = await _server.OpenStreamAsync(
            _node.Swarm.LocalPeer, AutoNatProtocol.DialBack, default);
        await FramedWriter.WriteAsync(tooLong, new byte[AutoNatProtocol.MaxDialBackBytes + 1], default);
        await Within.UntilAsync(() => _node.Swarm.GetPeerInfo(_server.LocalPeer)!.Score < 0, "the score falls");
    }

    [Fact]
    public async Task Forged_observed_addresses_of_those_that_dial_us_are_never_announced_nor_punched()
    {
        VirtualNat nat = _internet.AddNat("11.8.8.8", NatMapping.EndpointIndependent, NatFilter.Everybody);
        await using AutoNatNode node = await AutoNatNode.StartAsync(
            5, _internet, "192.168.1.2", nat, AutoNatNode.Quick with { Client = false });
        await node.Swarm.ConnectAsync(_server.ListenAddresses[0], default).LimitAsync("connecting");
        await Within.UntilAsync(() => node.Service.PunchAddresses.Count == 1, "the honest observation");
        Multiaddr honest = node.Service.PunchAddresses[0];

        await using Node first = await LiarAsync(30, honest);
        await using Node second = await LiarAsync(31, honest);
        await Within.UntilAsync(() => node.Swarm.ConnectedPeers.Count == 3, "the liars are connected");
        await Swarms.IdentifiedAsync(node.Swarm, first);
        await Swarms.IdentifiedAsync(node.Swarm, second);

        Assert.Equal([honest], node.Service.PunchAddresses);
        Assert.DoesNotContain(node.Service.Addresses, a => a.Address.ToString().Contains("11.66", StringComparison.Ordinal));
    }

    /// <summary>A peer that tells everybody to be somewhere else.</summary>
    private async Task<Node> LiarAsync(int number, Multiaddr target)
    {
        Node liar = Swarms.Create(number, o => o with { Transports = [new LyingTransport(_internet.AddHost($"11.{number}.0.1"))] });
        await liar.ListenAsync(Multiaddr.Parse($"/ip4/11.{number}.0.1/tcp/4001"), default);
        await liar.ConnectAsync(target, default).LimitAsync("connecting");
        return liar;
    }

    private void NothingIsKnown() => Assert.All(_node.Service.Addresses, a =>
        Assert.Equal((Reachability.Unknown, 0), (a.Reachability, a.Source == AddressSource.Listen ? a.Observers : 0)));

    private Task CountsAsync(AutoNatEvent what) =>
        Within.UntilAsync(() => _node.Counters[what] >= 1, $"{what} is counted");

    /// <summary>Serves the node's requests, and has it come.</summary>
    private async Task AskedAsync(Func<PeerStream, DialRequest, Task> serve)
    {
        _server.Handle(AutoNatProtocol.DialRequest, async (stream, ct) =>
        {
            using var reader = new FramedReader(stream, 8_192);
            AutoNatMessage? message = await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, ct);
            await serve(stream, message!.DialRequest);
        });
        await _node.Swarm.ConnectAsync(_server.ListenAddresses[0], default).LimitAsync("connecting");
    }

    private static ValueTask SendAsync(PeerStream stream, Status status, uint index, DialStatus dialled) =>
        AutoNatProtocol.WriteAsync(
            stream,
            new AutoNatMessage
            {
                DialResponse = new DialResponse { Status = status, AddrIdx = index, DialStatus = dialled },
            },
            default);

    private static async Task AnswerAsync(PeerStream stream, Status status, uint index, DialStatus dialled)
    {
        await SendAsync(stream, status, index, dialled);
        await stream.CloseWriteAsync(default);
    }

    private static async Task<long> DrainAsync(PeerStream stream, ulong enough)
    {
        using var reader = new FramedReader(stream, 8_192);
        long sum = 0;
        try
        {
            while ((ulong)sum < enough
                && await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, default).LimitAsync("data") is { } message)
            {
                sum += message.DialDataResponse.Data.Length;
            }
        }
        catch (IOException)
        {
            // The client turned away.
        }

        return sum;
    }

    /// <summary>Whether the node took it.</summary>
    private async Task<bool> DialBackAsync(Multiaddr address, ulong nonce)
    {
        var dialer = new DialBacker(_server.Network, new AutoNatServerLimits());
        return await dialer.DialBackAsync(address, nonce, default).LimitAsync("a dial-back") == DialStatus.Ok;
    }

    private async Task RestartAsync(AutoNatOptions options)
    {
        await _node.DisposeAsync();
        _internet.Forget("11.9.9.9");
        _node = await AutoNatNode.StartAsync(1, _internet, "11.9.9.9", options: options);
    }

    /// <summary>Lets its swarm believe that everybody is at a forged address, which identify then tells them.</summary>
    private sealed class LyingTransport(ITransport inner) : ITransport
    {
        public bool Handles(Multiaddr address) => inner.Handles(address);

        public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
            inner.ListenAsync(address, cancellationToken);

        public async ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken) =>
            new LyingLink(await inner.DialAsync(address, cancellationToken));
    }

    private sealed class LyingLink(ITransportLink inner) : ITransportLink
    {
        public Multiaddr LocalAddress => inner.LocalAddress;

        public Multiaddr RemoteAddress { get; } = Multiaddr.Parse("/ip4/11.66.66.66/tcp/6");

        public System.Net.IPAddress? RemoteIp => inner.RemoteIp;

        public bool FromListenPort => inner.FromListenPort;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
            inner.WriteAsync(bytes, cancellationToken);

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
