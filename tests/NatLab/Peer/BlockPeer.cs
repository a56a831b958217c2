using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.NatPeer;

/// <summary>A peer's block store, and what it does with models: makes them up, serves them, fetches them.</summary>
internal sealed class BlockPeer : IAsyncDisposable
{
    private readonly Swarm _swarm;
    private readonly FileBlockStore _store;
    private readonly EventWriter _events;
    private readonly BitswapService _bitswap;
    private readonly BlockFetcher _fetcher;

    private BlockPeer(Swarm swarm, FileBlockStore store, BlockLie lie, EventWriter events, ILoggerFactory loggers)
    {
        (_swarm, _store, _events) = (swarm, store, events);
        IBlockStore served = lie == BlockLie.None ? store : new LyingStore(store, lie, events);
        _bitswap = new BitswapService(swarm, served, new BitswapOptions(), TimeProvider.System, loggers);
        _fetcher = new BlockFetcher(
            _bitswap, store, new FetchOptions(), RandomNumberGenerator.GetInt32(int.MaxValue), TimeProvider.System, loggers);
    }

    /// <summary>Opens the store, and begins to serve it.</summary>
    public static async Task<BlockPeer> OpenAsync(Swarm swarm, string folder, BlockLie lie, EventWriter events, ILoggerFactory loggers)
    {
        FileBlockStore store = await FileBlockStore.OpenAsync(
            folder, new BlockStoreOptions(), TimeProvider.System, loggers, CancellationToken.None);
        return new BlockPeer(swarm, store, lie, events, loggers);
    }

    /// <summary>Makes up a model and stores it. The same size and seed give the same root at every peer: the maker's key comes from the seed too.</summary>
    public async Task<JsonNode?> SeedAsync(int bytes, int seed, CancellationToken cancellationToken)
    {
        var random = new Random(seed);
        byte[] key = new byte[KeyPair.SeedBytes];
        random.NextBytes(key);
        byte[] model = new byte[bytes];
        random.NextBytes(model);
        IReadOnlyList<BlockPart> parts = BlockSplitter.Split(model, []);
        var manifest = new BlockManifest
        {
            Run = new byte[BlockManifest.HashBytes],
            Round = 0,
            LayoutHash = new byte[BlockManifest.HashBytes],
            Dtype = ModelDtype.Int8,
            Blocks = [.. parts.Select(p => new BlockRef(p.Cid, p.Size))],
            Parents = [],
        };
        using KeyPair maker = KeyPair.FromSeed(key);
        Block root = manifest.Seal(maker, new ManifestLimits());
        IEnumerable<Block> blocks = parts.Select(p => Block.Create(model.AsMemory(p.Offset, p.Size))).Append(root);
        await Task.WhenAll(blocks.Select(b => _store.PutAsync(b, cancellationToken).AsTask()));
        return new JsonObject
        {
            ["root"] = root.Cid.ToString(),
            ["blocks"] = parts.Count,
            ["sha256"] = Convert.ToHexStringLower(SHA256.HashData(model)),
        };
    }

    /// <summary>Fetches a model and reads it back. Tells of its progress by <c>fetching</c> and <c>progress</c> events.</summary>
    public async Task<JsonNode?> FetchAsync(Cid root, PeerId[] providers, CancellationToken cancellationToken)
    {
        SwarmCounters before = _swarm.Counters;
        long began = Stopwatch.GetTimestamp();
        SignedManifest signed = await _fetcher.FetchManifestAsync(root, new ManifestLimits(), ListAsync(providers, cancellationToken), cancellationToken);
        TimeSpan gotManifest = Stopwatch.GetElapsedTime(began);
        long had = signed.Manifest.Blocks.Sum(b => _store.TryGetSize(b.Cid, out int size) ? size : 0L);
        _events.Write("fetching", ("root", root.ToString()), ("bytes", signed.Manifest.TotalBytes), ("had", had));
        await _fetcher.FetchAsync(signed.Manifest.Blocks, ListAsync(providers, cancellationToken), new ProgressEvents(_events, root), cancellationToken);
        TimeSpan gotAll = Stopwatch.GetElapsedTime(began);
        SwarmCounters after = _swarm.Counters;
        return new JsonObject
        {
            ["bytes"] = signed.Manifest.TotalBytes,
            ["had"] = had,
            ["manifestMs"] = Math.Round(gotManifest.TotalMilliseconds, 1),
            ["ms"] = Math.Round(gotAll.TotalMilliseconds, 1),
            ["bytesIn"] = after.BytesIn - before.BytesIn,
            ["bytesOut"] = after.BytesOut - before.BytesOut,
            ["sha256"] = await HashAsync(signed.Manifest, cancellationToken),
        };
    }

    public async ValueTask DisposeAsync()
    {
        await _bitswap.DisposeAsync();
        await _store.DisposeAsync();
    }

    private static async IAsyncEnumerable<PeerId> ListAsync(
        PeerId[] peers, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        foreach (PeerId peer in peers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return peer;
        }
    }

    private async Task<string> HashAsync(BlockManifest manifest, CancellationToken cancellationToken)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (BlockRef part in manifest.Blocks)
        {
            Block block = await _store.GetAsync(part.Cid, cancellationToken) ?? throw new IOException($"{part.Cid} was fetched and is not here");
            hash.AppendData(block.Content.Span);
        }

        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }
}
