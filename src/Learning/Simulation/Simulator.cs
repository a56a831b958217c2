using System.Diagnostics;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Simulation;

/// <summary>Runs all nodes of a run in one process, with the round machines of the real daemon in virtual time.</summary>
/// <remarks>
/// The same settings give the same bits on the same machine, whatever the number of threads. Byzantine nodes are the last in order. What
/// they send goes to the rule unchecked: the checks of a real node's receiver are not part of the experiment.
/// </remarks>
public static class Simulator
{
    /// <summary>Runs.</summary>
    /// <param name="options">Checked here.</param>
    /// <param name="train">Shared out among the nodes.</param>
    /// <param name="test">What the honest nodes' models are measured on.</param>
    /// <param name="progress">Told after each round; null when nobody wants to know.</param>
    /// <param name="cancellationToken">Looked at before each event.</param>
    /// <exception cref="ArgumentException">An option is out of range, or the data are too few; one line.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public static SimulationReport Run(
        SimulationOptions options,
        LabelledExamples train,
        LabelledExamples test,
        IProgress<SimulationProgress>? progress,
        CancellationToken cancellationToken) => Run(options, train, test, progress, null, cancellationToken);

    /// <summary>Runs, and tells what the honest nodes are like after each round.</summary>
    /// <inheritdoc cref="Run(SimulationOptions, LabelledExamples, LabelledExamples, IProgress{SimulationProgress}, CancellationToken)"/>
    /// <param name="options">Checked here.</param>
    /// <param name="train">Shared out among the nodes.</param>
    /// <param name="test">What the honest nodes' models are measured on.</param>
    /// <param name="progress">Told after each round; null when nobody wants to know.</param>
    /// <param name="onRound">Called for each round in order, on the calling thread, when all present honest nodes have finished it; null when nobody wants to know.</param>
    /// <param name="cancellationToken">Looked at before each event; rounds that were told stay told.</param>
    public static SimulationReport Run(
        SimulationOptions options,
        LabelledExamples train,
        LabelledExamples test,
        IProgress<SimulationProgress>? progress,
        Action<SimulationRound>? onRound,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(train);
        ArgumentNullException.ThrowIfNull(test);
        options.Validate();
        long start = Stopwatch.GetTimestamp();
        using var run = new SimulationRun(options, train, test, progress, onRound);
        run.Play(cancellationToken);
        return run.Report(test, () => Stopwatch.GetElapsedTime(start).TotalSeconds, cancellationToken);
    }
}
