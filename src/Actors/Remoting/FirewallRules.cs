using System.Text;

namespace P2PLearn.Actors.Remoting;

/// <summary>What peers may send to this node's actor system: everything else is refused before anything is deserialized.</summary>
/// <remarks>
/// Cluster membership, DistributedData's replicators and the death watch's heartbeats are always allowed, each kind of message only to the actor
/// that it is for. Actors of ours that other nodes may write to are named one by one. Immutable; shared by all associations.
/// </remarks>
public sealed class FirewallRules
{
    private const int ByteArrays = 4;
    private const int Cluster = 5;
    private const int Replicator = 12;
    private const int Misc = 16;
    private const int Primitives = 17;
    private const int SystemMessages = 22;

    private readonly FirewallRule[] _rules;
    private readonly HashSet<int> _nestedIds;

    private FirewallRules(FirewallRule[] rules, HashSet<int> nestedIds, IReadOnlyList<string> userPaths)
    {
        SelectionPaths = ["/system/cluster/core/daemon", "/system/cluster/heartbeatReceiver", "/user/ddataReplicator", .. userPaths];
        _rules = rules;
        _nestedIds = nestedIds;
    }

    /// <summary>Membership and replication only; no actor of ours takes messages from other nodes.</summary>
    public static FirewallRules Default { get; } = For([], []);

    /// <summary>The paths that selections from other nodes may name.</summary>
    public IReadOnlyList<string> SelectionPaths { get; }

    /// <summary>Membership and replication, and actors of ours.</summary>
    /// <param name="userPaths">Whole paths of actors that other nodes may write to, e.g. <c>/user/round</c>.</param>
    /// <param name="serializerIds">Serializers of ours, 100 or above, that those actors' messages use.</param>
    /// <exception cref="ArgumentException">A path not below <c>/user/</c>, or an identifier of the framework's.</exception>
    public static FirewallRules For(IReadOnlyList<string> userPaths, IReadOnlyList<int> serializerIds)
    {
        ArgumentNullException.ThrowIfNull(userPaths);
        ArgumentNullException.ThrowIfNull(serializerIds);
        if (userPaths.FirstOrDefault(path => !IsUserPath(path)) is { } wrong)
        {
            throw new ArgumentException($"'{wrong}' is not the path of an actor of ours below /user/", nameof(userPaths));
        }

        if (serializerIds.Any(id => id < 100))
        {
            throw new ArgumentException("identifiers below 100 are the framework's", nameof(serializerIds));
        }

        List<FirewallRule> rules = [.. MembershipRules()];
        if (userPaths.Count > 0)
        {
            rules.AddRange(UserRules([.. userPaths.Select(PathRule.Exact)], serializerIds));
        }

        return new FirewallRules([.. rules], [ByteArrays, Primitives, .. serializerIds], userPaths);
    }

    /// <summary>True when a message with this serializer may stand inside an <c>Identify</c>, its answer or a <c>Status.Success</c>.</summary>
    internal bool MayNest(int serializerId) => _nestedIds.Contains(serializerId);

    /// <summary>Finds the rule for a message to a path.</summary>
    internal FrameVerdict Find(in AkkaMessage message, ReadOnlySpan<byte> path, out FirewallContent content)
    {
        content = FirewallContent.Opaque;
        FrameVerdict nearest = FrameVerdict.Serializer;
        foreach (FirewallRule rule in _rules)
        {
            if (rule.SerializerId != message.SerializerId)
            {
                continue;
            }

            bool manifest = rule.AllowsManifest(message.Manifest);
            if (manifest && rule.AllowsPath(path))
            {
                content = rule.Content;
                return FrameVerdict.Pass;
            }

            nearest = manifest || nearest == FrameVerdict.Recipient ? FrameVerdict.Recipient : FrameVerdict.Manifest;
        }

        return nearest;
    }

    private static bool IsUserPath(string path) =>
        path.StartsWith("/user/", StringComparison.Ordinal)
        && !path.StartsWith("/user/ddataReplicator", StringComparison.Ordinal)
        && path.All(c => char.IsAsciiLetterOrDigit(c) || c is '/' or '-' or '_');

