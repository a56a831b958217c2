using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Rounds;

/// <summary>Which run of the mesh a node takes part in, when it does not bring settings of its own.</summary>
public static class RunChoice
{
    /// <summary>The least digits that name a run.</summary>
    public const int MinPrefix = 4;

    /// <summary>The runs that members have attested settings of that this version can read; the model may be one of a plug-in.</summary>
    /// <param name="attestations">Validly signed; the settings hash to the run's id, as the set has checked.</param>
    public static IReadOnlyList<KnownRun> List(AttestationSet attestations)
    {
        ArgumentNullException.ThrowIfNull(attestations);
        List<KnownRun> runs = [];
        foreach (RunId run in attestations.Runs)
        {
            Attestation? newest = attestations.Of(AttestationKind.RunSettings, run).MaxBy(a => a.Version);
            if (newest is { FitsRun: true } && RunSettings.TryDecode(newest.Payload.Span, out RunSettings? settings))
            {
                runs.Add(new KnownRun(run, settings, newest.Version));
            }
        }

        return runs;
    }

    /// <summary>The run that is meant.</summary>
    /// <param name="runs">Those that are known.</param>
    /// <param name="prefix">First hex digits of its id; null: the one that was proposed last.</param>
    /// <returns>Null while it is not known.</returns>
    /// <exception cref="InvalidDataException">Several begin with these digits.</exception>
    public static KnownRun? Pick(IReadOnlyList<KnownRun> runs, string? prefix)
    {
        ArgumentNullException.ThrowIfNull(runs);
        if (prefix is null)
        {
            return runs.OrderByDescending(r => r.ProposedAt).ThenBy(r => r.Run).FirstOrDefault();
        }

        KnownRun[] matching = [.. runs.Where(r => r.Run.ToString().StartsWith(prefix, StringComparison.OrdinalIgnoreCase))];
        return matching.Length > 1
            ? throw new InvalidDataException(
                $"several runs begin with '{prefix}': {string.Join(", ", matching.Select(r => r.Run.ToString()[..16]))}; give more digits")
            : matching.FirstOrDefault();
    }
}

/// <summary>A run that the mesh knows.</summary>
/// <param name="Run">Its id, the hash of its settings.</param>
/// <param name="Settings">What is trained.</param>
/// <param name="ProposedAt">When it was proposed, Unix seconds by the proposer's clock.</param>
public sealed record KnownRun(RunId Run, RunSettings Settings, uint ProposedAt);
