using P2PLearn.Actors.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>What there is of models: those kept here, and the checkpoints that the mesh knows.</summary>
/// <param name="library">The models.</param>
/// <param name="blocks">Their blocks.</param>
/// <param name="checkpoints">What members have announced, now.</param>
/// <param name="standing">What members saw of each other in a run, now.</param>
internal sealed class ModelCatalog(
    ModelLibrary library,
    IBlockStore blocks,
    Func<IReadOnlyList<CheckpointView>> checkpoints,
    Func<string, IReadOnlyList<PeerStandingView>> standing)
{
    /// <summary>What is kept here, and the checkpoints of the mesh.</summary>
    public async Task<ModelListView> ListAsync(CancellationToken cancellationToken)
    {
        CheckpointSummaryView[] summaries =
        [
            .. checkpoints()
                .GroupBy(c => (c.Run, c.Round))
                .Select(g => new CheckpointSummaryView(g.Key.Run, g.Key.Round, g.Select(c => c.Peer).Distinct().Count(), g.Any(c => c.IsNewest)))
                .OrderBy(c => c.Run, StringComparer.Ordinal)
                .ThenByDescending(c => c.Round),
        ];
        return new ModelListView(await ListKeptAsync(cancellationToken), summaries);
    }

    /// <summary>A model whose manifest is here, or a run's newest checkpoint.</summary>
    /// <exception cref="UserErrorException">Neither of them, or not here.</exception>
    public async Task<ModelShowView> ShowAsync(string name, CancellationToken cancellationToken) => ModelNames.TryParseRoot(name, out Cid? root)
        ? new ModelShowView(Describe(await OpenAsync(root, cancellationToken)), null)
        : new ModelShowView(null, await FindRunAsync(name, cancellationToken));

    /// <summary>Opens a model whose manifest and layout are here.</summary>
    /// <exception cref="UserErrorException">They are not.</exception>
    public async Task<StoredModel> OpenAsync(Cid root, CancellationToken cancellationToken) =>
        await library.OpenAsync(root, cancellationToken)
            ?? throw new UserErrorException($"{root} is not here; fetch it with 'p2plearn model pull {root}'");

    /// <summary>The newest checkpoint of a run: what the mesh agrees on, else the newest that it knows, else the newest that is kept here.</summary>
    /// <exception cref="UserErrorException">No run, or not a known one.</exception>
    public async Task<ModelRunView> FindRunAsync(string name, CancellationToken cancellationToken)
    {
        IReadOnlyList<CheckpointView> announced = checkpoints();
        IReadOnlyList<ModelView> kept = await ListKeptAsync(cancellationToken);
        string run = ModelNames.FindRun(name, announced.Select(c => c.Run).Concat(kept.Select(k => k.Run).OfType<string>()));
        CheckpointView[] all = [.. announced.Where(c => c.Run.Equals(run, StringComparison.OrdinalIgnoreCase))];
        if (all.Length == 0)
        {
            all = [.. kept.Where(k => run.Equals(k.Run, StringComparison.OrdinalIgnoreCase)).Select(AsCheckpoint)];
        }

        CheckpointView[] newest = [.. all.Where(c => c.IsNewest)];
        CheckpointView[] chosen = newest.Length > 0 ? newest : all;
        uint round = chosen.Max(c => c.Round);
        IEnumerable<ModelRunRootView> roots = chosen
            .Where(c => c.Round == round)
            .DistinctBy(c => c.Root)
            .OrderBy(c => c.Peer, StringComparer.Ordinal)
            .Select(c => new ModelRunRootView(c.Root, c.Peer, c.Bytes, c.Accuracy, false));
        return new ModelRunView(
            run, round, newest.Length > 0, await WithPresenceAsync(roots, cancellationToken), newest.FirstOrDefault()?.Name, standing(run));
    }

    private static CheckpointView AsCheckpoint(ModelView model) =>
        new(model.Run!, model.Round, model.Maker, model.Root, model.Bytes, null, false);

    private static string? RunOf(StoredModel model) =>
        model.Manifest.Run.Span.ContainsAnyExcept((byte)0) ? Convert.ToHexStringLower(model.Manifest.Run.Span) : null;

    private static string NameOf(ModelKeep keep) => keep.ToString().ToLowerInvariant();

    private async Task<IReadOnlyList<ModelView>> ListKeptAsync(CancellationToken cancellationToken)
    {
        List<ModelView> views = [];
        foreach ((ModelKeep keep, Cid root) in library.List())
        {
            StoredModel? model = await library.OpenAsync(root, cancellationToken);
            views.Add(model is null
                ? new ModelView(root.ToString(), NameOf(keep), null, 0, "", 0, false)
                : new ModelView(
                    root.ToString(), NameOf(keep), RunOf(model), model.Manifest.Round, model.Maker.ToString(), model.Manifest.TotalBytes, library.IsComplete(model)));
        }

        return views;
    }

    private async Task<IReadOnlyList<ModelRunRootView>> WithPresenceAsync(IEnumerable<ModelRunRootView> roots, CancellationToken cancellationToken)
    {
        List<ModelRunRootView> known = [];
        foreach (ModelRunRootView view in roots)
        {
            bool here = ModelNames.TryParseRoot(view.Root, out Cid? root)
                && await library.OpenAsync(root, cancellationToken) is { } model && library.IsComplete(model);
            known.Add(view with { Complete = here });
        }

        return known;
    }

    private ModelDetailsView Describe(StoredModel model)
    {
        Cid[] parts = [.. model.Manifest.Blocks.Select(b => b.Cid).Distinct()];
        return new ModelDetailsView(
            model.Root.ToString(),
            [.. library.List().Where(k => k.Root == model.Root).Select(k => NameOf(k.Keep))],
            RunOf(model),
            model.Manifest.Round,
            model.Maker.ToString(),
            model.Manifest.Dtype.ToString().ToLowerInvariant(),
            model.Layout.ParameterCount,
            model.Manifest.TotalBytes,
            Convert.ToHexStringLower(model.Layout.Hash.Span),
            [.. model.Layout.Parameters.Select(p => new ModelTensorView(p.Name, p.Shape))],
            parts.Length,
            parts.Count(p => blocks.TryGetSize(p, out _)),
            [.. model.Manifest.Parents.Select(p => p.ToString())]);
    }
}