    private static FirewallRule[] MembershipRules()
    {
        PathRule daemon = PathRule.Exact("/system/cluster/core/daemon");
        PathRule replicator = PathRule.Exact("/user/ddataReplicator");
        const string Internal = "Akka.Cluster.InternalClusterAction+";
        return
        [
            // Down and Leave are never sent by an honest node: they are local commands. ClusterRouterPool is remote deployment.
            new(Cluster, [$"{Internal}InitJoin, Akka.Cluster"], [daemon], FirewallContent.Opaque),
            new(
                Cluster,
                [
                    $"{Internal}Join, Akka.Cluster", $"{Internal}Welcome, Akka.Cluster",
                    "Akka.Cluster.GossipStatus, Akka.Cluster", "Akka.Cluster.GossipEnvelope, Akka.Cluster",
                ],
                [daemon],
                FirewallContent.OwnUniqueAddress),
            new(Cluster, [$"{Internal}ExitingConfirmed, Akka.Cluster"], [daemon], FirewallContent.OwnAddress),
            new(
                Cluster,
                [$"{Internal}InitJoinAck, Akka.Cluster", $"{Internal}InitJoinNack, Akka.Cluster"],
                [PathRule.ChildrenOf("/system/cluster/core/daemon")],
                FirewallContent.IsOwnAddress),
            new(Cluster, ["HB"], [PathRule.Exact("/system/cluster/heartbeatReceiver")], FirewallContent.OwnAddress),
            new(Cluster, ["HBR"], [PathRule.Exact("/system/cluster/core/daemon/heartbeatSender")], FirewallContent.OwnUniqueAddress),

            // Write, WriteAck, Read, ReadResult, Status, Gossip, WriteNack, DeltaPropagation, DeltaNack; the others are for local use.
            new(Replicator, ["I", "K", "M", "N", "Q"], [replicator], FirewallContent.Opaque),
            new(
                Replicator,
                ["J", "L", "O", "R"],
                [replicator, PathRule.ChildrenOf("/user/ddataReplicator")],
                FirewallContent.Opaque),
            new(Misc, ["RWHB", "RWHR"], [PathRule.Exact("/system/remote-watcher")], FirewallContent.Opaque),
        ];
    }

    private static IEnumerable<FirewallRule> UserRules(PathRule[] user, IReadOnlyList<int> serializerIds)
    {
        PathRule[] userAndReplies = [.. user, PathRule.ChildrenOf("/temp")];
        yield return new FirewallRule(Misc, ["ID", "AID", "STS"], userAndReplies, FirewallContent.NestedMessage);
        yield return new FirewallRule(Misc, ["AR"], userAndReplies, FirewallContent.Opaque);
        yield return new FirewallRule(
            SystemMessages,
            [
                "Akka.Dispatch.SysMsg.Watch, Akka", "Akka.Dispatch.SysMsg.Unwatch, Akka",
                "Akka.Dispatch.SysMsg.DeathWatchNotification, Akka",
            ],
            user,
            FirewallContent.Opaque);
        yield return new FirewallRule(ByteArrays, [""], userAndReplies, FirewallContent.Opaque);
        yield return new FirewallRule(Primitives, ["S", "I", "L"], userAndReplies, FirewallContent.Opaque);
        foreach (int id in serializerIds)
        {
            yield return new FirewallRule(id, [], userAndReplies, FirewallContent.Opaque); // their manifests are closed sets themselves
        }
    }
}

/// <summary>What is to be checked inside an allowed message.</summary>
internal enum FirewallContent
{
    /// <summary>Nothing: its serializer creates only its own types.</summary>
    Opaque,

    /// <summary>It is an AddressData, which has to be the peer's.</summary>
    IsOwnAddress,

    /// <summary>Field 1 is an AddressData, which has to be the peer's (so is a UniqueAddress by itself).</summary>
    OwnAddress,

    /// <summary>Field 1 is a UniqueAddress, whose field 1 has to be the peer's AddressData.</summary>
    OwnUniqueAddress,

    /// <summary>Field 1 is a Payload with a serializer of its own.</summary>
    NestedMessage,
}

/// <summary>Kinds of message that may go to some actors.</summary>
internal sealed class FirewallRule(int serializerId, string[] manifests, PathRule[] paths, FirewallContent content)
{
    private readonly byte[][] _manifests = [.. manifests.Select(Encoding.UTF8.GetBytes)];
    private readonly PathRule[] _paths = paths;

    public int SerializerId { get; } = serializerId;

    public FirewallContent Content { get; } = content;

    /// <summary>True for a listed manifest, or any when none is listed.</summary>
    public bool AllowsManifest(ReadOnlySpan<byte> manifest)
    {
        foreach (byte[] allowed in _manifests)
        {
            if (manifest.SequenceEqual(allowed))
            {
                return true;
            }
        }

        return _manifests.Length == 0;
    }

    public bool AllowsPath(ReadOnlySpan<byte> path)
    {
        foreach (PathRule rule in _paths)
        {
            if (rule.Allows(path))
            {
                return true;
            }
        }

        return false;
    }
}

/// <summary>One actor path, or the direct children of one.</summary>
internal sealed class PathRule
{
    private readonly byte[] _path;
    private readonly bool _children;

    private PathRule(string path, bool children)
    {
        _path = Encoding.UTF8.GetBytes(path);
        _children = children;
    }

    public static PathRule Exact(string path) => new(path, children: false);

    public static PathRule ChildrenOf(string path) => new(path + "/", children: true);

    public bool Allows(ReadOnlySpan<byte> path)
    {
        if (!_children)
        {
            return path.SequenceEqual(_path);
        }

        // A child's name; "..", which Akka resolves to the parent, is none.
        return path.StartsWith(_path) && FrameFirewall.IsName(path[_path.Length..]);
    }
}
