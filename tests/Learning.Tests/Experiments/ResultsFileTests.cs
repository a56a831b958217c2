using P2PLearn.Learning.Experiments;
using P2PLearn.Learning.Simulation;
using P2PLearn.Learning.Tests.Simulation;

namespace P2PLearn.Learning.Tests.Experiments;

public sealed class ResultsFileTests : IDisposable
{
    private static readonly SimulationOptions Small = new()
    {
        Nodes = 4, Byzantine = 1, Attack = "foe", Model = "logistic", Gradients = 4, LocalSteps = 2, Partition = "iid", MeasuredNodes = 1,
    };

    private readonly string _file = Path.GetTempFileName();

    public void Dispose() => File.Delete(_file);

    [Fact]
    public void What_was_written_is_read()
    {
        var rounds = new List<SimulationRound>();
        SimulationReport report = Write(rounds);
        RunResults results = ResultsFile.Read(_file);
        Assert.Equal(SimulationSettings.Of(Small), results.Settings);
        Assert.Equal([1, 2], results.Rounds.Select(r => r.Round));
        Assert.Equal(
            rounds.Select(r => (r.VirtualSeconds, r.BytesPerNode, r.AccuracyMean, r.Disagreement, r.KeptShare)),
            results.Rounds.Select(r => (r.VirtualSeconds, r.BytesPerNode, r.AccuracyMean, r.Disagreement, r.KeptShare)));
        Assert.Equal(rounds[1].KeptShareOfEach, results.Rounds[1].KeptShareOfEach);
        Assert.True(results.End!.Finished);
        Assert.Equal(report.ToJson(), results.End.Report!.ToJson());
    }

    [Fact]
    public void A_line_is_there_as_soon_as_it_is_added()
    {
        using var file = new ResultsFile(_file, SimulationSettings.Of(Small));
        file.Add(new RunEnd(false, null));
        using var reader = new StreamReader(new FileStream(_file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite));
        Assert.Equal(2, reader.ReadToEnd().Count(c => c == '\n'));
    }

    [Fact]
    public void Wherever_the_last_line_is_torn_it_is_skipped()
    {
        Write([]);
        byte[] whole = File.ReadAllBytes(_file);
        int end = Array.LastIndexOf(whole, (byte)'\n', whole.Length - 2) + 1;
        foreach (int length in (int[])[end, end + 1, end + 30, whole.Length - 2])
        {
            File.WriteAllBytes(_file, whole[..length]);
            RunResults results = ResultsFile.Read(_file);
            Assert.Equal((2, true), (results.Rounds.Count, results.End is null));
        }
    }

    [Theory]
    [InlineData("", " is empty")]
    [InlineData("hello\n", ": line 1 is no line of a results file")]
    [InlineData("{\"type\":\"round\"}\n", ": line 1 is no line of a results file")]
    [InlineData("{\"type\":7}\n", ": line 1 is no line of a results file")]
    [InlineData("[1]\n", ": line 1 is no line of a results file")]
    public void Another_file_is_refused_in_one_line(string text, string message)
    {
        File.WriteAllText(_file, text);
        Assert.Equal(_file + message, Assert.Throws<InvalidDataException>(() => ResultsFile.Read(_file)).Message);
    }

    [Fact]
    public void A_damaged_line_in_the_middle_is_refused()
    {
        Write([]);
        string[] lines = File.ReadAllLines(_file);
        File.WriteAllLines(_file, [lines[0], "{\"type\":\"round\",\"round\":1}", lines[2]]);
        Assert.Equal($"{_file}: line 2 lacks what a line of its type has", Assert.Throws<InvalidDataException>(() => ResultsFile.Read(_file)).Message);
        File.WriteAllLines(_file, [lines[0], lines[1][..20], lines[2]]);
        Assert.Equal($"{_file}: line 2 is no line of a results file", Assert.Throws<InvalidDataException>(() => ResultsFile.Read(_file)).Message);
    }

    private SimulationReport Write(List<SimulationRound> rounds)
    {
        using var file = new ResultsFile(_file, SimulationSettings.Of(Small));
        void Add(SimulationRound round)
        {
            file.Add(round);
            rounds.Add(round);
        }

        SimulationReport report = Simulator.Run(
            Small, SimulationData.Load().Train, SimulationData.Load().Test, null, Add, TestContext.Current.CancellationToken);
        file.Add(new RunEnd(true, report));
        return report;
    }
}
