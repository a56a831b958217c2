using P2PLearn.Learning.Data;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Experiments;

/// <summary>What is known of one run of a grid.</summary>
/// <param name="Cell">Which.</param>
/// <param name="Report">What came of it.</param>
public sealed record SweptCell(GridCell Cell, SimulationReport Report);

/// <summary>Runs the cells of a grid, several at once, a results file each; those that a file already has to the end are not run again.</summary>
/// <remarks>A cell that was stopped half-way, by whatever, is run from its start again.</remarks>
public sealed class Sweep
{
    private readonly IReadOnlyList<GridCell> _cells;
    private readonly string _folder;

    /// <summary>Prepares; nothing is written.</summary>
    /// <param name="cells">Of one grid.</param>
    /// <param name="folder">Made when it is not there.</param>
    /// <exception cref="ArgumentException">Two cells have the same file name, or the folder has results of other settings; one line for the user.</exception>
    /// <exception cref="InvalidDataException">A file of that name is no results file; one line for the user.</exception>
    public Sweep(IReadOnlyList<GridCell> cells, string folder)
    {
        ArgumentNullException.ThrowIfNull(cells);
        (_cells, _folder) = (cells, folder);
        if (cells.GroupBy(c => c.FileName).FirstOrDefault(g => g.Count() > 1) is { } twins)
        {
            throw new ArgumentException($"{string.Join(" and ", twins.Select(c => c.Name))} would have one file, {twins.Key}");
        }

        Done = [.. cells.Select(ReadDone).OfType<SweptCell>()];
    }

    /// <summary>The cells that a file has to the end, in the order of the grid.</summary>
    public IReadOnlyList<SweptCell> Done { get; private set; }

    /// <summary>Where the results of a cell are, or will be.</summary>
    public string FileOf(GridCell cell)
    {
        ArgumentNullException.ThrowIfNull(cell);
        return Path.Combine(_folder, cell.FileName);
    }

    /// <summary>Runs what is left.</summary>
    /// <param name="examples">What all cells train on.</param>
    /// <param name="threads">Cells at once; what is left over goes to the cells when they are fewer. At least 1.</param>
    /// <param name="onDone">Told after each cell, one at a time, when its file is complete.</param>
    /// <param name="cancellationToken">Stops all; cells that were complete stay so.</param>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public void Run(ExampleSets examples, int threads, Action<SweptCell> onDone, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(onDone);
        Directory.CreateDirectory(_folder);
        var done = Done.ToDictionary(c => c.Cell.Name, c => c.Report);
        GridCell[] left = [.. _cells.Where(c => !done.ContainsKey(c.Name))];
        int atOnce = Math.Clamp(left.Length, 1, threads);
        var told = new Lock();
        Cores.For(left.Length, atOnce, i =>
        {
            SimulationReport report = Run(left[i], examples, threads / atOnce, cancellationToken);
            lock (told)
            {
                done.Add(left[i].Name, report);
                onDone(new SweptCell(left[i], report));
            }
        }, cancellationToken);
        Done = [.. _cells.Select(c => new SweptCell(c, done[c.Name]))];
    }

    private SimulationReport Run(GridCell cell, ExampleSets examples, int threads, CancellationToken cancellationToken)
    {
        using var file = new ResultsFile(FileOf(cell), SimulationSettings.Of(cell.Options));
        SimulationReport report = Simulator.Run(
            cell.Options with { Threads = threads }, examples.Train, examples.Test, null, file.Add, cancellationToken);
        file.Add(new RunEnd(true, report));
        return report;
    }

    private SweptCell? ReadDone(GridCell cell)
    {
        string file = FileOf(cell);
        if (!File.Exists(file) || new FileInfo(file).Length == 0)
        {
            return null;
        }

        RunResults results = ResultsFile.Read(file);
        if (results.Settings != SimulationSettings.Of(cell.Options))
        {
            throw new ArgumentException($"{file} has results of other settings: give another folder, or delete it");
        }

        return results.End is { Finished: true, Report: { } report } ? new SweptCell(cell, report) : null;
    }
}
