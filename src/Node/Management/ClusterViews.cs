using System.Runtime.CompilerServices;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Node.Management;

/// <summary>Turns what the cluster host knows into Akka Management's form.</summary>
internal static class ClusterViews
{
    /// <summary>The whole cluster.</summary>
    public static ClusterView Of(ClusterSnapshot snapshot) => new(
        AkkaAddress.Of(snapshot.Self).ToString(),
        [.. snapshot.Members.Select(Of)],
        [.. snapshot.Unreachable.Select(m => new UnreachableView(m.Address.ToString(), [.. m.ObservedBy.Select(AddressOf)]))],
        snapshot.Leader is { } leader ? AddressOf(leader) : null,
        snapshot.Oldest is { } oldest ? AddressOf(oldest) : null,
        snapshot.OldestByRole.ToDictionary(pair => pair.Key, pair => AddressOf(pair.Value)));

    /// <summary>The member that a person means: "self", an address with or without scheme, a peer id in either form, or a unique prefix.</summary>
    public static ClusterMember? Find(ClusterSnapshot snapshot, string text)
    {
        if (text == "self")
        {
            return snapshot.SelfMember;
        }

        ClusterMember[] matches = [.. snapshot.Members.Where(m => Names(m).Any(name => name.StartsWith(text, StringComparison.Ordinal)))];
        return matches.Length == 1 ? matches[0] : matches.FirstOrDefault(m => Names(m).Contains(text));
    }

    /// <summary>Events from now on, the present members first.</summary>
    public static async IAsyncEnumerable<ClusterEventView> Watch(
        ClusterHost? cluster, TimeProvider time, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (cluster is null)
        {
            yield break;
        }

        using ClusterSubscription subscription = cluster.Subscribe();
        foreach (ClusterMember member in subscription.Current.Members)
        {
            yield return new ClusterEventView("Member" + member.State, member.Address.ToString(), time.GetUtcNow());
        }

        await foreach (ClusterChange change in subscription.Changes.ReadAllAsync(cancellationToken))
        {
            yield return new ClusterEventView(change.Kind.ToString(), change.Peer is { } peer ? AddressOf(peer) : "", change.At);
        }
    }

    private static MemberView Of(ClusterMember member) => new(
        member.Address.ToString(),
        member.Uid.ToString(System.Globalization.CultureInfo.InvariantCulture),
        member.State.ToString(),
        member.Roles,
        member.AppVersion,
        member.Peer.ToString());

    private static string AddressOf(PeerId peer) => AkkaAddress.Of(peer).ToString();

    private static string[] Names(ClusterMember member)
    {
        string address = member.Address.ToString();
        return [address, address[(address.IndexOf("://", StringComparison.Ordinal) + 3)..], member.Peer.ToString(), member.Peer.ToBase36()];
    }
}
