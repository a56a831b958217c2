using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Actors.Replication;

/// <summary>What of the replicated state is on the disk: a state is saved by what differs from that. Not safe for several threads.</summary>
/// <remarks>
/// Nothing is queued, so nothing grows while the disk fails: the next comparison finds what the last one could not write, and rows that were pruned
/// or replaced meanwhile.
/// </remarks>
internal sealed class ReplicationImage
{
    private readonly TableImage<(RunId Run, uint Round, ReplicaId Peer), ContributionEntry> _contributions =
        new(ReplicationRows.Contributions, ReplicationRows.IdOf, ReplicationRows.ContentOf);

    private readonly TableImage<(AttestationKind Kind, RunId Run, uint Version, ReplicaId Peer), Attestation> _attestations =
        new(ReplicationRows.Attestations, ReplicationRows.IdOf, ReplicationRows.ContentOf);

    private readonly TableImage<RunId, uint> _watermarks = new(ReplicationRows.Watermarks, ReplicationRows.IdOf, ReplicationRows.ContentOf);

    /// <summary>The changes that make the disk hold exactly this state.</summary>
    /// <param name="state">What it should hold.</param>
    /// <param name="commit">To be called once the changes are on the disk.</param>
    public List<TableChange> ChangesTo(ReplicationState state, out Action commit)
    {
        List<TableChange> changes = [];
        var contributions = _contributions.Compare(
            state.Contributions.Entries.Select(entry => KeyValuePair.Create(ReplicationRows.KeyOf(entry), entry)), changes);
        var attestations = _attestations.Compare(
            state.Attestations.All.Select(attestation => KeyValuePair.Create(ReplicationRows.KeyOf(attestation), attestation)), changes);
        var watermarks = _watermarks.Compare(
            state.Contributions.Runs.Select(run => KeyValuePair.Create(run, state.Contributions.PrunedBelow(run))).Where(run => run.Value > 0), changes);
        commit = () =>
        {
            _contributions.Commit(contributions);
            _attestations.Commit(attestations);
            _watermarks.Commit(watermarks);
        };
        return changes;
    }
}
