using System.Runtime.InteropServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Models;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Models;

/// <summary>The blocks and models of a node of a fabric.</summary>
internal sealed class LibraryNode : IAsyncDisposable
{
    private readonly FileBlockStore _store;
    private readonly BitswapService _bitswap;

    private LibraryNode(FileBlockStore store, FabricNode node, int index)
    {
        _store = store;
        _bitswap = new BitswapService(node, store, new BitswapOptions(), TimeProvider.System, NullLoggerFactory.Instance);
        var fetcher = new BlockFetcher(
            _bitswap, store, new FetchOptions { NoProviderTimeout = TimeSpan.FromSeconds(1) }, index, TimeProvider.System, NullLoggerFactory.Instance);
        Library = new ModelLibrary(store, fetcher, null, new ManifestLimits(), TimeProvider.System);
        Peer = node.LocalPeer;
        Key = TestPeers.Key(index);
    }

    public ModelLibrary Library { get; }

    public FileBlockStore Store => _store;

    public PeerId Peer { get; }

    public KeyPair Key { get; }

    public static async Task<LibraryNode> OpenAsync(FabricNode node, int index, string folder, BlockStoreOptions? options = null) => new(
        await FileBlockStore.OpenAsync(folder, options ?? new BlockStoreOptions(), TimeProvider.System, NullLoggerFactory.Instance, CancellationToken.None)
            .LimitAsync("opening the store"),
        node,
        index);

    /// <summary>A model of two large layers, each of one value.</summary>
    public static (ModelLayout Layout, byte[] Bytes) Model(float first, float second)
    {
        var layout = new ModelLayout([new("first", [300, 300]), new("second", [200, 500])]);
        float[] values = [.. Enumerable.Repeat(first, 90_000), .. Enumerable.Repeat(second, 100_000)];
        return (layout, MemoryMarshal.AsBytes(values.AsSpan()).ToArray());
    }

    public async ValueTask DisposeAsync()
    {
        await Library.DisposeAsync();
        await _bitswap.DisposeAsync();
        await _store.DisposeAsync();
        Key.Dispose();
    }
}
