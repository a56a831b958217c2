using System.Runtime.CompilerServices;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Models;

/// <summary>The models of a node: made into blocks, kept by pins, fetched from others by their roots.</summary>
/// <remarks>
/// A model is a manifest block, a block with its layout (whose CID is the layout hash), and the blocks of its bytes; see docs/content.md.
/// A pin's name is <c>model/KIND/ROOT</c>. Safe for several threads.
/// </remarks>
public sealed class ModelLibrary : IAsyncDisposable
{
    private const string PinPrefix = "model/";
    private readonly IBlockStore _store;
    private readonly BlockFetcher? _fetcher;
    private readonly IContentRouting? _routing;
    private readonly ModelAnnouncer? _announcer;
    private readonly ManifestLimits _limits;

    /// <summary>Creates a library.</summary>
    /// <param name="store">Where the blocks are; not owned.</param>
    /// <param name="fetcher">Gets blocks of others; null: only what is here can be used.</param>
    /// <param name="routing">Finds who has a model; null: only peers that are named are asked.</param>
    /// <param name="limits">Most of everything that a manifest may claim.</param>
    /// <param name="time">The clock.</param>
    public ModelLibrary(IBlockStore store, BlockFetcher? fetcher, IContentRouting? routing, ManifestLimits limits, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(limits);
        (_store, _fetcher, _routing, _limits) = (store, fetcher, routing, limits);
        _announcer = routing is null ? null : new ModelAnnouncer(routing, time);
    }

    /// <summary>Most bytes that the store holds.</summary>
    public long QuotaBytes => _store.Stats().QuotaBytes;

    /// <summary>Makes a model into blocks, and keeps them; all is on the disk when the task ends.</summary>
    /// <param name="keep">Why it is kept.</param>
    /// <param name="origin">Where it comes from.</param>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="model">float32, little-endian, in the order of the layout: 4·d bytes. Not changed until the task ends.</param>
    /// <param name="maker">Signs the manifest.</param>
    /// <param name="cancellationToken">Gives up; blocks that were stored may be evicted later.</param>
    /// <exception cref="BlockStoreException">The quota is taken, or the disk is full or failed.</exception>
    public async Task<StoredModel> AddAsync(
        ModelKeep keep, ModelOrigin origin, ModelLayout layout, ReadOnlyMemory<byte> model, KeyPair maker, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(origin);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfNotEqual(model.Length, layout.ParameterCount * sizeof(float), nameof(model));
        IReadOnlyList<BlockPart> parts = BlockSplitter.Split(model.Span, layout.ByteOffsets());
        var manifest = new BlockManifest
        {
            Run = origin.Run,
            Round = origin.Round,
            LayoutHash = layout.Hash,
            Dtype = ModelDtype.Float32,
            Blocks = [.. parts.Select(p => new BlockRef(p.Cid, p.Size))],
            Parents = origin.Parents,
        };
        Block head = manifest.Seal(maker, _limits);
        var stored = new StoredModel(head.Cid, new SignedManifest(manifest, maker.PeerId), layout);
        await PinAsync(keep, stored, cancellationToken); // first: what comes under a pin is not evicted
        try
        {
            await _store.PutAsync(Block.Create(layout.Encode()), cancellationToken);
            await Task.WhenAll(parts.Select(p => _store.PutAsync(Block.Create(model.Slice(p.Offset, p.Size)), cancellationToken).AsTask()));
            await _store.PutAsync(head, cancellationToken); // last: a manifest that is here promises its blocks
            return stored;
        }
        catch (Exception e) when (e is BlockStoreException or OperationCanceledException)
        {
            await _store.UnpinAsync(NameOf(keep, head.Cid), CancellationToken.None); // half a model must not take the room of whole ones
            throw;
        }
    }

    /// <summary>Fetches a model that the operator wants, whatever it is; see the other overload.</summary>
    public Task<StoredModel> PullAsync(
        Cid root, IReadOnlyCollection<PeerId> hints, IProgress<FetchProgress>? progress, CancellationToken cancellationToken) =>
        PullAsync(ModelKeep.Pulled, root, hints, static _ => null, progress, cancellationToken);

    /// <summary>Fetches a model from several providers at once, and keeps it. What is here already is not fetched again.</summary>
    /// <param name="keep">Why it is kept.</param>
    /// <param name="root">Its name.</param>
    /// <param name="hints">Peers that may have it; more are searched for.</param>
    /// <param name="findFault">Looks at the manifest before anything else is fetched; one line to refuse it, or null.</param>
    /// <param name="progress">Told after each block; null for nobody.</param>
    /// <param name="cancellationToken">Ends the fetch; what came stays, and the next fetch goes on from there.</param>
    /// <exception cref="BlockFetchException">Nobody has it, or it is no valid model, or refused.</exception>
    /// <exception cref="BlockStoreException">The store cannot take it.</exception>
    public async Task<StoredModel> PullAsync(
        ModelKeep keep,
        Cid root,
        IReadOnlyCollection<PeerId> hints,
        Func<SignedManifest, string?> findFault,
        IProgress<FetchProgress>? progress,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(hints);
        ArgumentNullException.ThrowIfNull(findFault);
        BlockFetcher fetcher = _fetcher ?? throw new BlockFetchException("this node fetches nothing");
        SignedManifest signed = await fetcher.FetchManifestAsync(root, _limits, ProvidersAsync(root, hints, cancellationToken), cancellationToken);
        if (findFault(signed) is { } fault)
        {
            throw new BlockFetchException($"{root} is not what it should be: {fault}");
        }

        BlockManifest manifest = signed.Manifest;
        Cid layoutName = Cid.ForRawDigest(manifest.LayoutHash.Span);
        await _store.PinAsync(NameOf(keep, root), [root, layoutName, .. manifest.Blocks.Select(b => b.Cid)], cancellationToken);
        try
        {
            await fetcher.FetchAsync([new BlockRef(layoutName, 0)], ProvidersAsync(root, hints, cancellationToken), null, cancellationToken);
            ModelLayout layout = await ReadLayoutAsync(manifest, cancellationToken)
                ?? throw new BlockFetchException($"{root} is no valid model: its layout does not read, or does not fit its size");
            await fetcher.FetchAsync(manifest.Blocks, ProvidersAsync(root, hints, cancellationToken), progress, cancellationToken);
            return new StoredModel(root, signed, layout);
        }
        catch (Exception e) when (e is BlockFetchException or BlockStoreException)
        {
            await _store.UnpinAsync(NameOf(keep, root), CancellationToken.None); // what came may stay, but keeps nothing else out
            throw;
        }
    }

