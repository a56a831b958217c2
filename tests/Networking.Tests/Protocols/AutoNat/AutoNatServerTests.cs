using System.Net;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;
using Status = P2PLearn.Networking.Protocols.AutoNat.Wire.V2.DialResponse.Types.ResponseStatus;
using V1 = P2PLearn.Networking.Protocols.AutoNat.Wire.V1;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

/// <summary>A server, and requesters that try to make a weapon of it.</summary>
public sealed class AutoNatServerTests : IAsyncLifetime
{
    private const string Own = "/ip4/11.2.0.1/tcp/4001";
    private const string Victim = "/ip4/11.3.0.1/tcp/80";
    private static readonly AutoNatOptions Options = new() { Client = false };
    private readonly VirtualInternet _internet = new();
    private readonly FakeTimeProvider _time = new();
    private readonly List<Node> _requesters = [];
    private Node _node = null!;
    private AutoNatService _server = null!;
    private Node _requester = null!;

    public async ValueTask InitializeAsync()
    {
        await ServeAsync(Options);
        _requester = await RequesterAsync(2, "11.2.0.1");
    }

    public async ValueTask DisposeAsync()
    {
        await EndServerAsync();
        foreach (Node requester in _requesters)
        {
            await requester.DisposeAsync();
        }
    }

    [Fact]
    public async Task An_address_where_the_requester_is_seen_is_dialled_at_once_from_another_port_and_under_another_name()
    {
        DialBack? delivered = null;
        Networking.Identity.PeerId? by = null;
        using IDisposable handler = _requester.Handle(AutoNatProtocol.DialBack, async (stream, ct) =>
        {
            by = stream.RemotePeer;
            using var reader = new FramedReader(stream, 256);
            delivered = await AutoNatProtocol.ReadAsync(reader, DialBack.Parser, ct);
            await AutoNatProtocol.WriteAsync(stream, new DialBackResponse(), ct);
            await stream.CloseWriteAsync(ct);
        });

        AutoNatMessage answer = await AskAsync(_requester, ["/ip4/10.0.0.1/tcp/4001", Own]);

        Assert.Equal((Status.Ok, 1u, DialStatus.Ok), Read(answer));
        Assert.Equal(77ul, delivered!.Nonce);
        Assert.NotEqual(_node.LocalPeer, by);
        (IPEndPoint from, _) = _internet.Dials.Last();
        Assert.Equal("11.1.0.1", from.Address.ToString());
        Assert.NotEqual(4001, from.Port);
        Assert.Single(_node.Connections); // the dial-back was never a connection of the swarm
        await Within.UntilAsync(() => _requester.Connections.Count == 1, "the dial-back is closed");
        Assert.Equal((1, 1), (Count(AutoNatEvent.Dialled), Count(AutoNatEvent.Reached)));
    }

    [Fact]
    public async Task An_address_that_nobody_answers_at_is_a_dial_error()
    {
        Assert.Equal((Status.Ok, 0u, DialStatus.EDialError), Read(await AskAsync(_requester, ["/ip4/11.2.0.1/tcp/9"])));
    }

    [Fact]
    public async Task A_requester_that_is_reached_and_takes_no_dial_back_is_told_so()
    {
        Assert.Equal((Status.Ok, 0u, DialStatus.EDialBackError), Read(await AskAsync(_requester, [Own])));
    }

    [Fact]
    public async Task Another_ip_is_not_dialled_before_the_requester_has_paid_for_it()
    {
        await using PeerStream stream = await OpenAsync(_requester, [Victim]);
        using var reader = new FramedReader(stream, 8_192);
        DialDataRequest demand = (await ReadAsync(reader)).DialDataRequest;
        Assert.InRange(demand.NumBytes, 30_000ul, 100_000ul);
        Assert.Equal(0, _internet.DialsTo("11.3.0.1"));

        await PayAsync(stream, (int)demand.NumBytes);
        await PassUntilAsync(() => _internet.DialsTo("11.3.0.1") == 1, "it is dialled");

        Assert.Equal((Status.Ok, 0u, DialStatus.EDialError), Read(await ReadAsync(reader)));
        Assert.Equal(1, Count(AutoNatEvent.DataAsked));
    }

