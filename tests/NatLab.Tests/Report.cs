namespace P2PLearn.NatLab.Tests;

/// <summary>Tables of the laboratory: into the test's output, and appended to the file that P2PLEARN_NATLAB_REPORT names.</summary>
internal static class Report
{
    public static void Write(string title, IReadOnlyCollection<PairResult> pairs) => Write(PairResult.Table(title, pairs));

    public static void Write(string table)
    {
        TestContext.Current.TestOutputHelper?.WriteLine(table);
        if (Environment.GetEnvironmentVariable("P2PLEARN_NATLAB_REPORT") is { Length: > 0 } path)
        {
            File.AppendAllText(path, table + Environment.NewLine);
        }
    }
}
