using P2PLearn.Networking.Protocols.Kad.Records;

namespace P2PLearn.Node.Doctor;

/// <summary>The node's part of the distributed hash table is whole: the file by SQLite's own check, and each entry by its form.</summary>
internal sealed class DhtCheck : IDoctorCheck
{
    public string Name => "dht.db";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        KadStorageReport report = KadStorageCheck.Run(context.Data.DhtFile, repair);
        string what = report.Fault is { } fault ? $"damaged: {fault}" : $"{report.Unreadable} entries do not read";
        return Task.FromResult(
            !report.Exists ? Finding.Ok("none yet")
            : report.IsClean ? Finding.Ok($"{report.Records} values, {report.Providers} providers, {report.Announcements} announcements of its own")
            : report.MovedTo is { } aside ? Finding.Repaired(
                $"damaged; kept as {Path.GetFileName(aside)}; announce your own values and content anew with 'p2plearn dht'")
            : report.IsRepaired ? Finding.Repaired($"{report.Unreadable} entries that did not read were removed")
            : Finding.Problem(what, "--repair puts it right; other nodes put their records again, announce your own anew with 'p2plearn dht'"));
    }
}
