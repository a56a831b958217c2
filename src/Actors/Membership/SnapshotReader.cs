using System.Collections;
using System.Reflection;
using Akka.Actor;
using Akka.Cluster;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Membership;

/// <summary>Akka's cluster state as ours. Pure.</summary>
internal static class SnapshotReader
{
    /// <summary>The internal event that tells who calls whom unreachable; Akka publishes it but does not name it.</summary>
    /// <remarks>Without it (another Akka version) members are still seen as unreachable, only the observers are missing.</remarks>
    public static Type? ReachabilityChanged { get; } =
        typeof(ClusterEvent).GetNestedType("ReachabilityChanged", BindingFlags.NonPublic | BindingFlags.Public);

    /// <summary>Reads the observers of each unreachable member out of a <see cref="ReachabilityChanged"/>.</summary>
    public static IReadOnlyDictionary<UniqueAddress, IReadOnlyList<PeerId>> ObserversOf(object reachabilityChanged)
    {
        var observers = new Dictionary<UniqueAddress, IReadOnlyList<PeerId>>();
        object? reachability = PropertyOf(reachabilityChanged, "Reachability");
        foreach (object? row in PropertyOf(reachability, "ObserversGroupedByUnreachable") as IEnumerable ?? Array.Empty<object>())
        {
            if (row is KeyValuePair<UniqueAddress, System.Collections.Immutable.ImmutableHashSet<UniqueAddress>> pair)
            {
                observers[pair.Key] = [.. pair.Value.Select(by => PeerOf(by.Address)).OfType<PeerId>().Order()];
            }
        }

        return observers;
    }

    /// <summary>Translates a state; members whose address names no peer cannot exist behind the transport and are left out.</summary>
    public static ClusterSnapshot Read(
        PeerId self,
        ClusterEvent.CurrentClusterState state,
        IReadOnlyDictionary<UniqueAddress, IReadOnlyList<PeerId>> observers)
    {
        Member[] byAge = [.. state.Members.Where(m => m.Status is MemberStatus.Up or MemberStatus.Leaving).Order(Age)];
        return new ClusterSnapshot
        {
            Self = self,
            Members = [.. state.Members.Select(member => Translate(member, state, observers)).OfType<ClusterMember>()
                .OrderBy(member => member.Address.Host, StringComparer.Ordinal)],
            Leader = PeerOf(state.Leader),
            Oldest = byAge.Length > 0 ? PeerOf(byAge[0].Address) : null,
            OldestByRole = OldestByRole(byAge),
        };
    }

    /// <summary>The peer behind an address; null for none.</summary>
    public static PeerId? PeerOf(Address? address) => AkkaAddress.TryGetPeer(address, out PeerId? peer) ? peer : null;

    private static readonly Comparer<Member> Age =
        Comparer<Member>.Create((a, b) => a.Equals(b) ? 0 : a.IsOlderThan(b) ? -1 : 1);

    private static Dictionary<string, PeerId> OldestByRole(Member[] byAge)
    {
        var oldest = new Dictionary<string, PeerId>(StringComparer.Ordinal);
        foreach (Member member in byAge)
        {
            foreach (string role in member.Roles)
            {
                if (PeerOf(member.Address) is { } peer)
                {
                    oldest.TryAdd(role, peer);
                }
            }
        }

        return oldest;
    }

    private static ClusterMember? Translate(
        Member member, ClusterEvent.CurrentClusterState state, IReadOnlyDictionary<UniqueAddress, IReadOnlyList<PeerId>> observers) =>
        PeerOf(member.Address) is { } peer
            ? new ClusterMember(
                peer,
                member.Address,
                member.UniqueAddress.Uid,
                [.. member.Roles.Order(StringComparer.Ordinal)],
                StateOf(member.Status),
                !state.Unreachable.Contains(member),
                observers.GetValueOrDefault(member.UniqueAddress) ?? [],
                member.AppVersion.Version)
            : null;

    private static MemberState StateOf(MemberStatus status) => status switch
    {
        MemberStatus.Joining => MemberState.Joining,
        MemberStatus.WeaklyUp => MemberState.WeaklyUp,
        MemberStatus.Up => MemberState.Up,
        MemberStatus.Leaving => MemberState.Leaving,
        MemberStatus.Exiting => MemberState.Exiting,
        MemberStatus.Down => MemberState.Down,
        _ => MemberState.Removed,
    };

    private static object? PropertyOf(object? instance, string name) =>
        instance?.GetType().GetProperty(name, BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic)?.GetValue(instance);
}
