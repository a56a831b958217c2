using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.NatPeer;

/// <summary>How a peer cheats those who fetch from it.</summary>
internal enum BlockLie
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Says that it has a block, and sends another content.</summary>
    Wrong,

    /// <summary>Says that it has a block, and never sends it.</summary>
    Mute,
}

/// <summary>A store that says what it has, and hands out something else or nothing. Manifests it hands out as they are, so that a fetch
/// meets the lie among the model's blocks.</summary>
internal sealed class LyingStore(IBlockStore inner, BlockLie lie, EventWriter events) : IBlockStore
{
    public bool TryGetSize(Cid cid, out int bytes) => inner.TryGetSize(cid, out bytes);

    public ValueTask<bool> HasAsync(Cid cid, CancellationToken cancellationToken) => inner.HasAsync(cid, cancellationToken);

    public async ValueTask<Block?> GetAsync(Cid cid, CancellationToken cancellationToken)
    {
        Block? block = await inner.GetAsync(cid, cancellationToken);
        if (block is null || block.Size < BlockSplitter.MinBlockBytes)
        {
            return block;
        }

        events.Write("lied", ("block", cid.ToString()));
        if (lie == BlockLie.Mute)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        }

        byte[] content = block.Content.ToArray();
        content[^1] ^= 1;
        return Block.Create(content);
    }

    public ValueTask PutAsync(Block block, CancellationToken cancellationToken) => inner.PutAsync(block, cancellationToken);

    public ValueTask<bool> DeleteAsync(Cid cid, CancellationToken cancellationToken) => inner.DeleteAsync(cid, cancellationToken);

    public ValueTask PinAsync(string name, IReadOnlyCollection<Cid> cids, CancellationToken cancellationToken) =>
        inner.PinAsync(name, cids, cancellationToken);

    public ValueTask<bool> UnpinAsync(string name, CancellationToken cancellationToken) => inner.UnpinAsync(name, cancellationToken);

    public ValueTask<bool> DropAsync(string name, CancellationToken cancellationToken) => inner.DropAsync(name, cancellationToken);

    public IReadOnlyList<string> ListPins(string prefix) => inner.ListPins(prefix);

    public BlockStoreStats Stats() => inner.Stats();
}
