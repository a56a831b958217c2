using Akka.Actor.Setup;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>How a node takes part in the cluster.</summary>
public sealed record ClusterHostOptions
{
    /// <summary>Peers to ask to be let in. The swarm has to know addresses for them.</summary>
    public IReadOnlyList<PeerId> Seeds { get; init; } = [];

    /// <summary>
    /// This node founds the cluster when nobody that it knows of answers. Default: false; a node that has no seeds founds too, since it could
    /// not join anybody. Every other node never founds but asks until a member answers.
    /// </summary>
    public bool Found { get; init; }

    /// <summary>Roles, see <see cref="ClusterRoles"/>.</summary>
    public IReadOnlyList<string> Roles { get; init; } = [];

    /// <summary>Version shown to other members.</summary>
    public string AppVersion { get; init; } = "0.1.0";

    /// <summary>How fast the cluster reacts.</summary>
    public AkkaTimings Timings { get; init; } = AkkaTimings.WideArea;

    /// <summary>Limits of the membership plane's transport.</summary>
    public P2PTransportOptions Transport { get; init; } = new();

    /// <summary>What peers may send to this node's actors.</summary>
    public FirewallRules Rules { get; init; } = FirewallRules.Default;

    /// <summary>More set-ups of each actor system, e.g. the <see cref="Replication.ReplicationStore"/>.</summary>
    public IReadOnlyList<Setup> Setups { get; init; } = [];

    /// <summary>File that keeps the peers once seen as members, through which a restarted node comes back; null: memory only.</summary>
    public string? MembersFile { get; init; }

    /// <summary>Between two looks for somebody to join, default 1 s.</summary>
    public TimeSpan JoinRetry { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Time for one look at whether a peer can be reached, default 10 s.</summary>
    public TimeSpan ReachLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Time after which the same peers are asked anew, default 15 s.</summary>
    public TimeSpan JoinPatience { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long live members may be out of reach before this node says clearly that it stays outside because of them, default 2 min. It does so as
    /// long as they are: Akka.Cluster would down healthy members.
    /// </summary>
    public TimeSpan BlockedPatience { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How long a newcomer waits for doubts to clear, default 10 s: several times what the news of a new member takes to reach all. No longer,
    /// so that one member that names peers that do not exist delays newcomers, but keeps nobody out.
    /// </summary>
    public TimeSpan DoubtPatience { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long the word of a peer that it is about to join counts, default 15 s; it repeats it while it waits to be let in.</summary>
    public TimeSpan JoiningWord { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How a member keeps a path to every other.</summary>
    public PathOptions Paths { get; init; } = new();

    /// <summary>How long a founder that knows peers of earlier looks for them before it founds, default 5 s.</summary>
    public TimeSpan FoundingMargin { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The same while such a peer can be reached but is no member, or has not answered yet, default 20 s.</summary>
    public TimeSpan FoundingMarginWithPeers { get; init; } = TimeSpan.FromSeconds(20);

    /// <summary>The same after this node was downed: there is a cluster somewhere. Default 2 min.</summary>
    public TimeSpan RefoundingMargin { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>
    /// How often a member that is alone looks whether a peer that it knows of is about but not with it, default 10 s; seen twice, it goes and joins
    /// that peer. This is how two clusters that a partition made become one again.
    /// </summary>
    public TimeSpan IslandCheck { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>First pause before a lost actor system is rebuilt, default 500 ms; doubles up to <see cref="MaxRebuildPause"/>.</summary>
    public TimeSpan RebuildPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Longest pause before a lost actor system is rebuilt, default 30 s. A membership of ten times this resets the pause.</summary>
    public TimeSpan MaxRebuildPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Time for a graceful leave, after which the system is ended as it is, default 10 s. A node that has asked to be let in waits for the answer first:
    /// the others may count it as a member already.
    /// </summary>
    public TimeSpan LeaveLimit { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Most peers remembered and asked, default 64: some more than members of a cluster.</summary>
    public int MaxKnownMembers { get; init; } = 64;

    /// <summary>Tests only: HOCON laid over everything else.</summary>
    internal string? Overlay { get; init; }

    /// <summary>Tests only: changes the transport's set-up, e.g. to take a guard away.</summary>
    internal Func<P2PTransportSetup, P2PTransportSetup>? TransportSetup { get; init; }

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        Timings.Validate();
        Transport.Validate();
        Paths.Validate();
        TimeSpan[] times =
        [
            JoinRetry, ReachLimit, JoinPatience, FoundingMargin, FoundingMarginWithPeers, RefoundingMargin, IslandCheck, RebuildPause,
            MaxRebuildPause, LeaveLimit, BlockedPatience, JoiningWord,
        ];
        foreach (TimeSpan time in times)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MaxKnownMembers, 1);
    }
}

/// <summary>Roles of members.</summary>
public static class ClusterRoles
{
    /// <summary>Trains and contributes.</summary>
    public const string Trainer = "trainer";

    /// <summary>Takes part without training.</summary>
    public const string Observer = "observer";

    /// <summary>Meant to be known to newcomers.</summary>
    public const string Seed = "seed";
}