    /// <summary>Opens a model whose manifest and layout are here; its blocks may be missing.</summary>
    /// <returns>Null when it is not here, or not valid.</returns>
    public async Task<StoredModel?> OpenAsync(Cid root, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        return await _store.GetAsync(root, cancellationToken) is { } block
            && BlockManifest.TryOpen(block.Content.Span, _limits, out SignedManifest? signed) == ManifestProblem.None
            && await ReadLayoutAsync(signed!.Manifest, cancellationToken) is { } layout
            ? new StoredModel(root, signed, layout)
            : null;
    }

    /// <summary>Whether every block of a model is here.</summary>
    public bool IsComplete(StoredModel model)
    {
        ArgumentNullException.ThrowIfNull(model);
        return model.Manifest.Blocks.All(b => _store.TryGetSize(b.Cid, out _));
    }

    /// <summary>Reads a model's bytes, each block verified.</summary>
    /// <param name="model">The model.</param>
    /// <param name="destination">As many bytes as the manifest says.</param>
    /// <param name="cancellationToken">Gives up.</param>
    /// <exception cref="BlockFetchException">A block is not here.</exception>
    public async Task ReadAsync(StoredModel model, Memory<byte> destination, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, model.Manifest.TotalBytes, nameof(destination));
        foreach (BlockRef part in model.Manifest.Blocks)
        {
            Block block = await _store.GetAsync(part.Cid, cancellationToken)
                ?? throw new BlockFetchException($"{model.Root} is not here completely: {part.Cid} is missing");
            block.Content.CopyTo(destination);
            destination = destination[block.Size..];
        }
    }

    /// <summary>The models that are kept, complete or not, by root.</summary>
    public IReadOnlyList<(ModelKeep Keep, Cid Root)> List() =>
    [
        .. from name in _store.ListPins(PinPrefix)
           let parts = name.Split('/')
           where parts.Length == 3 && Enum.TryParse(parts[1], ignoreCase: true, out ModelKeep _) && Cid.TryParse(parts[2], out _)
           select (Enum.Parse<ModelKeep>(parts[1], ignoreCase: true), Parse(parts[2])),
    ];

    /// <summary>Keeps a model no longer, for this reason. Its blocks are deleted, but for those that belong to another model that is kept.</summary>
    /// <returns>False when it was not kept for it.</returns>
    public ValueTask<bool> ReleaseAsync(ModelKeep keep, Cid root, CancellationToken cancellationToken)
    {
        _routing?.StopProviding(root);
        return _store.DropAsync(NameOf(keep, root), cancellationToken);
    }

    /// <summary>Tells others that this node has a model.</summary>
    /// <returns>How many were told; 0 without routing.</returns>
    public Task<int> ProvideAsync(Cid root, CancellationToken cancellationToken) =>
        _routing?.ProvideAsync(root, cancellationToken) ?? Task.FromResult(0);

    /// <summary>Tells others so soon, behind the caller.</summary>
    public void Announce(Cid root)
    {
        ArgumentNullException.ThrowIfNull(root);
        _announcer?.Add(root);
    }

    /// <summary>Ends announcing. What is kept stays kept.</summary>
    public ValueTask DisposeAsync() => _announcer?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static Cid Parse(string text) => Cid.TryParse(text, out Cid? cid) ? cid : throw new FormatException(text);

    private static string NameOf(ModelKeep keep, Cid root) => $"{PinPrefix}{keep.ToString().ToLowerInvariant()}/{root}";

    private ValueTask PinAsync(ModelKeep keep, StoredModel model, CancellationToken cancellationToken) => _store.PinAsync(
        NameOf(keep, model.Root),
        [model.Root, Cid.ForRawDigest(model.Layout.Hash.Span), .. model.Manifest.Blocks.Select(b => b.Cid).Distinct()],
        cancellationToken);

    private async Task<ModelLayout?> ReadLayoutAsync(BlockManifest manifest, CancellationToken cancellationToken) =>
        manifest.Dtype == ModelDtype.Float32
        && await _store.GetAsync(Cid.ForRawDigest(manifest.LayoutHash.Span), cancellationToken) is { } block
        && ModelLayout.TryDecode(block.Content.Span, out ModelLayout? layout)
        && (long)layout.ParameterCount * sizeof(float) == manifest.TotalBytes
            ? layout
            : null;

    private async IAsyncEnumerable<PeerId> ProvidersAsync(
        Cid root, IReadOnlyCollection<PeerId> hints, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (PeerId hint in hints)
        {
            yield return hint;
        }

        if (_routing is not null)
        {
            await foreach (PeerId found in _routing.FindProvidersAsync(root, cancellationToken))
            {
                yield return found;
            }
        }
    }
}
