using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>What members attest of their runs, as people see it.</summary>
internal static class MeshCheckpoints
{
    /// <summary>The checkpoints of all runs that this version can use.</summary>
    public static IReadOnlyList<CheckpointView> Of(AttestationSet attestations)
    {
        List<CheckpointView> views = [];
        foreach (KnownRun run in RunChoice.List(attestations))
        {
            AgreedCheckpoint? newest = AgreedCheckpoint.Newest(attestations, run.Run, run.Settings);
            foreach (Attestation attestation in attestations.Of(AttestationKind.Checkpoint, run.Run))
            {
                if (Checkpoint.TryRead(attestation, out Checkpoint? checkpoint))
                {
                    bool isNewest = checkpoint.Round == newest?.Round;
                    views.Add(new CheckpointView(
                        run.Run.ToString(),
                        checkpoint.Round,
                        checkpoint.Maker.ToString(),
                        checkpoint.Root.ToString(),
                        checkpoint.ModelBytes,
                        checkpoint.Accuracy,
                        isNewest,
                        isNewest ? newest!.Digest : null));
                }
            }
        }

        return views;
    }

    /// <summary>What the members of a run saw of each other; medians, so that fewer than half of the observers cannot make a peer look good or bad.</summary>
    public static IReadOnlyList<PeerStandingView> StandingIn(string run, AttestationSet attestations)
    {
        if (!RunId.TryParse(run, out RunId id))
        {
            return [];
        }

        IEnumerable<(PeerId Peer, PeerCounts Counts)> rows =
            from attestation in attestations.Of(AttestationKind.Reputation, id)
            let seen = Reputation.TryDecode(attestation.Payload.Span)
            where seen is not null
            from row in seen.Peers
            where row.Key.ToReplica() != attestation.Peer // nobody is his own witness
            select (row.Key, row.Value);
        return
        [
            .. rows.GroupBy(r => r.Peer, r => r.Counts).OrderBy(g => g.Key.ToString(), StringComparer.Ordinal).Select(g => new PeerStandingView(
                g.Key.ToString(),
                g.Count(),
                Median(g, c => c.Kept),
                Median(g, c => c.Rejected),
                Median(g, c => c.Missing),
                Median(g, c => c.Refused),
                Median(g, c => c.Equivocated))),
        ];
    }

    /// <summary>The middle value, the lower of two.</summary>
    private static long Median(IEnumerable<PeerCounts> counts, Func<PeerCounts, uint> of)
    {
        uint[] values = [.. counts.Select(of).Order()];
        return values[(values.Length - 1) / 2];
    }
}
