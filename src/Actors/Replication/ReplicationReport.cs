namespace P2PLearn.Actors.Replication;

/// <summary>What <see cref="ReplicationDatabase.Check"/> found, and did.</summary>
/// <param name="Rows">Rows read.</param>
/// <param name="BadRows">Rows of these that do not decode, stand under another name, or are not signed by their peer.</param>
/// <param name="Fault">What is wrong with the file itself, one line for a person; null when it is sound.</param>
/// <param name="SetAside">Where a damaged file was put; null unless it was.</param>
/// <param name="IsRepaired">Bad rows were deleted, or the damaged file was put aside: a node can start.</param>
public sealed record ReplicationReport(int Rows, int BadRows, string? Fault, string? SetAside, bool IsRepaired)
{
    /// <summary>Whether there was nothing to repair.</summary>
    public bool IsSound => Fault is null && BadRows == 0;
}