    [Fact]
    public async Task A_byte_too_little_buys_nothing()
    {
        await using PeerStream stream = await OpenAsync(_requester, [Victim]);
        using var reader = new FramedReader(stream, 8_192);
        await PayAsync(stream, (int)(await ReadAsync(reader)).DialDataRequest.NumBytes - 1);
        await stream.CloseWriteAsync(default);
        await EndedAsync(reader);
        Assert.Equal(0, _internet.DialsTo("11.3.0.1"));
        Assert.Equal(1, Count(AutoNatEvent.DataMissing));
    }

    [Fact]
    public async Task Data_in_drips_costs_score_and_buys_nothing()
    {
        await using PeerStream stream = await OpenAsync(_requester, [Victim]);
        using var reader = new FramedReader(stream, 8_192);
        await ReadAsync(reader);
        await AutoNatProtocol.WriteAsync(stream, Data(1), default);
        await EndedAsync(reader);
        await Within.UntilAsync(() => _node.GetPeerInfo(_requester.LocalPeer)!.Score < 0, "the score falls");
        Assert.Equal(0, _internet.DialsTo("11.3.0.1"));
    }

    [Fact]
    public async Task Data_that_comes_slowly_is_cut_off()
    {
        await using PeerStream stream = await OpenAsync(_requester, [Victim]);
        using var reader = new FramedReader(stream, 8_192);
        await ReadAsync(reader);
        await AutoNatProtocol.WriteAsync(stream, Data(4_000), default);
        Task ended = EndedAsync(reader);
        await PassUntilAsync(() => ended.IsCompleted, "the end");
        await ended;
        Assert.Equal((0, 1), (_internet.DialsTo("11.3.0.1"), Count(AutoNatEvent.DataMissing)));
    }

    [Fact]
    public async Task A_request_that_comes_slowly_is_cut_off()
    {
        await using PeerStream stream = await _requester.OpenStreamAsync(_node.LocalPeer, AutoNatProtocol.DialRequest, default);
        await stream.WriteAsync(new byte[] { 20, 10 });
        using var reader = new FramedReader(stream, 8_192);
        Task ended = EndedAsync(reader);
        await PassUntilAsync(() => ended.IsCompleted, "the end");
        await ended;
    }

    [Fact]
    public async Task A_victim_is_dialled_a_few_times_a_minute_however_many_ask()
    {
        int rejected = 0;
        for (int i = 0; i < 6; i++)
        {
            Node one = await RequesterAsync(20 + i, $"11.20.{i}.1");
            await using PeerStream stream = await OpenAsync(one, ["/ip4/11.3.0.1/tcp/" + (80 + i)]);
            using var reader = new FramedReader(stream, 8_192);
            AutoNatMessage message = await ReadAsync(reader);
            if (message.DialResponse is { } answer)
            {
                Assert.Equal(Status.ERequestRejected, answer.Status);
                rejected++;
                continue;
            }

            await PayAsync(stream, (int)message.DialDataRequest.NumBytes);
            int dials = i + 1;
            await PassUntilAsync(() => _internet.DialsTo("11.3.0.1") == dials, "it is dialled", TimeSpan.FromMilliseconds(200));
        }

        Assert.Equal((4, 2), (_internet.DialsTo("11.3.0.1"), rejected));
    }

    [Fact]
    public async Task A_peer_may_ask_so_often_in_a_minute()
    {
        for (int i = 0; i < 12; i++)
        {
            Assert.Equal(Status.EDialRefused, (await AskAsync(_requester, [])).DialResponse.Status);
        }

        Assert.Equal(Status.ERequestRejected, (await AskAsync(_requester, [Own])).DialResponse.Status);
        Assert.Equal(0, Count(AutoNatEvent.Dialled));
        _time.Advance(RequestRates.Window);
        Assert.Equal(Status.Ok, (await AskAsync(_requester, [Own])).DialResponse.Status);
    }

