using System.Globalization;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Node.Commands;

/// <summary>How far a simulation is, as a bar with the time left or as lines of text. Pure.</summary>
internal sealed class SimulationBar
{
    /// <summary>Least time between two lines where nobody looks at a terminal.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(10);

    private const int Width = 24;
    private TimeSpan _lastLineAt;

    /// <summary>The bar, for a terminal line that changes: no line break, at most 80 characters for ordinary numbers.</summary>
    /// <param name="progress">How far it is.</param>
    /// <param name="last">The last round measured; null when none is.</param>
    /// <param name="elapsed">Since the start.</param>
    public static string Bar(SimulationProgress progress, SimulationRound? last, TimeSpan elapsed)
    {
        int filled = progress.Rounds == 0 ? 0 : Width * progress.Round / progress.Rounds;
        return $"[{new string('#', filled)}{new string('.', Width - filled)}] {Line(progress, last, elapsed)}";
    }

    /// <summary>A line of text, or null when the last one was less than <see cref="Period"/> ago.</summary>
    /// <inheritdoc cref="Bar"/>
    public string? NextLine(SimulationProgress progress, SimulationRound? last, TimeSpan elapsed)
    {
        if (elapsed - _lastLineAt < Period)
        {
            return null;
        }

        _lastLineAt = elapsed;
        return Line(progress, last, elapsed);
    }

    /// <summary>A duration in words.</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(time.TotalSeconds):0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{time.TotalMinutes:0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{time.TotalHours:0.#} h"),
    };

    private static string Line(SimulationProgress progress, SimulationRound? last, TimeSpan elapsed)
    {
        string accuracy = last?.AccuracyMean is { } mean
            ? string.Create(CultureInfo.InvariantCulture, $", accuracy {mean:P1} (worst {last.AccuracyWorst:P1})")
            : "";
        string left = progress.Round > 0 && progress.Round < progress.Rounds
            ? $", {Duration(elapsed / progress.Round * (progress.Rounds - progress.Round))} left"
            : "";
        return $"round {progress.Round} of {progress.Rounds}{accuracy}{left}";
    }
}
