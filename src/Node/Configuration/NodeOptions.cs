using P2PLearn.Actors.Training;

namespace P2PLearn.Node.Configuration;

/// <summary>Everything a node daemon can be told, from the configuration file and the flags (flags win).</summary>
/// <remarks>The keys of the file are these names in snake_case; each is described in <c>configs/README.md</c>, and a test compares the two.</remarks>
public sealed record NodeOptions
{
    /// <summary>Folder of the key, the progress, the model and the management token; made when missing.</summary>
    public string DataDir { get; init; } = "p2plearn-data";

    /// <summary>Addresses to listen on.</summary>
    public IReadOnlyList<string> Listen { get; init; } = ["/ip4/0.0.0.0/tcp/4001"];

    /// <summary>Addresses of members to join through; any one that answers suffices.</summary>
    public IReadOnlyList<string> Seeds { get; init; } = [];

    /// <summary>Found a new mesh when no seed is given. Deliberate, so that two islands never arise by accident.</summary>
    public bool Found { get; init; }

    /// <summary>What to join: a ticket as another node printed it, or the first digits of the id of a run that is under way.</summary>
    public string? Join { get; init; }

    /// <summary>What this node is: <c>member</c>; <c>relay</c>, which only relays and helps others to find each other; or
    /// <c>bootstrap</c>, which only helps them to find each other.</summary>
    public string Mode { get; init; } = NodeModes.Member;

    /// <summary>How this node gets reachable from behind a router.</summary>
    public NatSection Nat { get; init; } = new();

    /// <summary>Relays: being one, and using them.</summary>
    public RelaySection Relay { get; init; } = new();

    /// <summary>How members are found beside the seeds.</summary>
    public DiscoverySection Discovery { get; init; } = new();

    /// <summary>The distributed hash table.</summary>
    public DhtSection Dht { get; init; } = new();

    /// <summary>The store of models' blocks.</summary>
    public BlocksSection Blocks { get; init; } = new();

    /// <summary>Who may be a member.</summary>
    public MeshSection Mesh { get; init; } = new();

    /// <summary>The loopback HTTP port of <c>p2plearn cluster …</c>.</summary>
    public ManagementSection Management { get; init; } = new();

    /// <summary>What this node trains on; null = a plain mesh member that does not train.</summary>
    public DataSection? Data { get; init; }

    /// <summary>Paths of assemblies that bring models or kinds of data.</summary>
    public IReadOnlyList<string> Plugins { get; init; } = [];

    /// <summary>What the mesh trains; null = take the settings that the mesh already has.</summary>
    public RunSettings? Run { get; init; }

    /// <summary>How this node misbehaves, for experiments; null = honest.</summary>
    public AttackSection? Attack { get; init; }

    /// <summary>Least severe log messages shown: trace, debug, information, warning, error or none.</summary>
    public string LogLevel { get; init; } = "warning";
}

/// <summary>What a node can be.</summary>
public static class NodeModes
{
    /// <summary>A member of the cluster, which trains when it has data.</summary>
    public const string Member = "member";

    /// <summary>Relays, and tells members of each other; no member of the cluster.</summary>
    public const string Relay = "relay";

    /// <summary>Tells members of each other; neither relay nor member of the cluster.</summary>
    public const string Bootstrap = "bootstrap";
}
