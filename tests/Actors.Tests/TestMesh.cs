using System.Collections.Concurrent;
using Akka.Actor;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests;

/// <summary>Cluster hosts over a fabric, with timings that suit tests on a loaded machine.</summary>
internal sealed class TestMesh : IAsyncDisposable
{
    public static readonly AkkaTimings Timings = new()
    {
        HeartbeatInterval = TimeSpan.FromMilliseconds(400),
        HeartbeatPause = TimeSpan.FromSeconds(4),
        StableAfter = TimeSpan.FromSeconds(4),
        GossipInterval = TimeSpan.FromMilliseconds(200),
        HasteInterval = TimeSpan.FromMilliseconds(200),
        DecisionInterval = TimeSpan.FromMilliseconds(200),
        RetryGate = TimeSpan.FromMilliseconds(200),
        WeaklyUpAfter = TimeSpan.FromSeconds(3),
        SeedAnswer = TimeSpan.FromSeconds(1),
        HandshakeTimeout = TimeSpan.FromSeconds(10),
        ReplicationInterval = TimeSpan.FromMilliseconds(500),
        ReplicationNotify = TimeSpan.FromMilliseconds(50),
    };

    private readonly ConcurrentDictionary<int, FabricNode> _nodes = new();
    private readonly ConcurrentBag<ClusterHost> _hosts = [];

    public Fabric Fabric { get; } = new();

    public TestLog Log { get; } = new();

    /// <summary>How many times the usual limit the hosts may take to meet and to stop: tens of them on a busy machine take longer.</summary>
    public int Patience { get; init; } = 1;

    /// <summary>Frames that any host of this mesh refused.</summary>
    public ConcurrentQueue<(FrameVerdict Verdict, byte[] Frame)> Refused { get; } = new();

    public static PeerId Peer(int index) => TestPeers.Id(index);

    public static ClusterHostOptions Options(params int[] seeds) => new()
    {
        Seeds = [.. seeds.Select(Peer)],
        Found = seeds.Length == 0,
        Timings = Timings,
        Roles = [ClusterRoles.Trainer],
        JoinRetry = TimeSpan.FromMilliseconds(250),
        JoinPatience = TimeSpan.FromSeconds(5),
        FoundingMargin = TimeSpan.FromSeconds(2),
        RebuildPause = TimeSpan.FromMilliseconds(200),
        LeaveLimit = TimeSpan.FromSeconds(8),
    };

    public FabricNode Node(int index) => _nodes.GetOrAdd(index, i => Fabric.AddNode(i));

    /// <summary>Starts a host: number 0 founds, the others ask number 0, unless options are given.</summary>
    public ClusterHost Start(
        int index,
        ClusterHostOptions? options = null,
        Action<ActorSystem>? attach = null,
        bool report = true,
        IReachability? reachability = null)
    {
        options ??= index == 0 ? Options() : Options(0);
        Func<P2PTransportSetup, P2PTransportSetup>? outer = options.TransportSetup;
        if (report)
        {
            options = options with
            {
                TransportSetup = setup =>
                {
                    setup = outer?.Invoke(setup) ?? setup;
                    return setup.With(onRefused: (verdict, frame) => Refused.Enqueue((verdict, frame.ToArray())));
                },
            };
        }

        ClusterHost host = new(options, Node(index), TimeProvider.System, Log, attach, reachability);
        _hosts.Add(host);
        host.Start();
        return host;
    }

    /// <summary>Starts hosts 0 … count−1 at the same moment and waits until all see all up.</summary>
    public async Task<ClusterHost[]> FormAsync(int count, Func<int, ClusterHostOptions>? options = null, Action<ActorSystem>? attach = null)
    {
        ClusterHost[] hosts = [.. Enumerable.Range(0, count).Select(i => Start(i, options?.Invoke(i), attach))];
        await AllUpAsync(hosts);
        return hosts;
    }

    public async Task AllUpAsync(IReadOnlyCollection<ClusterHost> hosts)
    {
        try
        {
            await Within.UntilAsync(
                () => hosts.All(host => UpCount(host) == hosts.Count), $"{hosts.Count} hosts see each other up", Patience);
        }
        catch (TimeoutException e)
        {
            string views = string.Join("; ", hosts.Select(host => $"{host.Snapshot.Self.ToShortString()} {host.Snapshot.Phase} sees {UpCount(host)}"));
            throw new TimeoutException($"{e.Message}: {views}; refused: {string.Join(", ", Refused.Select(r => r.Verdict).Distinct())}\n{string.Join('\n', Log.Entries.Where(e => !e.Category.StartsWith("Akka", StringComparison.Ordinal)).TakeLast(20))}");
        }
    }

    public static int UpCount(ClusterHost host) =>
        host.Snapshot.Members.Count(member => member is { State: MemberState.Up, IsReachable: true });

    /// <summary>The network of a node is gone at once; its host ends in the background.</summary>
    public async Task CrashAsync(int index, ClusterHost host)
    {
        _nodes.TryRemove(index, out FabricNode? node);
        await node!.DisposeAsync();
        await host.AbortAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await Task.WhenAll(_hosts.Select(host => host.AbortAsync())).LimitAsync("the hosts to stop", Patience);
        await Fabric.DisposeAsync();
    }
}

internal static class SetupExtensions
{
    public static P2PTransportSetup With(
        this P2PTransportSetup setup,
        bool? firewall = null,
        bool? originCheck = null,
        string? claimedHost = null,
        Action<FrameVerdict, ReadOnlyMemory<byte>>? onRefused = null,
        Action<ReadOnlyMemory<byte>>? onFrame = null) =>
        new(setup.Streams, setup.Time, setup.Loggers)
        {
            Options = setup.Options,
            Rules = setup.Rules,
            Counters = setup.Counters,
            FirewallEnabled = firewall ?? setup.FirewallEnabled,
            OriginCheckEnabled = originCheck ?? setup.OriginCheckEnabled,
            ClaimedHost = claimedHost ?? setup.ClaimedHost,
            OnRefused = onRefused ?? setup.OnRefused,
            OnFrame = onFrame ?? setup.OnFrame,
        };
}
