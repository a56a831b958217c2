using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>A node's blocks and models: the store, bitswap with the members, and fetching.</summary>
internal sealed class NodeContent : IAsyncDisposable
{
    private readonly BitswapService _bitswap;

    private NodeContent(FileBlockStore blocks, NodeNetwork network, TimeProvider time, ILoggerFactory loggers)
    {
        Blocks = blocks;
        _bitswap = new BitswapService(network.Streams, blocks, new BitswapOptions(), time, loggers);
        int seed = network.Identity.PeerId.GetHashCode(); // another order of asking at each node
        var fetcher = new BlockFetcher(_bitswap, blocks, new FetchOptions(), seed, time, loggers);
        KadRouting? routing = network.Kad is { } kad ? new KadRouting(kad, network.Swarm) : null;
        Models = new ModelLibrary(blocks, fetcher, routing, new ManifestLimits(), time);
    }

    /// <summary>The blocks.</summary>
    public FileBlockStore Blocks { get; }

    /// <summary>The models.</summary>
    public ModelLibrary Models { get; }

    /// <summary>Opens the store and begins to serve members.</summary>
    /// <exception cref="UserErrorException">The store cannot be opened.</exception>
    public static async Task<NodeContent> OpenAsync(
        BlocksSection options, DataDirectory data, NodeNetwork network, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken) =>
        new(await OpenStoreAsync(data.BlocksFolder, options.QuotaBytes, loggers, time, cancellationToken), network, time, loggers);

    /// <summary>Opens a store of blocks, or says in one line why not.</summary>
    /// <exception cref="UserErrorException">In use, damaged, of a newer version, or the disk failed.</exception>
    public static async Task<FileBlockStore> OpenStoreAsync(
        string folder, long quotaBytes, ILoggerFactory loggers, TimeProvider time, CancellationToken cancellationToken)
    {
        try
        {
            return await FileBlockStore.OpenAsync(
                folder, new BlockStoreOptions { QuotaBytes = quotaBytes }, time, loggers, cancellationToken);
        }
        catch (BlockStoreException e)
        {
            string hint = e.Problem == BlockStoreProblem.IndexDamaged
                ? $"; run 'p2plearn doctor --repair --data-dir {Path.GetDirectoryName(folder)}'"
                : "";
            throw new UserErrorException(e.Message.TrimEnd('.') + hint);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Models.DisposeAsync();
        await _bitswap.DisposeAsync();
        await Blocks.DisposeAsync();
    }
}
