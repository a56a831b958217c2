using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;

namespace P2PLearn.Networking.Blocks;

/// <summary>Fetches blocks from several providers at once into a store, over bitswap.</summary>
/// <remarks>
/// Blocks that the store has are not fetched again, so a fetch that broke off goes on where it was. What has come is served to others at
/// once. A provider that sends what nobody asked for is dropped and remembered; one that stalls is dropped within
/// <see cref="FetchOptions.StallTimeout"/>. Safe for several threads; fetches may run beside each other.
/// </remarks>
public sealed class BlockFetcher
{
    private const int UnknownSize = 0;
    private readonly BitswapService _bitswap;
    private readonly IBlockStore _store;
    private readonly FetchOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ProviderMemory _memory;
    private readonly int _seed;
    private int _fetches;

    /// <summary>Creates a fetcher.</summary>
    /// <param name="bitswap">Carries the wants; not owned.</param>
    /// <param name="store">Where blocks go; the one that <paramref name="bitswap"/> serves; not owned.</param>
    /// <param name="options">How.</param>
    /// <param name="seed">Of the order in which blocks are asked for; another one at each node.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes the logger.</param>
    public BlockFetcher(
        BitswapService bitswap, IBlockStore store, FetchOptions options, int seed, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(bitswap);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        (_bitswap, _store, _options, _seed, _time) = (bitswap, store, options, seed, time);
        _log = loggers.CreateLogger<BlockFetcher>();
        _memory = new ProviderMemory(options, time);
    }

    /// <summary>Fetches blocks; all of them are in the store when the task ends.</summary>
    /// <param name="blocks">Which; as a manifest lists them.</param>
    /// <param name="providers">Peers that may have them; more may come while the fetch runs.</param>
    /// <param name="progress">Told after each block; null for nobody.</param>
    /// <param name="cancellationToken">Ends the fetch; what came stays in the store.</param>
    /// <exception cref="BlockFetchException">No provider is left, or a block has another size than listed.</exception>
    /// <exception cref="BlockStoreException">The store cannot take a block.</exception>
    public async Task FetchAsync(
        IReadOnlyCollection<BlockRef> blocks,
        IAsyncEnumerable<PeerId> providers,
        IProgress<FetchProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(blocks);
        ArgumentNullException.ThrowIfNull(providers);
        var random = new Random(HashCode.Combine(_seed, Interlocked.Increment(ref _fetches)));
        var run = new FetchRun(_bitswap, _store, _options, _time, _log, _memory, [.. blocks.DistinctBy(b => b.Cid)], progress, random);
        await run.RunAsync(providers, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Fetches the manifest of a model, and checks it.</summary>
    /// <param name="root">Its CID.</param>
    /// <param name="limits">Most of everything.</param>
    /// <param name="providers">Peers that may have it.</param>
    /// <param name="cancellationToken">Ends the fetch.</param>
    /// <exception cref="BlockFetchException">No provider is left, or it is no valid manifest.</exception>
    public async Task<SignedManifest> FetchManifestAsync(
        Cid root, ManifestLimits limits, IAsyncEnumerable<PeerId> providers, CancellationToken cancellationToken)
    {
        await FetchAsync([new BlockRef(root, UnknownSize)], providers, null, cancellationToken).ConfigureAwait(false);
        Block block = await _store.GetAsync(root, cancellationToken).ConfigureAwait(false)
            ?? throw new BlockFetchException($"{root} was evicted as soon as it came");
        ManifestProblem problem = BlockManifest.TryOpen(block.Content.Span, limits, out SignedManifest? manifest);
        return manifest ?? throw new BlockFetchException($"{root} is no valid manifest: {problem}");
    }
}