    [Fact]
    public async Task Only_so_many_are_served_at_once()
    {
        await RestartAsync(Options with { Limits = new AutoNatServerLimits { MaxConcurrent = 1 } });
        await using (PeerStream waiting = await OpenAsync(_requester, [Victim]))
        {
            using var reader = new FramedReader(waiting, 8_192);
            await ReadAsync(reader);
            Node other = await RequesterAsync(3, "11.4.0.1");
            Assert.Equal(Status.ERequestRejected, (await AskAsync(other, ["/ip4/11.4.0.1/tcp/4001"])).DialResponse.Status);
        }

        await Within.UntilAsync(() => Count(AutoNatEvent.DataMissing) == 1, "the first is over");
        Node third = await RequesterAsync(4, "11.5.0.1");
        Assert.Equal(Status.Ok, (await AskAsync(third, ["/ip4/11.5.0.1/tcp/4001"])).DialResponse.Status);
    }

    [Theory]
    [InlineData("/ip4/10.0.0.1/tcp/22")] // in the server's own network
    [InlineData("/ip4/127.0.0.1/tcp/22")]
    [InlineData("/ip4/169.254.169.254/tcp/80")]
    [InlineData("/ip6/::1/tcp/22")]
    [InlineData("/ip4/11.1.0.1/tcp/22")] // the server itself
    [InlineData("/dns4/victim.example/tcp/80")]
    [InlineData("/ip4/11.2.0.1/udp/4001/quic-v1")]
    [InlineData("/ip4/11.3.0.1/tcp/4001/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5/p2p-circuit")]
    public async Task What_is_not_for_it_to_dial_is_refused(string address)
    {
        AutoNatMessage answer = await AskAsync(_requester, [address]);
        Assert.Equal(Status.EDialRefused, answer.DialResponse.Status);
        Assert.Equal((1, 0), (Count(AutoNatEvent.Refused), Count(AutoNatEvent.Dialled)));
    }

    [Fact]
    public async Task Of_a_thousand_addresses_fifty_are_looked_at_and_none_of_a_message_too_large()
    {
        string[] hidden = [.. Enumerable.Repeat("/ip4/10.0.0.1/tcp/1", 600), Own];
        Assert.Equal(Status.EDialRefused, (await AskAsync(_requester, hidden)).DialResponse.Status);
        await using PeerStream stream = await OpenAsync(_requester, [.. Enumerable.Repeat(Own, 1_000)]);
        using var reader = new FramedReader(stream, 8_192);
        await EndedAsync(reader);
        await Within.UntilAsync(() => _node.GetPeerInfo(_requester.LocalPeer)!.Score < 0, "the score falls");
        Assert.Equal(0, Count(AutoNatEvent.Dialled));
    }

    [Fact]
    public async Task A_first_message_that_is_no_request_ends_the_stream()
    {
        foreach (byte[] bytes in (byte[][])[Data(10).ToByteArray(), [0xff, 0xff, 0xff]])
        {
            await using PeerStream stream = await _requester.OpenStreamAsync(
                _node.LocalPeer, AutoNatProtocol.DialRequest, default);
            await FramedWriter.WriteAsync(stream, bytes, default);
            using var reader = new FramedReader(stream, 8_192);
            await EndedAsync(reader);
        }

        await Within.UntilAsync(() => _node.GetPeerInfo(_requester.LocalPeer)!.Score < 0, "the score falls");
    }

