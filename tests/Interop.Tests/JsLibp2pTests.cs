global using Node = P2PLearn.Networking.Swarm.Swarm;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Perf;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>Our stack with js-libp2p's: TCP, multistream-select, Noise, yamux, identify, push, ping, perf. Each test in
/// both roles.</summary>
public sealed class JsLibp2pTests
{
    private const int BulkBytes = 100_000_000;
    private static readonly ProtocolId Hash = new("/interop/sha256/1.0.0");
    private static readonly ProtocolId Echo = new("/interop/echo/1.0.0");

    /// <summary>Who dials, and whether each side offers its muxers within the Noise handshake.</summary>
    public static TheoryData<bool, bool, bool> Handshakes => new()
    {
        { true, true, true }, { true, true, false }, { true, false, true }, { true, false, false },
        { false, true, true }, { false, true, false }, { false, false, true }, { false, false, false },
    };

    [Theory]
    [MemberData(nameof(Handshakes))]
    public async Task Both_identify_and_ping_each_other(bool weDial, bool weAreEarly, bool jsIsEarly)
    {
        await using JsPeer js = await JsPeer.StartAsync(jsIsEarly);
        await using Node node = await ConnectAsync(js, weDial, weAreEarly);

        await Within.UntilAsync(() => node.GetPeerInfo(js.Peer)?.Protocols is not null, "we have identified js");
        PeerInfo seen = node.GetPeerInfo(js.Peer)!;
        JsonObject told = await js.IdentifiedAsync(node.LocalPeer);

        Assert.StartsWith("js-libp2p", seen.AgentVersion, StringComparison.Ordinal);
        Assert.Contains("/ipfs/ping/1.0.0", seen.Protocols!);
        Assert.Contains(js.Address.WithoutPeerId()!, seen.Addresses);
        Assert.NotNull(seen.ObservedAddress);
        Assert.Equal("interop/1.0", (string?)told["agent"]);
        Assert.True((bool)told["signed"]!);
        Assert.Contains(Echo.Value, told["protocols"]!.AsArray().Select(p => (string)p!));
        Assert.Contains(
            node.ListenAddresses[0].WithoutPeerId(),
            told["addresses"]!.AsArray().Select(a => Multiaddr.Parse((string)a!).WithoutPeerId()));
        Assert.True(await node.PingAsync(js.Peer, default).LimitAsync("our ping") > TimeSpan.Zero);
        Assert.True((double)(await js.AskAsync("ping", ("peer", node.LocalPeer.ToString())))["milliseconds"]! >= 0);
    }

    [Fact]
    public async Task A_protocol_that_came_later_is_pushed_both_ways()
    {
        await using JsPeer js = await JsPeer.StartAsync();
        await using Node node = await ConnectAsync(js, weDial: true);
        await js.IdentifiedAsync(node.LocalPeer);

        node.Handle(new ProtocolId("/interop/late/1.0.0"), (_, _) => Task.CompletedTask);

        await JsPeer.UntilAsync(
            async () => (await js.IdentifiedAsync(node.LocalPeer))["protocols"]!.AsArray().Any(
                p => (string)p! == "/interop/late/1.0.0"),
            "js took our push");
    }

