namespace P2PLearn.Learning.Tests.Rounds;

public sealed class RoundScenarioTests
{
    public static TheoryData<string> Files { get; } =
        [.. Directory.GetFiles(RoundScenario.Folder(), "*.txt").Select(f => Path.GetFileName(f)).Order(StringComparer.Ordinal)];

    /// <summary>With P2PLEARN_REWRITE_SCENARIOS=1 the files are rewritten with what happens now; review the difference.</summary>
    [Theory]
    [MemberData(nameof(Files))]
    public void The_trace_is_as_written(string file)
    {
        string path = Path.Combine(RoundScenario.Folder(), file);
        string expected = File.ReadAllText(path).ReplaceLineEndings("\n");
        string actual = RoundScenario.Play(expected);
        if (Environment.GetEnvironmentVariable("P2PLEARN_REWRITE_SCENARIOS") == "1")
        {
            File.WriteAllText(path, actual);
            return;
        }

        Assert.Equal(expected, actual);
    }
}