    [Fact]
    public async Task Who_comes_through_a_relay_is_rejected()
    {
        using IDisposable claim = _node.Network.InterceptAccepts(link =>
        {
            LinkTerms terms = LinkTerms.Inbound(ConnectionPath.Relayed);
            return _node.Network.TryRun(ct => _node.Network.AdoptAsync(link, terms, ct));
        });
        Node relayed = await RequesterAsync(3, "11.4.0.1");
        Assert.Equal(
            Status.ERequestRejected, (await AskAsync(relayed, ["/ip4/11.4.0.1/tcp/4001"])).DialResponse.Status);
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.EDialRefused, (await AskV1Async(relayed, "/ip4/11.4.0.1/tcp/4001")).Status);
        Assert.Equal((2, 0), (Count(AutoNatEvent.Rejected), Count(AutoNatEvent.Dialled)));
    }

    [Fact]
    public async Task Who_is_in_its_own_network_is_refused()
    {
        Node near = await RequesterAsync(3, "192.168.7.7");
        Assert.Equal(Status.EDialRefused, (await AskAsync(near, [Own])).DialResponse.Status);
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.EDialRefused, (await AskV1Async(near, Own)).Status);
        Assert.Equal(0, Count(AutoNatEvent.Dialled));
    }

    [Fact]
    public async Task Version_1_dials_the_requester_at_its_own_ip_alone()
    {
        V1.AutoNatMessage.Types.DialResponse answer = await AskV1Async(_requester, Victim, "/ip4/11.2.0.1/tcp/9", Own);
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.Ok, answer.Status);
        Assert.Equal(Own, Multiaddr.TryFromBytes(answer.Addr.Span, out Multiaddr? address) ? address.ToString() : null);
        Assert.Equal(0, _internet.DialsTo("11.3.0.1"));
        Assert.Equal(
            V1.AutoNatMessage.Types.ResponseStatus.EDialError, (await AskV1Async(_requester, "/ip4/11.2.0.1/tcp/9")).Status);
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.EDialRefused, (await AskV1Async(_requester, Victim)).Status);
        Assert.Equal(3, Count(AutoNatEvent.Dialled));

        answer = await AskV1Async(_requester, Own); // the fourth in a minute
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.EDialRefused, answer.Status);
        Assert.Equal(1, Count(AutoNatEvent.Rejected));
    }

    [Fact]
    public async Task Version_1_dials_for_nobody_else_than_the_requester()
    {
        V1.AutoNatMessage request = RequestV1(_node.LocalPeer, Own);
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.EBadRequest, (await AskV1Async(_requester, request)).Status);
        request = RequestV1(_requester.LocalPeer, Own);
        request.Type = V1.AutoNatMessage.Types.MessageType.DialResponse;
        Assert.Equal(V1.AutoNatMessage.Types.ResponseStatus.EBadRequest, (await AskV1Async(_requester, request)).Status);
        Assert.Equal(0, Count(AutoNatEvent.Dialled));
    }

    [Fact]
    public async Task Version_1_takes_no_other_peer_for_the_requester()
    {
        Node other = await RequesterAsync(3, "11.4.0.1");
        ITransport moved = _internet.AddHost("11.4.0.1"); // another peer behind the same address
        await using Node impostor = Swarms.Create(4, o => o with { Transports = [moved] });
        await impostor.ListenAsync(Multiaddr.Parse("/ip4/11.4.0.1/tcp/5005"), default);
        Assert.Equal(
            V1.AutoNatMessage.Types.ResponseStatus.EDialError, (await AskV1Async(other, "/ip4/11.4.0.1/tcp/5005")).Status);
    }

    private static (Status, uint, DialStatus) Read(AutoNatMessage answer) =>
        (answer.DialResponse.Status, answer.DialResponse.AddrIdx, answer.DialResponse.DialStatus);

    private static AutoNatMessage Data(int bytes) =>
        new() { DialDataResponse = new DialDataResponse { Data = ByteString.CopyFrom(new byte[bytes]) } };

    private static async Task PayAsync(PeerStream stream, int bytes)
    {
        for (int left = bytes; left > 0; left -= 4_000)
        {
            await AutoNatProtocol.WriteAsync(stream, Data(Math.Min(left, 4_000)), default).LimitAsync("paying");
        }
    }

    private static async Task<AutoNatMessage> ReadAsync(FramedReader reader) =>
        (await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, default).LimitAsync("a message"))!;

    /// <summary>The stream ends without another message.</summary>
    private static async Task EndedAsync(FramedReader reader)
    {
        try
        {
            Assert.Null(await reader.ReadAsync(default).LimitAsync("the end"));
        }
        catch (IOException)
        {
            // Reset: as good.
        }
    }

    private int Count(AutoNatEvent what) => (int)_server.Counters[what];

    private async Task PassUntilAsync(Func<bool> condition, string what, TimeSpan? step = null)
    {
        await Within.UntilAsync(
            () =>
            {
                _time.Advance(step ?? TimeSpan.FromSeconds(1));
                return condition();
            },
            what);
    }

    private async Task<AutoNatMessage> AskAsync(Node requester, string[] addresses)
    {
        await using PeerStream stream = await OpenAsync(requester, addresses);
        using var reader = new FramedReader(stream, 8_192);
        return await ReadAsync(reader);
    }

    private async Task<PeerStream> OpenAsync(Node requester, string[] addresses)
    {
        PeerStream stream = await requester.OpenStreamAsync(_node.LocalPeer, AutoNatProtocol.DialRequest, default);
        var request = new DialRequest { Nonce = 77 };
        request.Addrs.AddRange(addresses.Select(a => ByteString.CopyFrom(Multiaddr.Parse(a).Bytes)));
        await AutoNatProtocol.WriteAsync(stream, new AutoNatMessage { DialRequest = request }, default);
        return stream;
    }

    private static V1.AutoNatMessage RequestV1(Networking.Identity.PeerId peer, params string[] addresses)
    {
        var self = new V1.AutoNatMessage.Types.PeerInfo { Id = ByteString.CopyFrom(peer.Bytes) };
        self.Addrs.AddRange(addresses.Select(a => ByteString.CopyFrom(Multiaddr.Parse(a).Bytes)));
        return new V1.AutoNatMessage
        {
            Type = V1.AutoNatMessage.Types.MessageType.Dial,
            Dial = new V1.AutoNatMessage.Types.Dial { Peer = self },
        };
    }

    private Task<V1.AutoNatMessage.Types.DialResponse> AskV1Async(Node requester, params string[] addresses) =>
        AskV1Async(requester, RequestV1(requester.LocalPeer, addresses));

    private async Task<V1.AutoNatMessage.Types.DialResponse> AskV1Async(Node requester, V1.AutoNatMessage request)
    {
        await using PeerStream stream = await requester.OpenStreamAsync(_node.LocalPeer, AutoNatProtocol.V1, default);
        await AutoNatProtocol.WriteAsync(stream, request, default);
        using var reader = new FramedReader(stream, 8_192);
        return (await AutoNatProtocol.ReadAsync(reader, V1.AutoNatMessage.Parser, default).LimitAsync("an answer"))!.DialResponse;
    }

    private async Task<Node> RequesterAsync(int number, string ip)
    {
        Node requester = Swarms.Create(number, o => o with { Transports = [_internet.AddHost(ip)] });
        _requesters.Add(requester);
        await requester.ListenAsync(Multiaddr.Parse($"/ip4/{ip}/tcp/4001"), default);
        await requester.ConnectAsync(_node.ListenAddresses[0], default).LimitAsync("connecting");
        await Swarms.IdentifiedAsync(requester, _node);
        return requester;
    }

    private async Task ServeAsync(AutoNatOptions options)
    {
        _node = Swarms.Create(1, o => o with { Transports = [_internet.AddHost("11.1.0.1")], Time = _time });
        _server = new AutoNatService(_node.Network, options, AddressRule.PublicInternet);
        await _node.ListenAsync(Multiaddr.Parse("/ip4/11.1.0.1/tcp/4001"), default);
        _server.Start();
    }

    private async Task RestartAsync(AutoNatOptions options)
    {
        await EndServerAsync();
        _internet.Forget("11.1.0.1");
        await ServeAsync(options);
        await _requester.ConnectAsync(_node.ListenAddresses[0], default).LimitAsync("connecting again");
    }

    private async Task EndServerAsync()
    {
        await _server.DisposeAsync();
        Task closing = _node.DisposeAsync().AsTask();
        await PassUntilAsync(() => closing.IsCompleted, "the server is closed");
    }
}