    [Fact]
    public async Task A_protocol_that_js_does_not_speak_is_a_typed_failure()
    {
        await using JsPeer js = await JsPeer.StartAsync();
        await using Node node = await ConnectAsync(js, weDial: true);

        await Assert.ThrowsAsync<ProtocolNotSupportedException>(
            () => node.OpenStreamAsync(js.Peer, new ProtocolId("/interop/unknown/1.0.0"), default)
                .LimitAsync("opening"));

        Assert.Equal("alive"u8.ToArray(), await EchoAsync(node, js.Peer, "alive"u8.ToArray()));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_hundred_megabytes_arrive_whole_both_ways(bool weDial)
    {
        await using JsPeer js = await JsPeer.StartAsync();
        await using Node node = await ConnectAsync(js, weDial);

        JsonObject fromJs = await js.AskAsync("upload", ("peer", node.LocalPeer.ToString()), ("bytes", BulkBytes));
        (byte[] sent, byte[] answered) = await UploadAsync(node, js.Peer);

        Assert.Equal((string?)fromJs["sent"], (string?)fromJs["answered"]);
        Assert.Equal(Convert.ToHexString(sent), Convert.ToHexString(answered));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_thousand_streams_are_open_at_once_both_ways(bool weDial)
    {
        const int Count = 1000;
        await using JsPeer js = await JsPeer.StartAsync();
        await using Node node = await ConnectAsync(js, weDial);
        await js.IdentifiedAsync(node.LocalPeer);
        await Within.UntilAsync(() => node.GetPeerInfo(js.Peer)?.Protocols is not null, "we have identified js");

        JsonObject fromJs = await js.AskAsync("streams", ("peer", node.LocalPeer.ToString()), ("count", Count));
        PeerStream[] open = await Task.WhenAll(
            Enumerable.Range(0, Count).Select(_ => node.OpenStreamAsync(js.Peer, Echo, default).AsTask()))
                .LimitAsync("opening");
        bool[] right = await Task.WhenAll(open.Select(async (stream, i) =>
        {
            byte[] text = Encoding.UTF8.GetBytes($"stream {i}");
            await stream.WriteAsync(text, CancellationToken.None);
            byte[] answer = await FinishAsync(stream);
            return answer.AsSpan().SequenceEqual(text);
        })).LimitAsync("the echoes");

        Assert.Equal(Count, (int)fromJs["right"]!);
        Assert.Equal(Count, right.Count(r => r));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Perf_runs_both_ways(bool weDial)
    {
        const int Bytes = 30_000_000;
        await using JsPeer js = await JsPeer.StartAsync();
        await using Node node = await ConnectAsync(js, weDial);

        PerfResult ours = await PerfProtocol.MeasureAsync(node, js.Peer, Bytes, Bytes, TimeProvider.System, default)
            .LimitAsync("our perf");
        JsonObject theirs = await js.AskAsync(
            "perf", ("peer", node.LocalPeer.ToString()), ("upload", Bytes), ("download", Bytes));

        Assert.True(ours.Upload > TimeSpan.Zero && ours.Download > TimeSpan.Zero);
        Assert.Equal(Bytes, (int)theirs["received"]!);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"we to js {MegabytesPerSecond(Bytes, ours.Upload)}, js to us {MegabytesPerSecond(Bytes, ours.Download)}; "
            + "asked by js: "
            + $"js to us {MegabytesPerSecond(Bytes, Seconds(theirs, "uploadSeconds"))}, "
            + $"we to js {MegabytesPerSecond(Bytes, Seconds(theirs, "downloadSeconds"))} MB/s");
    }

    [Fact]
    public async Task Another_peer_id_than_dialled_is_a_typed_failure()
    {
        await using JsPeer js = await JsPeer.StartAsync();
        await using Node node = Create();
        Multiaddr wrong = js.Address.WithPeerId(TestPeers.Id(99));

        PeerUnreachableException e = await Assert.ThrowsAsync<PeerUnreachableException>(
            () => node.ConnectAsync(wrong, default).LimitAsync("dialling"));

        Assert.Equal(EndReason.PeerIdMismatch, e.Reason);
    }

    private static TimeSpan Seconds(JsonObject from, string name) => TimeSpan.FromSeconds((double)from[name]!);

    private static string MegabytesPerSecond(int bytes, TimeSpan time) =>
        (bytes / 1e6 / time.TotalSeconds).ToString("F0", System.Globalization.CultureInfo.InvariantCulture);

    private static Node Create(bool early = true)
    {
        var node = new Node(new SwarmOptions
        {
            Identity = KeyPair.FromSeed(TestPeers.Seed(1)),
            AgentVersion = "interop/1.0",
            EarlyMuxerNegotiation = early,
            EnablePerf = true,
            Yamux = new() { MaxInboundStreams = 2000 },
        });
        node.Handle(Hash, AnswerHashAsync, 2000);
        node.Handle(Echo, AnswerEchoAsync, 2000);
        return node;
    }

    private static async Task<Node> ConnectAsync(JsPeer js, bool weDial, bool early = true)
    {
        Node node = Create(early);
        await node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default);
        if (weDial)
        {
            Assert.Equal(js.Peer, await node.ConnectAsync(js.Address, default).LimitAsync("dialling js"));
        }
        else
        {
            JsonObject dialled = await js.AskAsync("dial", ("address", node.ListenAddresses[0].ToString()));
            Assert.Equal(node.LocalPeer.ToString(), (string?)dialled["peer"]);
        }

        return node;
    }

    private static async Task<(byte[] Sent, byte[] Answered)> UploadAsync(Node node, PeerId to)
    {
        byte[] chunk = new byte[100_000];
        new Random(1).NextBytes(chunk);
        using var sent = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        PeerStream stream = await node.OpenStreamAsync(to, Hash, default).LimitAsync("opening");
        for (int left = BulkBytes; left > 0; left -= chunk.Length)
        {
            sent.AppendData(chunk);
            await stream.WriteAsync(chunk, CancellationToken.None).LimitAsync("writing");
        }

        return (sent.GetHashAndReset(), await FinishAsync(stream));
    }

    private static async Task<byte[]> EchoAsync(Node node, PeerId to, byte[] bytes)
    {
        PeerStream stream = await node.OpenStreamAsync(to, Echo, default).LimitAsync("opening");
        await stream.WriteAsync(bytes, CancellationToken.None).LimitAsync("writing");
        return await FinishAsync(stream);
    }

    private static async Task<byte[]> FinishAsync(PeerStream stream)
    {
        await using (stream)
        {
            await stream.CloseWriteAsync(default).LimitAsync("half-closing");
            using var answer = new MemoryStream();
            await stream.CopyToAsync(answer).LimitAsync("reading the answer");
            return answer.ToArray();
        }
    }

    private static async Task AnswerHashAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        byte[] hash = await SHA256.HashDataAsync(stream, cancellationToken);
        await stream.WriteAsync(hash, cancellationToken);
        await stream.CloseWriteAsync(cancellationToken);
    }

    private static async Task AnswerEchoAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        await stream.CopyToAsync(stream, cancellationToken);
        await stream.CloseWriteAsync(cancellationToken);
    }
}
