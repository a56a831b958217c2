using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Circuits that relays bring, and should not.</summary>
public sealed class CircuitAcceptorTests
{
    private static readonly CancellationToken None = CancellationToken.None;
    private static readonly byte[] Connect = RelayClientScript.Frame(StopMessage.Connect(TestPeers.Id(7), null));

    [Fact]
    public async Task A_relay_that_holds_no_slot_for_us_is_refused_and_blamed()
    {
        await using Script script = await Script.StartAsync(grants: false);

        Assert.Equal(RelayStatusCode.PermissionDenied, await script.Relay.AskAsync(script.Node, Connect));

        await script.BlamedAsync(-5);
    }

    [Fact]
    public async Task A_message_that_is_no_request_is_refused_and_blamed()
    {
        await using Script script = await Script.StartAsync();
        byte[] status = RelayClientScript.Frame(StopMessage.Answer(RelayStatusCode.Ok));

        Assert.Equal(RelayStatusCode.UnexpectedMessage, await script.Relay.AskAsync(script.Node, status));

        await script.BlamedAsync(-5);
    }

    [Fact]
    public async Task A_request_of_nobody_is_refused_and_blamed()
    {
        await using Script script = await Script.StartAsync();
        byte[] nobody = RelayClientScript.Frame(new StopMessage(StopMessageType.Connect));

        Assert.Equal(RelayStatusCode.MalformedMessage, await script.Relay.AskAsync(script.Node, nobody));

        await script.BlamedAsync(-15);
    }

    [Fact]
    public async Task A_circuit_from_ourselves_or_from_the_relay_is_refused()
    {
        await using Script script = await Script.StartAsync();
        foreach (PeerId source in new[] { script.Node.LocalPeer, script.Relay.Node.LocalPeer })
        {
            Assert.Equal(RelayStatusCode.PermissionDenied, await script.Relay.AskAsync(
                script.Node, RelayClientScript.Frame(StopMessage.Connect(source, null))));
        }

        Assert.Equal(0, script.Relay.ScoreAt(script.Node));
    }

    [Theory]
    [InlineData(new byte[] { 3, 0xff, 0xff, 0xff })]
    [InlineData(new byte[] { 0xff, 0xff, 0x7f })]
    [InlineData(new byte[] { 4, 8, 0, 18, 0 })]
    public async Task Garbage_is_a_broken_rule(byte[] garbage)
    {
        await using Script script = await Script.StartAsync();

        await using SwarmStream stream = await script.Relay.StopAsync(script.Node, garbage);

        await Assert.ThrowsAnyAsync<Exception>(() => stream.ReadExactlyAsync(new byte[1], None).LimitAsync("the end"));
        await script.BlamedAsync(-15);
    }

    [Fact]
    public async Task Who_says_nothing_is_cut_off()
    {
        await using Script script = await Script.StartAsync(o => o with { AcceptTimeout = TimeSpan.FromMilliseconds(100) });

        await using SwarmStream stream = await script.Relay.StopAsync(script.Node, [Connect[0]]);

        await Assert.ThrowsAnyAsync<Exception>(() => stream.ReadExactlyAsync(new byte[1], None).LimitAsync("the end"));
        await Within.UntilAsync(() => script.Client.InboundCircuitCount == 0, "the place is free");
    }

    [Fact]
    public async Task A_caller_that_never_shakes_hands_is_cut_off()
    {
        await using Script script = await Script.StartAsync(o => o with { AcceptTimeout = TimeSpan.FromMilliseconds(300) });
        await using SwarmStream stream = await script.Relay.StopAsync(script.Node, Connect);
        Assert.Equal(RelayStatusCode.Ok, (await RelayNet.ReadStopAsync(stream)).Status);

        await Assert.ThrowsAnyAsync<Exception>(() => stream.CopyToAsync(Stream.Null, None).LimitAsync("the end"));

        await Within.UntilAsync(() => script.Client.InboundCircuitCount == 0, "the place is free");
        Assert.Equal(0, script.Relay.ScoreAt(script.Node)); // the caller's fault, not the relay's
    }

    [Fact]
    public async Task Bytes_right_behind_the_request_are_the_callers_first()
    {
        await using Script script = await Script.StartAsync();
        using KeyPair caller = TestPeers.Key(7);
        await using SwarmStream stream = await script.Relay.StopAsync(
            script.Node, [.. Connect, .. RelayClientScript.Frame("/multistream/1.0.0\n"u8.ToArray())]);
        Assert.Equal(RelayStatusCode.Ok, (await RelayNet.ReadStopAsync(stream)).Status);

        byte[] answer = new byte[20];
        await stream.ReadExactlyAsync(answer, None).LimitAsync("the answer of the handshake");

        Assert.Equal(RelayClientScript.Frame("/multistream/1.0.0\n"u8.ToArray()), answer);
    }

