using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Dials through relays that answer as a script has it.</summary>
public sealed class CircuitTransportTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly byte[] Ok = RelayClientScript.Frame(
        HopMessage.Answer(RelayStatusCode.Ok) with { Limit = new LinkLimit(null, 77) });

    [Fact]
    public async Task Bytes_that_come_with_the_answer_are_read_first_and_the_limit_is_told()
    {
        await using Script script = await Script.StartAsync(async (stream, token) =>
        {
            await stream.WriteAsync((byte[])[.. Ok, 1, 2, 3], token);
            await stream.WriteAsync((byte[])[4, 5], token);
            await Swarms.EchoAsync(stream, token);
        });
        await using ITransportLink link = await script.DialAsync();

        byte[] read = new byte[5];
        Assert.Equal(2, await link.ReadAsync(read.AsMemory(0, 2), None).LimitAsync("the first two"));
        for (int count = 2; count < 5;)
        {
            count += await link.ReadAsync(read.AsMemory(count), None).LimitAsync("the rest");
        }

        Assert.Equal([1, 2, 3, 4, 5], read);
        Assert.Equal(77, link.Limit!.Bytes);
        Assert.Equal((null, false), (link.RemoteIp, link.FromListenPort));
        Assert.Equal(script.Way.WithoutPeerId(), link.RemoteAddress);
        Assert.True(link.LocalAddress.IsRelayed);
        await link.WriteAsync((byte[])[9], None).LimitAsync("writing");
        Assert.Equal(1, await link.ReadAsync(read, None).LimitAsync("the echo"));
    }

    [Fact]
    public async Task Disposing_half_closes_and_aborting_resets()
    {
        var ends = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        await using Script script = await Script.StartAsync(async (stream, token) =>
        {
            await stream.WriteAsync(Ok, token);
            byte[] one = new byte[10];
            try
            {
                await stream.ReadExactlyAsync(one.AsMemory(0, 1), token);
                ends.TrySetResult(await stream.ReadAsync(one, token));
            }
            catch (IOException)
            {
                ends.TrySetResult(-1);
            }
        });

        ITransportLink first = await script.DialAsync();
        await first.WriteAsync((byte[])[1], None).LimitAsync("writing");
        await first.DisposeAsync().LimitAsync("disposing");
        await first.DisposeAsync().LimitAsync("disposing again");
        Assert.Equal(0, await ends.Task.LimitAsync("the end of the first"));
        Assert.True(((CircuitLink)first).Ended.IsCompleted);

        ends = new(TaskCreationOptions.RunContinuationsAsynchronously);
        ITransportLink second = await script.DialAsync();
        await second.WriteAsync((byte[])[1], None).LimitAsync("writing");
        second.Abort();
        second.Abort();
        Assert.Equal(-1, await ends.Task.LimitAsync("the end of the second"));
        Assert.True(((CircuitLink)second).Ended.IsCompleted);
        await Assert.ThrowsAnyAsync<IOException>(() => second.ReadAsync(new byte[1], None).LimitAsync("a read after the end"));
    }

    [Theory]
    [InlineData(200, EndReason.LimitReached, "no room")]
    [InlineData(201, EndReason.LimitReached, "no room")]
    [InlineData(202, EndReason.NotAdmitted, "does not relay this for us")]
    [InlineData(203, EndReason.LinkLost, "could not get the circuit")]
    [InlineData(204, EndReason.LinkLost, "no reservation of that peer")]
    [InlineData(400, EndReason.ProtocolNotSupported, "did not understand")]
    [InlineData(401, EndReason.ProtocolNotSupported, "did not understand")]
    [InlineData(299, EndReason.LinkLost, "unknown status 299")]
    public void Each_refusal_has_its_reason_and_its_words(int status, EndReason reason, string words)
    {
        UpgradeException e = RelayRefusal.ToException((RelayStatusCode)status);

        Assert.Equal(reason, e.Reason);
        Assert.Contains(words, e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_refusal_ends_the_dial()
    {
        await using Script script = await Script.StartAsync(
            RelayClientScript.Says(RelayClientScript.Frame(HopMessage.Answer(RelayStatusCode.NoReservation))));

        Assert.Equal(EndReason.LinkLost, (await script.FailAsync()).Reason);
        Assert.Equal(0, script.Relay.ScoreAt(script.Node));
    }

    [Theory]
    [InlineData(new byte[] { 3, 0xff, 0xff, 0xff }, EndReason.MalformedMessage)]
    [InlineData(new byte[] { 0xff, 0xff, 0x7f }, EndReason.MessageTooLarge)]
    [InlineData(new byte[] { 2, 8, 0 }, EndReason.UnexpectedMessage)]
    public async Task An_answer_that_breaks_a_rule_is_the_relays_fault(byte[] answer, EndReason reason)
    {
        await using Script script = await Script.StartAsync(RelayClientScript.Says(answer));

        Assert.Equal(reason, (await script.FailAsync()).Reason);
        Assert.True(script.Relay.ScoreAt(script.Node) < -5);
    }

    [Fact]
    public async Task Silence_is_a_timeout()
    {
        await using Script script = await Script.StartAsync(
            (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token),
            new RelayClientOptions { DialTimeout = TimeSpan.FromMilliseconds(200) });

        Assert.Equal(EndReason.Timeout, (await script.FailAsync()).Reason);
    }

    [Fact]
    public async Task A_relay_that_hangs_up_is_a_broken_link()
    {
        await using Script script = await Script.StartAsync((stream, token) => stream.CloseWriteAsync(token).AsTask());

        await Assert.ThrowsAnyAsync<IOException>(script.DialAsync);
    }

    [Fact]
    public async Task The_caller_may_call_it_off()
    {
        await using Script script = await Script.StartAsync(
            (_, token) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, token));
        using var stop = new CancellationTokenSource();
        Task<ITransportLink> dial = script.Transport.DialAsync(script.Way, stop.Token).AsTask();
        await Within.UntilAsync(() => script.Relay.Requests == 1, "the relay was asked");

        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dial.LimitAsync("the end of the dial"));
    }

    [Fact]
    public async Task Ways_that_cannot_be_are_not_tried()
    {
        await using Script script = await Script.StartAsync(RelayClientScript.Says(Ok));
        string self = script.Node.LocalPeer.ToString();
        string relay = script.Relay.Node.LocalPeer.ToString();
        string other = TestPeers.Id(7).ToString();
        foreach ((string address, EndReason reason) in new[]
            {
                ($"/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit", EndReason.ProtocolNotSupported),
                ($"/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit/p2p/{relay}", EndReason.ProtocolNotSupported),
                ($"/ip4/127.0.0.1/tcp/1/p2p/{relay}/p2p-circuit/p2p/{self}", EndReason.SelfDial),
                ($"/ip4/127.0.0.1/tcp/1/p2p/{self}/p2p-circuit/p2p/{other}", EndReason.SelfDial),
                ($"/ip4/127.0.0.1/tcp/1/p2p-circuit/p2p/{other}", EndReason.ProtocolNotSupported),
            })
        {
            UpgradeException e = await Assert.ThrowsAsync<UpgradeException>(
                () => script.Transport.DialAsync(Multiaddr.Parse(address), None).LimitAsync("the failure"));
            Assert.Equal(reason, e.Reason);
        }

        Assert.Equal(0, script.Relay.Requests);
        await Assert.ThrowsAsync<NotSupportedException>(() => script.Transport.ListenAsync(script.Way, None).AsTask());
    }

    [Theory]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/{0}/p2p-circuit", true, false, true)]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/{0}/p2p-circuit/p2p/{1}", true, true, true)]
    [InlineData("/p2p/{0}/p2p-circuit/p2p/{1}", true, true, false)]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/{1}", false, false, false)]
    [InlineData("/p2p-circuit/p2p/{1}", false, false, false)]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/{0}/p2p-circuit/p2p/{1}/p2p-circuit", false, false, false)]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/{0}/p2p-circuit/tcp/5", false, false, false)]
    [InlineData("/ip4/1.2.3.4/tcp/1/p2p/{0}/p2p-circuit/ip4/1.2.3.4/tcp/5/p2p/{1}", false, false, false)]
    public void Relayed_addresses_come_apart(string form, bool valid, bool hasTarget, bool hasAddress)
    {
        string text = form.Replace("{0}", TestPeers.Id(0).ToString(), StringComparison.Ordinal)
            .Replace("{1}", TestPeers.Id(1).ToString(), StringComparison.Ordinal);

        Assert.Equal(valid, RelayedAddress.TryParse(Multiaddr.Parse(text), out RelayedAddress? way));

        if (valid)
        {
            Assert.Equal(TestPeers.Id(0), way!.Relay);
            Assert.Equal(hasTarget ? TestPeers.Id(1) : null, way.Target);
            Assert.Equal(hasAddress ? Multiaddr.Parse("/ip4/1.2.3.4/tcp/1") : null, way.RelayAddress);
        }
    }

    [Fact]
    public void A_way_too_long_for_an_address_is_none() => Assert.Null(
        RelayedAddress.Through(Multiaddr.Parse(string.Concat(Enumerable.Repeat("/dns4/" + new string('a', 245), 4))), TestPeers.Id(0)));

    /// <summary>A scripted relay and a node that dials through it.</summary>
    private sealed class Script(RelayClientScript relay, Node node, RelayClientOptions options) : IAsyncDisposable
    {
        public RelayClientScript Relay => relay;

        public Node Node => node;

        public CircuitTransport Transport { get; } = new(node.Network, options);

        public Multiaddr Way => CircuitNet.Through(relay.Node, TestPeers.Id(7));

        public static async Task<Script> StartAsync(
            Networking.Swarm.StreamHandler answer, RelayClientOptions? options = null) =>
            new(await RelayClientScript.StartAsync(0, answer), Swarms.Create(1), options ?? new());

        public Task<ITransportLink> DialAsync() => Transport.DialAsync(Way, None).LimitAsync("a dial");

        public Task<UpgradeException> FailAsync() => Assert.ThrowsAsync<UpgradeException>(DialAsync);

        public async ValueTask DisposeAsync()
        {
            await node.DisposeAsync();
            await relay.DisposeAsync();
        }
    }
}
