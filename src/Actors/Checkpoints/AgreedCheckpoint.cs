using System.Security.Cryptography;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>The checkpoints of one round, when enough members have made one: what a joiner begins with.</summary>
/// <remarks>
/// A function of the replicated attestations and the run's settings alone: replicas with the same attestations name the same one, however
/// they came by them. Each member's model is its own (MoNNA has no common one), so a checkpoint is a set of roots.
/// </remarks>
/// <param name="Run">The run.</param>
/// <param name="Round">The round.</param>
/// <param name="Makers">One checkpoint a maker, by the bytes of their peer ids.</param>
public sealed record AgreedCheckpoint(RunId Run, uint Round, IReadOnlyList<Checkpoint> Makers)
{
    /// <summary>Providers that a joiner takes models of, at least, in a mesh that has as many.</summary>
    public const int MinProviders = 3;

    /// <summary>SHA-256 over round, makers and roots, 32 bytes in hex: two nodes that show the same one name the same checkpoint.</summary>
    public string Digest
    {
        get
        {
            using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
            hash.AppendData(BitConverter.IsLittleEndian ? [.. BitConverter.GetBytes(Round).Reverse()] : BitConverter.GetBytes(Round));
            foreach (Checkpoint checkpoint in Makers)
            {
                hash.AppendData(checkpoint.Maker.Bytes);
                hash.AppendData(checkpoint.Root.Bytes);
            }

            return Convert.ToHexStringLower(hash.GetHashAndReset());
        }
    }

    /// <summary>
    /// How many members must have a checkpoint of a round before it counts: three, and 2f + 1, so that the robust choice among them has an
    /// honest majority. A run of fewer trainers needs them all, and at least one honest one.
    /// </summary>
    public static int NeededBy(RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        int robust = Math.Max(MinProviders, (2 * settings.Faulty) + 1);
        return Math.Max(Math.Min(robust, settings.MinPeers), settings.Faulty + 1);
    }

    /// <summary>The newest round of a run with enough checkpoints; null when there is none.</summary>
    /// <param name="attestations">What members attest; validly signed, otherwise untrusted.</param>
    /// <param name="run">The run.</param>
    /// <param name="settings">Its settings.</param>
    public static AgreedCheckpoint? Newest(AttestationSet attestations, RunId run, RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(attestations);
        ArgumentNullException.ThrowIfNull(settings);
        int needed = NeededBy(settings);
        return attestations.Of(AttestationKind.Checkpoint, run)
            .Select(a => Checkpoint.TryRead(a, out Checkpoint? checkpoint) ? checkpoint : null)
            .OfType<Checkpoint>()
            .Where(c => c.Round <= settings.Rounds)
            .GroupBy(c => c.Round)
            .Where(round => round.Count() >= needed)
            .OrderByDescending(round => round.Key)
            .Select(round => new AgreedCheckpoint(run, round.Key, [.. round])) // the set gives them by peer
            .FirstOrDefault();
    }
}