    [Fact]
    public async Task A_caller_that_is_not_whom_the_relay_named_is_refused_and_the_relay_blamed_once()
    {
        await using Script script = await Script.StartAsync();
        for (int i = 0; i < 2; i++)
        {
            await script.CallAsync(named: TestPeers.Id(7), caller: 9);
            await Within.UntilAsync(() => script.Client.InboundCircuitCount == 0, "the circuit is ended");
            await script.BlamedAsync(-5);
        }

        Assert.DoesNotContain(TestPeers.Id(9), script.Node.ConnectedPeers);
        Assert.True(script.Relay.ScoreAt(script.Node) >= -10, "blamed again within the interval");
    }

    [Fact]
    public async Task Circuits_of_one_relay_are_limited_and_their_places_given_back()
    {
        await using Script script = await Script.StartAsync(o => o with { MaxCircuitsPerRelay = 1 });
        SwarmStream first = await script.Relay.StopAsync(script.Node, Connect);
        Assert.Equal(RelayStatusCode.Ok, (await RelayNet.ReadStopAsync(first)).Status);

        Assert.Equal(RelayStatusCode.ResourceLimitExceeded, await script.Relay.AskAsync(script.Node, Connect));

        first.Reset(EndReason.ClosedLocally);
        await Within.UntilAsync(() => script.Client.InboundCircuitCount == 0, "the place is free");
        Assert.Equal(RelayStatusCode.Ok, await script.Relay.AskAsync(script.Node, Connect));
    }

    [Fact]
    public async Task Strangers_take_no_places_of_circuits()
    {
        await using Script script = await Script.StartAsync(o => o with { MaxCircuits = 1 });
        await using RelayClientScript stranger = await RelayClientScript.StartAsync(
            8, RelayClientScript.Says(RelayClientScript.Frame(HopMessage.Answer(RelayStatusCode.PermissionDenied))));
        await Swarms.ConnectAsync(script.Node, stranger.Node);
        await Within.UntilAsync(
            () => stranger.Requests == 1 && !script.Client.IsOurRelay(stranger.Node.LocalPeer), "it has refused to be our relay");
        await using SwarmStream begun = await stranger.StopAsync(script.Node, [Connect[0]]);

        Assert.Equal(RelayStatusCode.Ok, await script.Relay.AskAsync(script.Node, Connect));
    }

    /// <summary>A scripted relay and a node that is connected to it, with a slot unless it grants none.</summary>
    private sealed class Script : IAsyncDisposable
    {
        private readonly CircuitNet _net = new();

        public required RelayClientScript Relay { get; init; }

        public Node Node { get; private set; } = null!;

        public RelayClient Client { get; private set; } = null!;

        public static async Task<Script> StartAsync(
            Func<RelayClientOptions, RelayClientOptions>? change = null, bool grants = true)
        {
            RelayClientScript relay = await RelayClientScript.StartAsync(0, (_, _) => Task.CompletedTask);
            relay.Answer = RelayClientScript.Says(RelayClientScript.Frame(
                grants ? relay.Grant(TestPeers.Id(1)) : HopMessage.Answer(RelayStatusCode.ReservationRefused)));
            var script = new Script { Relay = relay };
            (script.Node, script.Client) = script._net.Hidden(1, change);
            await Swarms.ConnectAsync(script.Node, relay.Node);
            await Within.UntilAsync(
                () => relay.Requests == 1 && (script.Client.Reservations.Count == 1 || !script.Client.IsOurRelay(relay.Node.LocalPeer)),
                "the relay was asked");
            return script;
        }

        /// <summary>Calls the node through the relay and shakes hands as another peer; fails or not.</summary>
        public async Task CallAsync(PeerId named, int caller)
        {
            SwarmStream stream = await Relay.StopAsync(Node, RelayClientScript.Frame(StopMessage.Connect(named, null)));
            Assert.Equal(RelayStatusCode.Ok, (await RelayNet.ReadStopAsync(stream)).Status);
            var select = new Networking.Negotiation.MultistreamSelect(new(), TimeProvider.System);
            using KeyPair key = TestPeers.Key(caller);
            var link = new CircuitLink(stream, default, Relay.Node.ListenAddresses[0], Relay.Node.ListenAddresses[0], null);
            try
            {
                await new NoiseSecurity(key, new NoiseOptions(), TimeProvider.System).SecureOutboundAsync(
                    select.Propose(link, NoiseSecurity.ProtocolName), null, [], None).LimitAsync("a handshake");
            }
            catch (IOException)
            {
                // The node may have hung up already.
            }
        }

        public Task BlamedAsync(double below) =>
            Within.UntilAsync(() => Relay.ScoreAt(Node) < below, "the relay is blamed");

        public async ValueTask DisposeAsync()
        {
            await _net.DisposeAsync();
            await Relay.DisposeAsync();
        }
    }
}
