using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Storage;

namespace P2PLearn.Actors.Replication;

/// <summary>What the tables of a file hold: all of it that decodes and is signed, and which rows do not or are not.</summary>
/// <remarks>The disk is this node's own, but a row may be damaged: each is checked as if a stranger had sent it.</remarks>
internal sealed class ReplicationContent
{
    private readonly List<TableChange> _bad = [];
    private ContributionSet _contributions = ContributionSet.Bottom;
    private AttestationSet _attestations = AttestationSet.Bottom;

    private ReplicationContent(DurableTables tables, ISignatureVerifier verifier)
    {
        Read(tables, ReplicationRows.Contributions, row => TakeContribution(row, verifier));
        Read(tables, ReplicationRows.Attestations, row => TakeAttestation(row, verifier));
        Read(tables, ReplicationRows.Watermarks, TakeWatermark);
    }

    /// <summary>What is sound.</summary>
    public ReplicationState State => new(_contributions, _attestations);

    /// <summary>Rows read.</summary>
    public int RowCount { get; private set; }

    /// <summary>Deletions of the rows that are not sound.</summary>
    public IReadOnlyList<TableChange> Bad => _bad;

    /// <summary>Reads a file.</summary>
    /// <exception cref="DurableTablesException">The file is damaged, or reading failed.</exception>
    public static ReplicationContent Load(DurableTables tables, ISignatureVerifier verifier) => new(tables, verifier);

    private void Read(DurableTables tables, int table, Func<StoredEntry, bool> take)
    {
        foreach (StoredEntry row in tables.Load(table))
        {
            RowCount++;
            if (!take(row))
            {
                _bad.Add(new TableChange(table, row.Id, null));
            }
        }
    }

    private bool TakeContribution(StoredEntry row, ISignatureVerifier verifier)
    {
        if (!ReplicationRows.TryRead(row, out ContributionEntry? entry)
            || !ReplicationRows.StatementsOf(entry).All(statement => statement.IsSigned(verifier)))
        {
            return false;
        }

        _contributions = ReplicationRows.StatementsOf(entry).Aggregate(_contributions, (set, statement) => set.Add(statement).State);
        return true;
    }

    private bool TakeAttestation(StoredEntry row, ISignatureVerifier verifier)
    {
        if (!ReplicationRows.TryRead(row, out Attestation? attestation) || !attestation.FitsRun || !attestation.IsSigned(verifier))
        {
            return false;
        }

        _attestations = _attestations.Add(attestation).State;
        return true;
    }

    private bool TakeWatermark(StoredEntry row)
    {
        bool read = ReplicationRows.TryRead(row, out RunId run, out uint below);
        if (read)
        {
            _contributions = _contributions.Prune(run, below).State;
        }

        return read;
    }
}
