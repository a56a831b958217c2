using P2PLearn.Actors.Replication;

namespace P2PLearn.Node.Doctor;

/// <summary>What the members replicate is whole: the file by SQLite's own check, and each entry by its form and its signature.</summary>
internal sealed class ReplicatedCheck : IDoctorCheck
{
    public string Name => "replicated.db";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        if (!File.Exists(context.Data.ReplicatedFile))
        {
            return Task.FromResult(Finding.Ok("none yet"));
        }

        ReplicationReport report = ReplicationDatabase.Check(context.Data.ReplicatedFile, repair);
        string what = report.Fault is { } fault ? $"damaged: {fault}" : $"{report.BadRows} of {report.Rows} entries do not read, or are not signed";
        return Task.FromResult(
            report.IsSound ? Finding.Ok($"{report.Rows} entries, all signed")
            : report.SetAside is { } aside ? Finding.Repaired($"damaged; kept as {Path.GetFileName(aside)}, the node gets its content from the other members")
            : report.IsRepaired ? Finding.Repaired($"{report.BadRows} entries that did not read were removed; the node gets them from the other members")
            : Finding.Problem(what, "--repair puts it right; the node gets what is lost from the other members"));
    }
}
