namespace P2PLearn.Node.Management;

/// <summary>What the management endpoint needs of a node's distributed hash table.</summary>
public interface IManagedDht
{
    /// <summary>Its state now.</summary>
    DhtView View { get; }

    /// <summary>Signs a value, stores it with others under this node's name, and puts it again before it ends.</summary>
    /// <param name="name">The part of the key after the peer id.</param>
    /// <param name="value">The value.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UserErrorException">The name or the value cannot be used.</exception>
    Task<DhtStoredView> PutAsync(string name, ReadOnlyMemory<byte> value, CancellationToken cancellationToken);

    /// <summary>Searches a value.</summary>
    /// <param name="key"><c>PEER/NAME</c>, or the whole key <c>/p2plearn/PEER/NAME</c>.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <returns>Null when nobody who was asked has one that holds.</returns>
    /// <exception cref="UserErrorException">Not such a key.</exception>
    Task<DhtValueView?> GetAsync(string key, CancellationToken cancellationToken);

    /// <summary>Tells others that this node has the content of a CID, again and again while it runs.</summary>
    /// <exception cref="UserErrorException">Not a CID.</exception>
    Task<DhtStoredView> ProvideAsync(string cid, CancellationToken cancellationToken);

    /// <summary>Where a peer is.</summary>
    /// <returns>Null when nobody who was asked knows.</returns>
    /// <exception cref="UserErrorException">Not a peer id.</exception>
    Task<DhtPeerView?> FindPeerAsync(string peer, CancellationToken cancellationToken);

    /// <summary>Who says that it has the content of a CID.</summary>
    /// <param name="cid">The content.</param>
    /// <param name="max">The search ends with so many.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="UserErrorException">Not a CID.</exception>
    Task<IReadOnlyList<DhtPeerView>> FindProvidersAsync(string cid, int max, CancellationToken cancellationToken);
}
