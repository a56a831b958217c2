using System.Text;
using System.Text.Json.Nodes;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>One DHT of js-libp2p's nodes and ours: each asks what only the other kind holds.</summary>
public sealed class JsKadTests
{
    private static readonly Cid Content = Cid.ForRaw("content"u8);

    [Theory]
    [InlineData("/p2plearn/kad/1.0.0")]
    [InlineData("/ipfs/kad/1.0.0")]
    public async Task A_value_that_js_put_is_got_by_us_and_ours_by_js(string protocol)
    {
        await using JsPeer js = await StartAsync(protocol);
        await using Pair ours = await Pair.StartAsync(js, protocol);

        JsonObject put = await js.AskAsync("put", ("key", "/any/from-js"), ("value", "hello"));
        Assert.Equal(["hello", "hello"], put["answers"]!.AsArray().Select(a => (string?)a)); // both of ours echo
        KadValue got = (await ours.Far.GetValueAsync("/any/from-js"u8.ToArray(), default).LimitAsync("getting"))!;
        Assert.Equal("hello", Encoding.UTF8.GetString(got.Value.Span));
        Assert.Contains(js.Peer, got.Holders);

        KadPutResult stored = await ours.Far.PutValueAsync("/any/ours"u8.ToArray(), "gruss"u8.ToArray(), default).LimitAsync("putting");
        Assert.Equal((RecordCheck.Valid, 2, 2), (stored.Check, stored.Asked, stored.Stored));
        JsonObject answer = await js.AskAsync("get", ("key", "/any/ours"));
        Assert.All(answer["values"]!.AsArray(), v => Assert.Equal("gruss", (string?)v));
        Assert.NotEmpty(answer["values"]!.AsArray());
    }

    [Fact]
    public async Task We_show_js_the_better_value_and_correct_the_one_that_it_holds()
    {
        await using JsPeer js = await StartAsync();
        await using Pair ours = await Pair.StartAsync(js);
        await ours.Near.PutValueAsync("/any/k"u8.ToArray(), "b"u8.ToArray(), default).LimitAsync("putting");
        Assert.Equal("b", (string?)(await js.AskAsync("held", ("key", "/any/k")))["value"]);

        // js keeps whatever it puts itself; our two keep the better one, and say so.
        JsonObject put = await js.AskAsync("put", ("key", "/any/k"), ("value", "a"));
        Assert.Equal(["b", "b"], put["answers"]!.AsArray().Select(a => (string?)a));
        Assert.Equal("a", (string?)(await js.AskAsync("held", ("key", "/any/k")))["value"]);

        KadValue got = (await ours.Far.GetValueAsync("/any/k"u8.ToArray(), default).LimitAsync("getting"))!;
        Assert.Equal("b", Encoding.UTF8.GetString(got.Value.Span));
        Assert.Equal(js.Peer, Assert.Single(got.Outdated));
        await JsPeer.UntilAsync(
            async () => (string?)(await js.AskAsync("held", ("key", "/any/k")))["value"] == "b", "js has the better one");
    }

    [Fact]
    public async Task A_forged_value_is_taken_by_neither()
    {
        await using JsPeer js = await StartAsync();
        await using Pair ours = await Pair.StartAsync(js);
        JsonObject put = await js.AskAsync("put", ("key", "/any/k"), ("value", "!forged"));
        Assert.Empty(put["answers"]!.AsArray());
        Assert.Equal((0, 0), (ours.Near.Status.Records, ours.Far.Status.Records));
    }

    [Fact]
    public async Task Each_finds_a_peer_that_only_the_other_knows()
    {
        await using JsPeer js = await StartAsync();
        await using JsPeer far = await StartAsync();
        await using Pair ours = await Pair.StartAsync(js);
        await far.AskAsync("dial", ("address", ours.NearNode.ListenAddresses[0].ToString())); // js knows us, we know far
        await Within.UntilAsync(() => ours.Near.Status.Peers == 3, "we know far");

        JsonObject found = await js.AskAsync("find-peer", ("peer", far.Peer.ToString()));
        Assert.Contains(far.Address.WithoutPeerId()!.ToString(), found["addresses"]!.ToJsonString(), StringComparison.Ordinal);
        IReadOnlyList<Multiaddr> addresses = await ours.Far.FindPeerAsync(far.Peer, default).LimitAsync("finding");
        Assert.Contains(far.Address.WithoutPeerId(), addresses);
    }

