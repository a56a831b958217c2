using System.Text.Json.Nodes;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>DCUtR with js-libp2p's, over a relay of ours. We are called 11.9.9.9, js 11.1.0.1, over loopback.</summary>
/// <remarks>The script notes what js-libp2p's own DCUtR writes and reads.</remarks>
public sealed class JsDcutrTests
{
    private const string Ours = "11.9.9.9";
    private const string Theirs = "11.1.0.1";

    [Fact]
    public async Task We_begin_and_js_answers_and_dials_us_on_our_sync()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using JsPeer js = await StartAsync(("punch", true), ("closed", true)); // so that we cannot simply dial it back
        await using Node node = await ClientAsync(relay.ListenAddresses[0]);
        Task<HolePunchReport> report = ReportAsync(node);

        await js.AskAsync("dial", ("address", (await node.RelayedAddressAsync()).ToString()));
        HolePunchReport ended = await report.LimitAsync("a direct connection");

        Assert.Equal((HolePunchOutcome.Punched, 1), (ended.Outcome, ended.Attempts));
        Assert.NotNull(ended.RoundTrip);
        JsonObject[] messages = await MessagesAsync(js);
        Assert.Equal(["received CONNECT", "sent CONNECT", "received SYNC"], messages.Select(Describe));
        Assert.Equal([DirectAddress(node)], Addresses(messages[0]));
        Assert.Contains($"/ip4/{Theirs}/tcp/1/p2p/{js.Peer}", Addresses(messages[1]));
        Assert.Empty(Addresses(messages[2]));
        Assert.Equal(ConnectionPath.Punched, await AssertDirectAsync(node, js));
    }

    [Fact]
    public async Task Js_begins_and_we_answer_and_dial_it_on_its_sync()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using JsPeer js = await StartAsync(("punch", true), ("unreachable", true)); // so that it cannot simply dial us back
        await using Node node = await ClientAsync();
        Task<HolePunchReport> report = ReportAsync(node);
        JsonObject listening = await js.AskAsync("listen", ("relay", relay.ListenAddresses[0].ToString()));

        await node.ConnectAsync(Multiaddr.Parse((string)listening["addresses"]![0]!), default).LimitAsync("dialling");
        HolePunchReport ended = await report.LimitAsync("a direct connection");

        // On a busy machine its dial may outrun its SYNC, which goes over the relay, and then looks like one that dials us back.
        Assert.True(ended.Outcome is HolePunchOutcome.Punched or HolePunchOutcome.Reversed, $"{ended}");
        Assert.True(ended.Outcome == HolePunchOutcome.Reversed || ended.RoundTrip is not null);
        // js-libp2p begins once for every identify, so perhaps twice at once.
        JsonObject[] messages = [.. (await MessagesAsync(js)).DistinctBy(Describe)];
        Assert.Equal(["sent CONNECT", "received CONNECT", "sent SYNC"], messages.Select(Describe));
        Assert.Contains(Addresses(messages[0]), a => a.StartsWith($"/ip4/{Theirs}/tcp/", StringComparison.Ordinal));
        Assert.Equal([DirectAddress(node)], Addresses(messages[1]));
        Assert.Empty(Addresses(messages[2]));
        await AssertDirectAsync(node, js);
    }

    [Fact]
    public async Task We_dial_js_back_when_it_can_be_dialled_and_does_not_punch()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using JsPeer js = await StartAsync();
        await using Node node = await ClientAsync(relay.ListenAddresses[0]);
        Task<HolePunchReport> report = ReportAsync(node);

        await js.AskAsync("dial", ("address", (await node.RelayedAddressAsync()).ToString()));

        Assert.Equal(HolePunchOutcome.Reversed, (await report.LimitAsync("a direct connection")).Outcome);
        Assert.Equal(ConnectionPath.Reversed, await AssertDirectAsync(node, js));
    }

    [Fact]
    public async Task Js_dials_us_back_when_we_can_be_dialled()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using JsPeer js = await StartAsync(("punch", true));
        await using Node node = await ClientAsync();
        JsonObject listening = await js.AskAsync("listen", ("relay", relay.ListenAddresses[0].ToString()));

        await node.ConnectAsync(Multiaddr.Parse((string)listening["addresses"]![0]!), default).LimitAsync("dialling");

        Assert.Equal(ConnectionPath.Direct, await AssertDirectAsync(node, js));
        Assert.Empty(await MessagesAsync(js));
    }

    [Fact]
    public async Task Js_gives_up_when_we_name_no_public_address_and_the_relayed_connection_stays()
    {
        await using Node relay = await EchoNode.RelayAsync();
        await using JsPeer js = await StartAsync(("punch", true));
        await using Node node = await EchoNode.ClientAsync(2, [], punches: true); // on loopback by its own name
        JsonObject listening = await js.AskAsync("listen", ("relay", relay.ListenAddresses[0].ToString()));

        await node.ConnectAsync(Multiaddr.Parse((string)listening["addresses"]![0]!), default).LimitAsync("dialling");
        await JsPeer.UntilAsync(async () => (await MessagesAsync(js)).Count(IsOurs) >= 3, "js has tried three times");

        JsonObject[] messages = await MessagesAsync(js);
        Assert.DoesNotContain("sent SYNC", messages.Select(Describe));
        Assert.All(messages.Where(IsOurs), m => Assert.Empty(Addresses(m)));
        Assert.Equal(1000, await node.EchoAsync(js.Peer, 1000));
        Assert.Equal(ConnectionPath.Relayed, Assert.Single(Connections(node, js)).Path);

        static bool IsOurs(JsonObject message) => Describe(message) == "received CONNECT";
    }

    private static Task<JsPeer> StartAsync(params (string Name, JsonNode? Value)[] options) =>
        JsPeer.StartAsync(script: "relay.mjs", options: [("name", Theirs), .. options]);

    private static ValueTask<Node> ClientAsync(params Multiaddr[] relays) =>
        EchoNode.ClientAsync(2, relays, new RenamedTransport(Ours, Theirs), Ours, punches: true);

    private static string DirectAddress(Node node) =>
        node.ListenAddresses.First(a => !a.IsRelayed).WithoutPeerId()!.ToString();

    private static Task<HolePunchReport> ReportAsync(Node node)
    {
        var first = new TaskCompletionSource<HolePunchReport>(TaskCreationOptions.RunContinuationsAsynchronously);
        node.Nat!.HolePunched += report => first.TrySetResult(report);
        return first.Task;
    }

    private static async Task<JsonObject[]> MessagesAsync(JsPeer js) =>
        [.. (await js.AskAsync("messages"))["messages"]!.AsArray().Select(m => m!.AsObject())];

    private static string Describe(JsonObject message) => $"{message["direction"]} {message["type"]}";

    private static IEnumerable<string> Addresses(JsonObject message) =>
        message["addresses"]!.AsArray().Select(a => (string)a!);

    /// <summary>The relayed connection ends on both sides, and a direct one carries more than any circuit would.</summary>
    /// <returns>How the first direct one came about.</returns>
    private static async Task<ConnectionPath> AssertDirectAsync(Node node, JsPeer js)
    {
        ConnectionInfo[] all = [];
        await Within.UntilAsync(
            () => (all = Connections(node, js)).Length > 0 && Array.TrueForAll(all, c => !c.IsRelayed), "we have direct connections only");
        await JsPeer.UntilAsync(
            async () => (await ConnectionsAsync(js, node)) is { Count: > 0 } theirs && theirs.All(c => !(bool)c!["limited"]!),
            "js has direct connections only");
        Assert.All(all, c => Assert.Null(c.Limit));
        const int beyondAnyCircuit = 1_000_000;
        Assert.Equal(beyondAnyCircuit, await node.EchoAsync(js.Peer, beyondAnyCircuit));
        JsonObject echo = await js.AskAsync("echo", ("peer", node.LocalPeer.ToString()), ("bytes", beyondAnyCircuit));
        Assert.Equal(beyondAnyCircuit, (int)echo["echoed"]!);
        return all.MinBy(c => c.Id)!.Path;
    }

    private static ConnectionInfo[] Connections(Node node, JsPeer js) => [.. node.Connections.Where(c => c.Peer == js.Peer)];

    private static async Task<JsonArray> ConnectionsAsync(JsPeer js, Node node) =>
        (await js.AskAsync("connections", ("peer", node.LocalPeer.ToString())))["connections"]!.AsArray();
}
