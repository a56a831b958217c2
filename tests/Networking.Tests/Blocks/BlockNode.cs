using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

/// <summary>A node of a fabric with a store, bitswap and a fetcher.</summary>
internal sealed class BlockNode : IAsyncDisposable
{
    private BlockNode(FabricNode node, TemporaryStore temporary, FetchOptions? options, int index, TimeProvider time)
    {
        Node = node;
        Temporary = temporary;
        Bitswap = new BitswapService(node, temporary.Store, new BitswapOptions(), time, NullLoggerFactory.Instance);
        Fetcher = new BlockFetcher(
            Bitswap, temporary.Store, options ?? new FetchOptions(), index, time, NullLoggerFactory.Instance);
    }

    public FabricNode Node { get; }

    public TemporaryStore Temporary { get; }

    public FileBlockStore Store => Temporary.Store;

    public BitswapService Bitswap { get; }

    public BlockFetcher Fetcher { get; }

    public PeerId Id => Node.LocalPeer;

    public static async Task<BlockNode> CreateAsync(
        Fabric fabric, int index, IEnumerable<Block>? blocks = null, FetchOptions? options = null, TimeProvider? time = null)
    {
        TemporaryStore temporary = await TemporaryStore.CreateAsync();
        await temporary.Store.PutAllAsync(blocks ?? []);
        return new BlockNode(fabric.AddNode(index), temporary, options, index, time ?? TimeProvider.System);
    }

    public Task FetchAsync(IEnumerable<Block> blocks, params PeerId[] providers) => FetchAsync(blocks, null, default, providers);

    public Task FetchAsync(
        IEnumerable<Block> blocks, IProgress<FetchProgress>? progress, CancellationToken cancellationToken, params PeerId[] providers) =>
        Fetcher.FetchAsync([.. blocks.Select(b => new BlockRef(b.Cid, b.Size))], ListAsync(providers), progress, cancellationToken);

    public async ValueTask DisposeAsync()
    {
        await Bitswap.DisposeAsync();
        await Node.DisposeAsync();
        await Temporary.DisposeAsync();
    }

    public static async IAsyncEnumerable<PeerId> ListAsync(
        IEnumerable<PeerId> peers, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        foreach (PeerId peer in peers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return peer;
        }
    }
}
