using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

/// <summary>The line and the disk work at the same time.</summary>
public sealed class FetchPipelineTests
{
    private const int MaxStoring = 16;

    [Fact]
    public async Task Blocks_come_while_none_of_those_before_is_stored_up_to_a_bound()
    {
        await using var fabric = new Fabric();
        Block[] blocks = SomeBlocks.List(60, 262_144);
        await using BlockNode donor = await BlockNode.CreateAsync(fabric, 1, blocks);
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        var store = new HeldStore(temporary.Store);
        FabricNode node = fabric.AddNode(2);
        await using var bitswap = new BitswapService(node, store, new BitswapOptions(), TimeProvider.System, NullLoggerFactory.Instance);
        var fetcher = new BlockFetcher(bitswap, store, new FetchOptions(), 1, TimeProvider.System, NullLoggerFactory.Instance);

        Task fetching = fetcher.FetchAsync(
            [.. blocks.Select(b => new BlockRef(b.Cid, b.Size))], BlockNode.ListAsync([donor.Id]), null, default);

        await Within.UntilAsync(() => store.Waiting == MaxStoring, "blocks to wait for the disk");
        store.Open();
        await fetching.LimitAsync("the fetch");
        Assert.Equal(MaxStoring, store.MostWaiting);
        await node.DisposeAsync();
    }

    /// <summary>A disk that writes nothing until it is told to.</summary>
    private sealed class HeldStore(IBlockStore inner) : IBlockStore
    {
        private readonly TaskCompletionSource _open = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _waiting;
        private int _mostWaiting;

        public int Waiting => Volatile.Read(ref _waiting);

        public int MostWaiting => Volatile.Read(ref _mostWaiting);

        public void Open() => _open.SetResult();

        public async ValueTask PutAsync(Block block, CancellationToken cancellationToken)
        {
            int waiting = Interlocked.Increment(ref _waiting);
            InterlockedMax(waiting);
            await _open.Task;
            await inner.PutAsync(block, cancellationToken);
            Interlocked.Decrement(ref _waiting);
        }

        public bool TryGetSize(Cid cid, out int bytes) => inner.TryGetSize(cid, out bytes);

        public ValueTask<bool> HasAsync(Cid cid, CancellationToken cancellationToken) => inner.HasAsync(cid, cancellationToken);

        public ValueTask<Block?> GetAsync(Cid cid, CancellationToken cancellationToken) => inner.GetAsync(cid, cancellationToken);

        public ValueTask<bool> DeleteAsync(Cid cid, CancellationToken cancellationToken) => inner.DeleteAsync(cid, cancellationToken);

        public ValueTask PinAsync(string name, IReadOnlyCollection<Cid> cids, CancellationToken cancellationToken) =>
            inner.PinAsync(name, cids, cancellationToken);

        public ValueTask<bool> UnpinAsync(string name, CancellationToken cancellationToken) => inner.UnpinAsync(name, cancellationToken);

        public ValueTask<bool> DropAsync(string name, CancellationToken cancellationToken) => inner.DropAsync(name, cancellationToken);

        public IReadOnlyList<string> ListPins(string prefix) => inner.ListPins(prefix);

        public BlockStoreStats Stats() => inner.Stats();

        private void InterlockedMax(int value)
        {
            int seen;
            while ((seen = Volatile.Read(ref _mostWaiting)) < value)
            {
                Interlocked.CompareExchange(ref _mostWaiting, value, seen);
            }
        }
    }
}
