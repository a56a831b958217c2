using System.Diagnostics;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Node.Commands;

/// <summary>Shows on standard error how far a simulation is: a bar on a terminal, a line every 10 s elsewhere, nothing when told to be quiet.</summary>
internal sealed class SimulationProgressView(bool quiet) : IProgress<SimulationProgress>, IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly bool _terminal = !Console.IsErrorRedirected;
    private readonly SimulationBar _bar = new();
    private bool _shown;

    /// <summary>The last round measured.</summary>
    public SimulationRound? Last { get; set; }

    /// <summary>Rounds that are done.</summary>
    public int Done { get; private set; }

    /// <inheritdoc/>
    public void Report(SimulationProgress value)
    {
        Done = value.Round;
        TimeSpan elapsed = Stopwatch.GetElapsedTime(_start);
        if (!quiet && _terminal)
        {
            Console.Error.Write("\r\e[K" + SimulationBar.Bar(value, Last, elapsed));
            _shown = true;
        }
        else if (!quiet && _bar.NextLine(value, Last, elapsed) is { } line)
        {
            Console.Error.WriteLine(line);
        }
    }

    /// <summary>Takes the bar away.</summary>
    public void Dispose()
    {
        if (_shown)
        {
            Console.Error.Write("\r\e[K");
        }
    }
}
