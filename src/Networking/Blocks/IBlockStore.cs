using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Blocks by their names, with a quota. What was acknowledged survives a crash.</summary>
/// <remarks>Safe for several threads. A call that is cancelled half-way may or may not have had its effect.</remarks>
public interface IBlockStore
{
    /// <summary>How many bytes a block has; false when it is not held. Answered from the index, without reading the block.</summary>
    bool TryGetSize(Cid cid, out int bytes);

    /// <summary>Whether a block is held.</summary>
    ValueTask<bool> HasAsync(Cid cid, CancellationToken cancellationToken);

    /// <summary>Reads and verifies a block; null when it is not held. One that is damaged is forgotten, so that it can be fetched again.</summary>
    ValueTask<Block?> GetAsync(Cid cid, CancellationToken cancellationToken);

    /// <summary>Keeps a block; it is on the disk when the task ends. One that is held already costs nothing.</summary>
    /// <exception cref="BlockStoreException">The quota is taken by pinned blocks, or the disk is full or failed; nothing has changed.</exception>
    ValueTask PutAsync(Block block, CancellationToken cancellationToken);

    /// <summary>Deletes a block, pinned or not.</summary>
    /// <returns>False when it was not held.</returns>
    ValueTask<bool> DeleteAsync(Cid cid, CancellationToken cancellationToken);

    /// <summary>
    /// Keeps blocks from eviction under a name, in place of what the name pinned before. They need not be held yet: pinned first, they are
    /// safe from the moment they come. What a root refers to is the caller's to list.
    /// </summary>
    ValueTask PinAsync(string name, IReadOnlyCollection<Cid> cids, CancellationToken cancellationToken);

    /// <summary>Ends a pin. Its blocks may be evicted, unless another pin has them.</summary>
    /// <returns>False when there was none of this name.</returns>
    ValueTask<bool> UnpinAsync(string name, CancellationToken cancellationToken);

    /// <summary>Ends a pin and deletes the blocks that no other pin has.</summary>
    /// <returns>False when there was none of this name.</returns>
    ValueTask<bool> DropAsync(string name, CancellationToken cancellationToken);

    /// <summary>The names of the pins that begin with a prefix, ascending.</summary>
    IReadOnlyList<string> ListPins(string prefix);

    /// <summary>How much is held and pinned.</summary>
    BlockStoreStats Stats();
}
