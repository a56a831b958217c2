using System.Reflection;
using Akka.Cluster;

namespace P2PLearn.Actors.Membership;

/// <summary>Whether the members should exchange news more often than an idle cluster does, since somebody comes or goes. Pure; time comes in.</summary>
/// <remarks>
/// Akka gossips at one pace, three times it while less than half of the members have seen the latest; at a pace that suits an idle home line a join would take ten
/// seconds and more. From each change on, until all members are up and nothing has changed for <see cref="Calm"/>, the node gossips as
/// often as <see cref="Remoting.AkkaTimings.HasteInterval"/> says; for at most <see cref="Longest"/>, so that a member that is stuck does not cost
/// for ever.
/// </remarks>
internal sealed class GossipHaste
{
    /// <summary>After the last change of a cluster in which all are up.</summary>
    public static readonly TimeSpan Calm = TimeSpan.FromSeconds(2);

    /// <summary>From the first of a row of changes.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(30);

    private TimeSpan? _began;
    private TimeSpan _changed;
    private bool _isSettled = true;

    /// <summary>Akka's own order to its cluster daemon to gossip; null in a version of Akka without it, where joining just takes longer.</summary>
    public static object? Tick { get; } = typeof(ClusterEvent).Assembly
        .GetType("Akka.Cluster.InternalClusterAction+GossipTick")?
        .GetProperty("Instance", BindingFlags.Static | BindingFlags.Public)?.GetValue(null);

    /// <summary>The members changed.</summary>
    /// <param name="members">Of which state they are.</param>
    /// <param name="now">Time since any fixed start.</param>
    public void Note(IEnumerable<MemberState> members, TimeSpan now)
    {
        if (!IsHasty(now))
        {
            _began = null;
        }

        _began ??= now;
        _changed = now;
        _isSettled = members.All(state => state == MemberState.Up);
    }

    /// <summary>Whether there is haste.</summary>
    public bool IsHasty(TimeSpan now) =>
        _began is { } began && now - began < Longest && (!_isSettled || now - _changed < Calm);
}
