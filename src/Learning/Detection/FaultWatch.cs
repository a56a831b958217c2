using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Detection;

/// <summary>Watches the mixings of one node, and says when more peers look like outliers than the run guards against.</summary>
/// <remarks>Keeps the last W mixings only. It says so once for each set of suspects, and again when a new one comes in or when it had been fewer in between.</remarks>
/// <param name="self">The node.</param>
/// <param name="declared">f as the run declares it; at least 0.</param>
/// <param name="options">When a peer counts as an outlier.</param>
public sealed class FaultWatch(Participant self, int declared, FaultEstimatorOptions options)
{
    private readonly Queue<MixOutcome> _mixings = new();
    private HashSet<Participant> _told = [];

    /// <summary>Takes the mixing of another round.</summary>
    /// <returns>An estimate that is worth a warning; null when there is none.</returns>
    public FaultEstimate? Note(MixOutcome mix)
    {
        ArgumentNullException.ThrowIfNull(mix);
        _mixings.Enqueue(mix);
        while (_mixings.Count > options.Window)
        {
            _mixings.Dequeue();
        }

        FaultEstimate estimate = FaultEstimator.Estimate([.. _mixings], self, declared, options);
        if (!estimate.IsDeclaredTooSmall)
        {
            _told = [];
            return null;
        }

        bool isNew = estimate.Suspects.Any(s => !_told.Contains(s.Participant));
        _told.UnionWith(estimate.Suspects.Select(s => s.Participant));
        return isNew ? estimate : null;
    }
}
