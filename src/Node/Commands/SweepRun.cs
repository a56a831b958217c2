using System.Diagnostics;
using System.Globalization;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Experiments;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Plots;

namespace P2PLearn.Node.Commands;

/// <summary>A grid of simulations: everything that can be wrong with it is said before anything runs.</summary>
internal sealed class SweepRun
{
    private const string DefaultFolder = "sweep";
    private readonly Sweep _sweep;
    private readonly string _folder;
    private readonly string? _plots;
    private readonly bool _json;
    private readonly int _cells;
    private readonly int _threads;

    /// <summary>Reads the grid and what its folder already has.</summary>
    /// <exception cref="UserErrorException">One of them cannot be used.</exception>
    public SweepRun(string[] terms, SimulationOptions basis, string? folder, string? plots, bool json)
    {
        (_folder, _plots, _json, _threads) = (folder ?? DefaultFolder, plots, json, basis.Threads);
        try
        {
            IReadOnlyList<GridCell> cells = Grid.Parse(terms, basis);
            _sweep = new Sweep(cells, _folder);
            _cells = cells.Count;
        }
        catch (Exception e) when (e is ArgumentException or InvalidDataException)
        {
            throw new UserErrorException(e.Message);
        }
    }

    /// <summary>Runs what is left, and prints the table.</summary>
    public int Run(ExampleSets examples, CancellationToken cancellationToken)
    {
        int before = _sweep.Done.Count;
        int done = before;
        long start = Stopwatch.GetTimestamp();
        if (before > 0)
        {
            Say($"{before} of {_cells} runs are in {_folder} already");
        }

        try
        {
            _sweep.Run(examples, _threads, cell => Tell(cell, ++done, before, Stopwatch.GetElapsedTime(start)), cancellationToken);
        }
        catch (OperationCanceledException)
        {
            Console.Error.WriteLine($"stopped after {done} of {_cells} runs; the same command goes on");
            throw;
        }

        IReadOnlyList<SweepRow> rows = SweepSummary.Of(_sweep.Done);
        File.WriteAllText(Path.Combine(_folder, "summary.csv"), SweepSummary.ToCsv(rows));
        if (_plots is not null)
        {
            PlotCommand.Draw(
                [.. _sweep.Done.GroupBy(c => c.Cell.GroupName, c => ResultsFile.Read(_sweep.FileOf(c.Cell))).Select(g => new PlottedRun(g.Key, [.. g]))], _plots);
        }

        Console.Out.Write(_json ? SweepSummary.ToJson(rows) + "\n" : SweepSummary.ToText(rows));
        return 0;
    }

    private void Tell(SweptCell cell, int done, int before, TimeSpan elapsed)
    {
        string left = done < _cells ? $", {SimulationBar.Duration(elapsed / (done - before) * (_cells - done))} left" : "";
        Say(string.Create(
            CultureInfo.InvariantCulture,
            $"{done} of {_cells}  {cell.Cell.Name}: mean {cell.Report.HonestMeanAccuracy:P2}, worst {cell.Report.HonestWorstAccuracy:P2}, {cell.Report.Seconds:0.0} s{left}"));
    }

    private void Say(string line)
    {
        if (!_json)
        {
            Console.Error.WriteLine(line);
        }
    }
}
