using System.Text.Json.Nodes;

namespace P2PLearn.Node.Management;

/// <summary>What the management endpoint needs of a running node.</summary>
public interface IManagedNode
{
    /// <summary>The cluster now, or null while the node has not joined (or is rebuilding).</summary>
    ClusterView? Cluster { get; }

    /// <summary>What this node is and does: addresses, mesh, round, model; the shape of <c>GET /node</c>.</summary>
    JsonObject Describe();

    /// <summary>How this node is reached and reaches others.</summary>
    NatView Nat { get; }

    /// <summary>Its distributed hash table; null when it has none.</summary>
    IManagedDht? Dht { get; }

    /// <summary>Its models; null when it keeps none.</summary>
    IManagedModels? Models { get; }

    /// <summary>Membership events from now on, current members first.</summary>
    IAsyncEnumerable<ClusterEventView> WatchClusterAsync(CancellationToken cancellationToken);

    /// <summary>Makes a member leave gracefully.</summary>
    /// <param name="member">Address with or without scheme, peer id in either form, or a unique prefix of one.</param>
    /// <param name="cancellationToken">Gives up waiting.</param>
    /// <returns>The full address, or null when no member matches.</returns>
    ValueTask<string?> LeaveAsync(string member, CancellationToken cancellationToken);

    /// <summary>Marks a member as down: it is removed without being asked.</summary>
    /// <returns>The full address, or null when no member matches.</returns>
    ValueTask<string?> DownAsync(string member, CancellationToken cancellationToken);
}
