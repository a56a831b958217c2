using System.Globalization;
using System.Text.Json.Nodes;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.NatPeer;

/// <summary>A libp2p node that does as it is told: <c>connect ADDRESS|PEER</c>, <c>ping PEER</c>, <c>disconnect PEER</c>,
/// <c>echo PEER BYTES STREAMS</c>, <c>status</c>; with a block store also <c>seed BYTES SEED</c>, <c>fetch ROOT PEER...</c> and <c>traffic</c>.</summary>
internal sealed class PeerProgram(Swarm swarm, BlockPeer? blocks)
{
    public static async Task RunAsync(PeerSettings settings, EventWriter events)
    {
        using KeyPair identity = KeyPair.Generate();
        var loggers = new EventLogger(events, settings.Log);
        await using var swarm = new Swarm(new SwarmOptions
        {
            Identity = identity,
            ReusePort = settings.ReusePort,
            Nat = settings.Nat,
            LimitedProtocols = new Dictionary<string, long> { [EchoProtocol.Id.Value] = 0 },
            LoggerFactory = loggers,
        });
        using IDisposable echo = swarm.Handle(EchoProtocol.Id, EchoProtocol.AnswerAsync);
        await using BlockPeer? blocks = settings.Blocks is { } folder
            ? await BlockPeer.OpenAsync(swarm, folder, settings.Lie, events, loggers)
            : null;
        using var closing = new CancellationTokenSource();
        swarm.PeerConnected += peer => events.Write("connected", ("peer", peer.ToString()));
        swarm.PeerDisconnected += peer => events.Write("disconnected", ("peer", peer.ToString()));
        if (swarm.Nat is { } nat)
        {
            NatEvents.Subscribe(nat, events);
        }

        foreach (Multiaddr address in settings.Listen)
        {
            await swarm.ListenAsync(address, CancellationToken.None);
        }

        events.Write("listening", ("peer", swarm.LocalPeer.ToString()), ("addresses", Texts(swarm.ListenAddresses)));
        Task watching = new ConnectionWatch(swarm, events).RunAsync(closing.Token);
        await new CommandLoop(events, new PeerProgram(swarm, blocks).CommandAsync).RunAsync(Console.In);
        await closing.CancelAsync();
        await watching;
    }

    private Task<JsonNode?> CommandAsync(string verb, string[] arguments, CancellationToken cancellationToken) => (verb, arguments) switch
    {
        ("connect", [string target]) => ConnectAsync(target, cancellationToken),
        ("ping", [string peer]) => PingAsync(PeerId.Parse(peer), cancellationToken),
        ("disconnect", [string peer]) => DisconnectAsync(PeerId.Parse(peer)),
        ("echo", [string peer, string bytes, string streams]) => EchoAsync(PeerId.Parse(peer), Number(bytes), (int)Number(streams), cancellationToken),
        ("seed", [string bytes, string seed]) when blocks is not null => blocks.SeedAsync((int)Number(bytes), (int)Number(seed), cancellationToken),
        ("fetch", [string root, .. string[] peers]) when blocks is not null =>
            blocks.FetchAsync(Name(root), [.. peers.Select(PeerId.Parse)], cancellationToken),
        ("traffic", []) => Task.FromResult<JsonNode?>(Traffic()),
        ("status", []) => Task.FromResult<JsonNode?>(Status()),
        _ => throw new ArgumentException($"unknown command {verb} with {arguments.Length} arguments"),
    };

    private async Task<JsonNode?> ConnectAsync(string target, CancellationToken cancellationToken)
    {
        if (!target.StartsWith('/'))
        {
            await swarm.ConnectAsync(PeerId.Parse(target), cancellationToken);
            return target;
        }

        PeerId peer = await swarm.ConnectAsync(Multiaddr.Parse(target), cancellationToken);
        return peer.ToString();
    }

    private async Task<JsonNode?> PingAsync(PeerId peer, CancellationToken cancellationToken) =>
        (await swarm.PingAsync(peer, cancellationToken)).TotalMilliseconds;

    private async Task<JsonNode?> DisconnectAsync(PeerId peer)
    {
        await swarm.DisconnectAsync(peer);
        return null;
    }

    private async Task<JsonNode?> EchoAsync(PeerId peer, long bytes, int streams, CancellationToken cancellationToken)
    {
        await Task.WhenAll(Enumerable.Range(0, streams).Select(_ => EchoProtocol.AskAsync(swarm, peer, bytes, cancellationToken)));
        return bytes * streams;
    }

    private JsonObject Status() => new()
    {
        ["peer"] = swarm.LocalPeer.ToString(),
        ["addresses"] = Texts(swarm.ListenAddresses),
        ["connections"] = new JsonArray([.. swarm.Connections.Select(ConnectionWatch.Describe)]),
        ["nat"] = swarm.Nat is { } nat ? NatEvents.Describe(nat.Status) : null,
        ["peers"] = new JsonArray([.. swarm.ConnectedPeers.Select(Describe)]),
    };

    private JsonObject Traffic()
    {
        SwarmCounters counters = swarm.Counters;
        return new JsonObject { ["bytesIn"] = counters.BytesIn, ["bytesOut"] = counters.BytesOut };
    }

    private JsonObject Describe(PeerId peer)
    {
        PeerInfo? info = swarm.GetPeerInfo(peer);
        return new JsonObject
        {
            ["peer"] = peer.ToString(),
            ["agent"] = info?.AgentVersion,
            ["addresses"] = Texts(info?.Addresses ?? []),
            ["seesUsAt"] = info?.ObservedAddress?.ToString(),
            ["roundTripMs"] = info?.RoundTripTime?.TotalMilliseconds,
        };
    }

    private static JsonArray Texts(IEnumerable<Multiaddr> addresses) => new([.. addresses.Select(a => (JsonNode)a.ToString())]);

    private static Cid Name(string text) => Cid.TryParse(text, out Cid? cid) ? cid : throw new ArgumentException($"no CID: {text}");

    private static long Number(string text) => long.Parse(text, CultureInfo.InvariantCulture);
}
