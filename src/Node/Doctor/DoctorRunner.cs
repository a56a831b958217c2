namespace P2PLearn.Node.Doctor;

/// <summary>Runs the checks one after the other.</summary>
internal static class DoctorRunner
{
    /// <summary>Runs them; what one of them cannot read is a problem of that one.</summary>
    public static async Task<IReadOnlyList<(string Check, Finding Finding)>> RunAsync(
        DoctorContext context, IReadOnlyList<IDoctorCheck> checks, bool repair, CancellationToken cancellationToken)
    {
        var findings = new List<(string, Finding)>();
        foreach (IDoctorCheck check in checks)
        {
            findings.Add((check.Name, await RunAsync(check, context, repair, cancellationToken)));
        }

        return findings;
    }

    private static async Task<Finding> RunAsync(IDoctorCheck check, DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        try
        {
            return await check.CheckAsync(context, repair, cancellationToken);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or UserErrorException)
        {
            return Finding.Problem(e.Message.ReplaceLineEndings(" "), "see to it that this user can read and write it");
        }
    }
}
