namespace P2PLearn.Actors.Remoting;

/// <summary>How fast the cluster notices and decides.</summary>
/// <remarks>
/// The defaults are for a mesh over home lines, where every byte that an idle node sends counts: 8 kB a second, as with Akka's own, is 21 GB a month. What costs:
/// heartbeats to <see cref="MonitoredBy"/> members and the answers, gossip to one member, digests of replicated data to one member, each some
/// 300 bytes, since both paths are in every message. So a lost member is noticed after 20 to 30 s and removed half a minute later; a
/// connection that breaks is healed long before (<see cref="P2PTransportOptions.ResumeLimit"/>). Joining does not wait for any of them:
/// while somebody comes or goes gossip goes every <see cref="HasteInterval"/>, and the leader looks every <see cref="DecisionInterval"/>.
/// </remarks>
public sealed record AkkaTimings
{
    /// <summary>For home lines and the internet.</summary>
    public static AkkaTimings WideArea { get; } = new();

    /// <summary>For one machine or one room: notices a loss in some 5 s and removes the lost member some 7 s later.</summary>
    public static AkkaTimings LocalNetwork { get; } = new()
    {
        HeartbeatInterval = TimeSpan.FromSeconds(1),
        HeartbeatPause = TimeSpan.FromSeconds(4),
        StableAfter = TimeSpan.FromSeconds(6),
        GossipInterval = TimeSpan.FromSeconds(1),
        HasteInterval = TimeSpan.FromSeconds(1),
        ReplicationInterval = TimeSpan.FromSeconds(2),
        SeedAnswer = TimeSpan.FromSeconds(1),
    };

    /// <summary>Between two heartbeats to a member, default 5 s.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Silence beyond the interval that is no reason for suspicion yet, default 15 s: longer than an association waits to go on after a break, so that
    /// nobody notices one that is healed.
    /// </summary>
    public TimeSpan HeartbeatPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Members that watch each member, default 5.</summary>
    public int MonitoredBy { get; init; } = 5;

    /// <summary>
    /// How long membership and reachability must not change before the resolver downs the smaller side, default 30 s; by rule of thumb at least
    /// 10 s × log10 of the number of members, and more than <see cref="HeartbeatPause"/>.
    /// </summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Between two gossip exchanges of an idle cluster, default 3 s.</summary>
    public TimeSpan GossipInterval { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>The same while somebody comes or goes, default 500 ms: joining takes a few exchanges. Of use only if shorter than <see cref="GossipInterval"/>.</summary>
    public TimeSpan HasteInterval { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Between two of the leader's looks at what is agreed, default 1 s: joining takes one or two. Costs no traffic.</summary>
    public TimeSpan DecisionInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// Between two signs of life on an association itself, default 30 s: the cluster's heartbeats and the network's own notice sooner. Four missed ones
    /// end it.
    /// </summary>
    public TimeSpan LinkHeartbeat { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>After this long without agreement a joining node takes part as weakly up, default 7 s.</summary>
    public TimeSpan WeaklyUpAfter { get; init; } = TimeSpan.FromSeconds(7);

    /// <summary>Pause before an address is tried again after its link broke, default 500 ms.</summary>
    public TimeSpan RetryGate { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Time for opening an association, hole punching and relays included, default 30 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time for an answer of a member that is asked to let us in, before all are asked again, default 2 s.</summary>
    public TimeSpan SeedAnswer { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Between two digests of replicated data; changes themselves go out five times as often. Default 6 s.</summary>
    /// <remarks>A digest names four keys; with all shards in use there are five of them each time.</remarks>
    public TimeSpan ReplicationInterval { get; init; } = TimeSpan.FromSeconds(6);

    /// <summary>Delay, at most, before subscribers of replicated data hear of a change, default 200 ms.</summary>
    public TimeSpan ReplicationNotify { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Members exchange news more often while somebody comes or goes.</summary>
    internal bool IsHasteUseful => HasteInterval < GossipInterval;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        TimeSpan[] all =
        [
            HeartbeatInterval, HeartbeatPause, StableAfter, GossipInterval, HasteInterval, DecisionInterval, LinkHeartbeat, WeaklyUpAfter, RetryGate, HandshakeTimeout, SeedAnswer,
            ReplicationInterval, ReplicationNotify,
        ];
        foreach (TimeSpan value in all)
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(value, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(HeartbeatPause, HeartbeatInterval);
        ArgumentOutOfRangeException.ThrowIfLessThan(MonitoredBy, 1);
    }
}
