using P2PLearn.Learning.Data;
using P2PLearn.Learning.Experiments;
using P2PLearn.Learning.Simulation;
using P2PLearn.Learning.Tests.Simulation;

namespace P2PLearn.Learning.Tests.Experiments;

public sealed class SweepTests : IDisposable
{
    private static readonly ExampleSets Data = new(SimulationData.Load().Train, SimulationData.Load().Test);

    private static readonly SimulationOptions Small = new()
    {
        Nodes = 5, Byzantine = 1, Model = "logistic", Gradients = 4, LocalSteps = 2, Partition = "iid", MeasuredNodes = 1,
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("sweep-").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void What_is_done_is_not_done_again_and_the_table_is_that_of_one_go()
    {
        IReadOnlyList<GridCell> cells = Grid.Parse(["attack=foe,nan", "seed=1..2"], Small);
        using var stop = new CancellationTokenSource();
        var first = new List<string>();
        var sweep = new Sweep(cells, _folder);
        Assert.Throws<OperationCanceledException>(() => sweep.Run(
            Data,
            1,
            cell =>
            {
                first.Add(cell.Cell.Name);
                if (first.Count == 2)
                {
                    stop.Cancel();
                }
            },
            stop.Token));
        Assert.Equal(["attack=foe,seed=1", "attack=foe,seed=2"], first);

        File.WriteAllText(sweep.FileOf(cells[2]), File.ReadAllLines(sweep.FileOf(cells[0]))[0].Replace("foe", "nan", StringComparison.Ordinal) + "\n{\"type\":\"rou"); // killed here
        var second = new List<string>();
        var resumed = new Sweep(cells, _folder);
        Assert.Equal(2, resumed.Done.Count);
        resumed.Run(Data, 2, cell => second.Add(cell.Cell.Name), TestContext.Current.CancellationToken);
        Assert.Equal(["attack=nan,seed=1", "attack=nan,seed=2"], second.Order());

        IReadOnlyList<SweepRow> rows = SweepSummary.Of(resumed.Done);
        Assert.Equal(["foe", "nan"], rows.Select(r => r.Values["attack"]));
        Assert.All(rows, r => Assert.Equal(2, r.Runs));
        Assert.Equal(resumed.Done.Take(2).Average(c => c.Report.HonestMeanAccuracy), rows[0].MeanAccuracy, 1e-12);
        Assert.Equal(resumed.Done.Skip(2).Min(c => c.Report.HonestWorstAccuracy), rows[1].WorstAccuracy);
        Assert.Equal(0, rows[1].KeptShare);
        Assert.Equal(2 * 4 * 7850 * 4, rows[0].BytesPerNode);

        string[] csv = SweepSummary.ToCsv(rows).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("attack,runs,mean,spread,worst,kept,bytes_per_node,virtual_seconds", csv[0]);
        Assert.StartsWith("foe,2,0.", csv[1], StringComparison.Ordinal);
        string[] text = SweepSummary.ToText(rows).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, text.Length);
        Assert.Single(text.Select(line => line.Length).Distinct());
        Assert.StartsWith("[{\"values\":{\"attack\":\"foe\"},\"runs\":2,", SweepSummary.ToJson(rows), StringComparison.Ordinal);
    }

    [Fact]
    public void Results_of_other_settings_are_not_taken_for_these()
    {
        new Sweep(Grid.Parse(["seed=1"], Small), _folder).Run(Data, 1, _ => { }, TestContext.Current.CancellationToken);
        ArgumentException error = Assert.Throws<ArgumentException>(() => new Sweep(Grid.Parse(["seed=1"], Small with { Batch = 5 }), _folder));
        Assert.EndsWith("seed=1.jsonl has results of other settings: give another folder, or delete it", error.Message, StringComparison.Ordinal);
    }
}