    [Fact]
    public async Task Providers_are_found_both_ways()
    {
        await using JsPeer js = await StartAsync();
        await using Pair ours = await Pair.StartAsync(js);

        Assert.Equal(2, await ours.Far.ProvideAsync(Content.Hash, default).LimitAsync("providing"));
        JsonObject told = await js.AskAsync("find-providers", ("cid", Content.ToString()));
        Assert.Contains(ours.FarNode.LocalPeer.ToString(), told["providers"]!.ToJsonString(), StringComparison.Ordinal);

        Cid other = Cid.ForRaw("of js"u8);
        await js.AskAsync("provide", ("cid", other.ToString()));
        KadPeer provider = await FirstAsync(ours.Far, other.Hash);
        Assert.Equal(js.Peer, provider.Peer);
        Assert.Contains(js.Address.WithoutPeerId(), provider.Addresses);
    }

    [Fact]
    public async Task A_js_client_uses_us_and_is_no_server_of_ours()
    {
        await using JsPeer server = await StartAsync();
        await using Pair ours = await Pair.StartAsync(server);
        await using JsPeer client = await StartAsync(client: true);
        await client.AskAsync("dial", ("address", ours.NearNode.ListenAddresses[0].ToString()));
        await JsPeer.UntilAsync(
            async () => (await client.AskAsync("table"))["peers"]!.AsArray().Count > 0, "the client knows a server");
        await client.AskAsync("put", ("key", "/any/c"), ("value", "of a client"));

        KadValue got = (await ours.Far.GetValueAsync("/any/c"u8.ToArray(), default).LimitAsync("getting"))!;
        Assert.Equal("of a client", Encoding.UTF8.GetString(got.Value.Span));
        Assert.Equal(2, ours.Near.Status.Peers);
    }

    private static Task<JsPeer> StartAsync(string protocol = "/p2plearn/kad/1.0.0", bool client = false) =>
        JsPeer.StartAsync(script: "kad.mjs", options: [("protocol", protocol), ("client", client)]);

    private static async Task<KadPeer> FirstAsync(KadService kad, Multihash key)
    {
        await foreach (KadPeer provider in kad.FindProvidersAsync(key, 10, default))
        {
            return provider;
        }

        throw new InvalidOperationException("no provider was found");
    }

    /// <summary>Two nodes of ours in a row: js, near, far. All three are servers and know each other in the end.</summary>
    private sealed class Pair : IAsyncDisposable
    {
        public Node NearNode { get; private init; } = null!;

        public Node FarNode { get; private init; } = null!;

        public KadService Near { get; private init; } = null!;

        public KadService Far { get; private init; } = null!;

        public static async Task<Pair> StartAsync(JsPeer js, string protocol = "/p2plearn/kad/1.0.0")
        {
            var options = new KadOptions
            {
                Protocol = new(protocol),
                Mode = KadMode.Server,
                Validators = new RecordValidators(new AnyValidator()),
                Quorum = 10, // ask everybody
            };
            Node near = await ListenAsync(1), far = await ListenAsync(2);
            var pair = new Pair
            {
                NearNode = near,
                FarNode = far,
                Near = new KadService(near, options),
                Far = new KadService(far, options),
            };
            await near.ConnectAsync(js.Address, default).LimitAsync("connecting with js");
            await far.ConnectAsync(near.ListenAddresses[0], default).LimitAsync("connecting with ours");
            await Within.UntilAsync(() => pair.Near.Status.Peers == 2 && pair.Far.Status.Peers >= 1, "near knows both");
            await pair.Far.BootstrapAsync(default).LimitAsync("far's bootstrap");
            await Within.UntilAsync(() => pair.Far.Status.Peers == 2, "far knows js");
            await JsPeer.UntilAsync(
                async () => (await js.AskAsync("table"))["peers"]!.AsArray().Count == 2, "js knows both");
            return pair;
        }

        public async ValueTask DisposeAsync()
        {
            await Near.DisposeAsync();
            await Far.DisposeAsync();
            await NearNode.DisposeAsync();
            await FarNode.DisposeAsync();
        }

        private static async Task<Node> ListenAsync(int number)
        {
            var node = new Node(new SwarmOptions { Identity = KeyPair.FromSeed(TestPeers.Seed(number)) });
            await node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default);
            return node;
        }
    }

    /// <summary>As the validator in kad.mjs.</summary>
    private sealed class AnyValidator : IRecordValidator
    {
        public string Namespace => "any";

        public RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now) =>
            value.StartsWith("!"u8) ? RecordCheck.BadSignature : RecordCheck.Valid;

        public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
            left.SequenceCompareTo(right);
    }
}
