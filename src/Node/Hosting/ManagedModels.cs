using P2PLearn.Actors.Models;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>The models of this process as people use them: of a running node, or of a data directory that no node has open.</summary>
#pragma warning disable CA1001 // the semaphore has no handle to dispose of
internal sealed class ManagedModels : IManagedModels
#pragma warning restore CA1001
{
    /// <summary>Models that a pull of a run fetches: enough that one malicious maker does not decide their median.</summary>
    public const int ModelsOfRun = 3;

    /// <summary>Connected members that are asked without being searched for: a model is found in a small mesh whatever the hash table knows.</summary>
    public const int MaxAskedMembers = 16;

    /// <summary>Time for telling others that a model is here.</summary>
    public static readonly TimeSpan TellLimit = TimeSpan.FromSeconds(60);

    private readonly ModelLibrary _library;
    private readonly IBlockStore _blocks;
    private readonly ModelCatalog _catalog;
    private readonly Func<IReadOnlyList<CheckpointView>> _checkpoints;
    private readonly Func<IReadOnlyCollection<PeerId>> _members;
    private readonly KeyPair? _maker;
    private readonly TimeProvider _time;
    private readonly CancellationToken _stopping;
    private readonly PullSlots _slots = new();
    private readonly SemaphoreSlim _push = new(1); // one model at a time is in memory

    /// <summary>Creates it.</summary>
    /// <param name="library">The models.</param>
    /// <param name="blocks">Their blocks.</param>
    /// <param name="checkpoints">What members have announced, now.</param>
    /// <param name="standing">What members saw of each other in a run, now.</param>
    /// <param name="members">Members that are connected, now.</param>
    /// <param name="maker">Signs what is pushed; null when no node runs, and nothing can be pulled or pushed.</param>
    /// <param name="time">The clock.</param>
    /// <param name="stopping">Ends pulls.</param>
    public ManagedModels(
        ModelLibrary library,
        IBlockStore blocks,
        Func<IReadOnlyList<CheckpointView>> checkpoints,
        Func<string, IReadOnlyList<PeerStandingView>> standing,
        Func<IReadOnlyCollection<PeerId>> members,
        KeyPair? maker,
        TimeProvider time,
        CancellationToken stopping)
    {
        (_library, _blocks, _checkpoints, _members) = (library, blocks, checkpoints, members);
        (_maker, _time, _stopping) = (maker, time, stopping);
        _catalog = new ModelCatalog(library, blocks, checkpoints, standing);
    }

    /// <inheritdoc/>
    public Task<ModelListView> ListAsync(CancellationToken cancellationToken) => _catalog.ListAsync(cancellationToken);

    /// <inheritdoc/>
    public Task<ModelShowView> ShowAsync(string name, CancellationToken cancellationToken) => _catalog.ShowAsync(name, cancellationToken);

    /// <inheritdoc/>
    public async IAsyncEnumerable<PullEventView> PullAsync(
        string name,
        IReadOnlyList<string> from,
        TimeSpan timeout,
        [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        RequireNode();
        PeerId[] hints = [.. from.Select(ParsePeer)];
        IReadOnlyList<PullSource> sources = await SourcesAsync(name, hints, cancellationToken);
        using IDisposable slot = _slots.Enter([.. sources.Select(s => s.Root.ToString())]);
        var pull = new ModelPull(_library.PullAsync, TellAsync, _time, _stopping);
        await foreach (PullEventView happened in pull.RunAsync(sources, ModelsOfRun, timeout, cancellationToken))
        {
            yield return happened;
        }
    }

    /// <inheritdoc/>
    public async Task<ModelPushedView> PushAsync(string path, CancellationToken cancellationToken)
    {
        KeyPair maker = RequireNode();
        if (!Path.IsPathFullyQualified(path ?? ""))
        {
            throw new UserErrorException($"'{path}' is no absolute path");
        }

        await _push.WaitAsync(cancellationToken);
        try
        {
            (ModelLayout layout, byte[] bytes) = await Task.Run(() => Read(path!), cancellationToken);
            StoredModel stored = await AddAsync(path!, layout, bytes, maker, cancellationToken);
            int told = await TellAsync(stored.Root, cancellationToken);
            return new ModelPushedView(stored.Root.ToString(), bytes.Length, layout.ParameterCount, told);
        }
        finally
        {
            _push.Release();
        }
    }

    /// <inheritdoc/>
    public async Task<ModelExport> ExportAsync(string root, CancellationToken cancellationToken)
    {
        StoredModel model = await _catalog.OpenAsync(ModelNames.ParseRoot(root), cancellationToken);
        if (!_library.IsComplete(model))
        {
            throw new UserErrorException($"{root} is not here completely; fetch the rest with 'p2plearn model pull {root}'");
        }

        byte[] head = ModelFile.Head(model.Layout);
        return new ModelExport(head.Length + model.Manifest.TotalBytes, async (destination, ct) =>
        {
            await destination.WriteAsync(head, ct);
            foreach (BlockRef part in model.Manifest.Blocks)
            {
                Block block = await _blocks.GetAsync(part.Cid, ct)
                    ?? throw new UserErrorException($"{root} is damaged: a block of it is gone; fetch it again with 'p2plearn model pull {root}'");
                await destination.WriteAsync(block.Content, ct);
            }
        });
    }

    /// <inheritdoc/>
    public async Task<ActionAnswer> DropAsync(string root, CancellationToken cancellationToken)
    {
        Cid cid = ModelNames.ParseRoot(root);
        ModelKeep[] keeps = [.. _library.List().Where(k => k.Root == cid).Select(k => k.Keep)];
        ModelKeep[] dropped = [.. keeps.Where(k => k is ModelKeep.Pulled or ModelKeep.Pushed)];
        bool isCheckpoint = keeps.Contains(ModelKeep.Checkpoint);
        if (dropped.Length == 0)
        {
            throw new UserErrorException(isCheckpoint
                ? $"{root} is a checkpoint of this node's run; those are kept and dropped by the run"
                : $"{root} is not kept here; 'p2plearn model list' shows what is");
        }

        foreach (ModelKeep keep in dropped)
        {
            await _library.ReleaseAsync(keep, cid, cancellationToken);
        }

        if (isCheckpoint)
        {
            await TellAsync(cid, cancellationToken); // releasing it has ended that
        }

        return new ActionAnswer($"{root} is no longer kept{(isCheckpoint ? ", except as a checkpoint" : "; its blocks go when the room is needed")}");
    }

    private static PeerId ParsePeer(string text) => PeerId.TryParse(text, out PeerId? peer)
        ? peer
        : throw new UserErrorException($"'{text}' is no peer id; it looks like 12D3KooW…");

    private static (ModelLayout Layout, byte[] Bytes) Read(string path)
    {
        try
        {
            return ModelFile.ReadAnyBytes(path, new ModelFileLimits());
        }
        catch (InvalidDataException e)
        {
            throw new UserErrorException($"{e.Message.TrimEnd('.')}; only safetensors files of F32 tensors can be pushed");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be read: {e.Message.TrimEnd('.')}");
        }
    }

    private KeyPair RequireNode() =>
        _maker ?? throw new UserErrorException("no node runs in this data directory; start it with 'p2plearn node --data-dir …' to pull or push");

    private async Task<StoredModel> AddAsync(string path, ModelLayout layout, byte[] bytes, KeyPair maker, CancellationToken cancellationToken)
    {
        BlockStoreStats stats = _blocks.Stats();
        if (bytes.Length > stats.QuotaBytes - stats.PinnedBytes)
        {
            throw new UserErrorException(
                $"{path}: no room for {bytes.Length} bytes: of the quota of {stats.QuotaBytes} bytes {stats.PinnedBytes} are kept; drop models, or raise blocks.quota_bytes");
        }

        try
        {
            return await _library.AddAsync(ModelKeep.Pushed, ModelOrigin.None, layout, bytes, maker, cancellationToken);
        }
        catch (BlockStoreException e)
        {
            throw new UserErrorException($"{path}: {e.Message}");
        }
        catch (ArgumentException)
        {
            throw new UserErrorException($"{path}: its layers make more blocks than a manifest may list");
        }
    }

    private async Task<IReadOnlyList<PullSource>> SourcesAsync(string name, PeerId[] hints, CancellationToken cancellationToken)
    {
        if (ModelNames.TryParseRoot(name, out Cid? root))
        {
            IEnumerable<string> makers = _checkpoints().Where(c => c.Root == root.ToString()).Select(c => c.Peer);
            return [new PullSource(root, WithMakers(makers))];
        }

        ModelRunView run = await _catalog.FindRunAsync(name, cancellationToken);
        return
        [
            .. from model in run.Roots
               orderby model.Complete descending // costs nothing
               let parsed = ModelNames.TryParseRoot(model.Root, out Cid? cid) ? cid : null
               where parsed is not null
               select new PullSource(parsed, WithMakers([model.Peer])),
        ];

        PeerId[] WithMakers(IEnumerable<string> makers) =>
        [
            .. hints
                .Concat(makers.Select(m => PeerId.TryParse(m, out PeerId? peer) ? peer : null).OfType<PeerId>())
                .Concat(_members().Take(MaxAskedMembers))
                .Where(p => p != _maker?.PeerId)
                .Distinct(),
        ];
    }

    /// <summary>Tells others that a model is here. It is here even when nobody could be told: the node tells them again later.</summary>
    private async Task<int> TellAsync(Cid root, CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(TellLimit, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken, _stopping);
        try
        {
            return await _library.ProvideAsync(root, either.Token);
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            return 0;
        }
    }
}
