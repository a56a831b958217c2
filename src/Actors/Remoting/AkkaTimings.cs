namespace P2PLearn.Actors.Remoting;

/// <summary>How fast the cluster notices and decides.</summary>
/// <remarks>
/// The defaults are for a mesh over home lines: one heartbeat every 2 s to five members (about 1–8 kB a second and node), a pause of 12 s before
/// anybody is called unreachable, and half a minute of stable disagreement before the resolver acts.
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
        SeedAnswer = TimeSpan.FromSeconds(1),
    };

    /// <summary>Between two heartbeats to a member, default 2 s.</summary>
    public TimeSpan HeartbeatInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Silence that is no reason for suspicion yet, default 12 s: a lost and redialled connection stays unnoticed.</summary>
    public TimeSpan HeartbeatPause { get; init; } = TimeSpan.FromSeconds(12);

    /// <summary>Members that watch each member, default 5.</summary>
    public int MonitoredBy { get; init; } = 5;

    /// <summary>
    /// How long membership and reachability must not change before the resolver downs the smaller side, default 30 s; by rule of thumb at least
    /// 10 s × log10 of the number of members, and more than <see cref="HeartbeatPause"/>.
    /// </summary>
    public TimeSpan StableAfter { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Between two gossip exchanges and between two of the leader's actions, default 1 s: joining takes about one.</summary>
    public TimeSpan GossipInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>After this long without agreement a joining node takes part as weakly up, default 7 s.</summary>
    public TimeSpan WeaklyUpAfter { get; init; } = TimeSpan.FromSeconds(7);

    /// <summary>Pause before an address is tried again after its link broke, default 500 ms.</summary>
    public TimeSpan RetryGate { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Time for opening an association, hole punching and relays included, default 30 s.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Time for an answer of a member that is asked to let us in, before all are asked again, default 2 s.</summary>
    public TimeSpan SeedAnswer { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Between two digests of replicated data; changes themselves go out five times as often. Default 2 s.</summary>
    public TimeSpan ReplicationInterval { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Delay, at most, before subscribers of replicated data hear of a change, default 200 ms.</summary>
    public TimeSpan ReplicationNotify { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        TimeSpan[] all =
        [
            HeartbeatInterval, HeartbeatPause, StableAfter, GossipInterval, WeaklyUpAfter, RetryGate, HandshakeTimeout, SeedAnswer,
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
