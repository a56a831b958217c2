using System.Diagnostics;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Commands;
using Spectre.Console;

namespace P2PLearn.Node.Demo;

/// <summary>The main job: a mesh of real node processes on this machine that trains together, attackers included, and its report.</summary>
public sealed class DemoRunner
{
    private static readonly TimeSpan Refresh = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan LineEvery = TimeSpan.FromSeconds(2);
    private readonly DemoOptions _options;
    private readonly ExampleSets _examples;
    private readonly ModelRegistry _models;
    private readonly TextWriter _progress;

    /// <summary>Creates a demo.</summary>
    /// <param name="options">What is run.</param>
    /// <param name="examples">For the report and the controls; the nodes read their own.</param>
    /// <param name="models">Those that there are, plug-ins included.</param>
    /// <param name="progress">Takes progress lines when there is no terminal.</param>
    public DemoRunner(DemoOptions options, ExampleSets examples, ModelRegistry models, TextWriter progress)
    {
        (_options, _examples, _models, _progress) = (options, examples, models, progress);
    }

    /// <summary>Runs it.</summary>
    public async Task<DemoReport> RunAsync(CancellationToken cancellationToken)
    {
        long start = Stopwatch.GetTimestamp();
        await using var mesh = new DemoMesh(_options);
        var board = new DemoBoard([.. mesh.Nodes.Select(n => (n.Name, n.PeerId, n.Attacks))]);
        await mesh.StartAsync((process, happened) => board.Note(process.Name, happened), cancellationToken);
        await ShowAsync(board, mesh.FinishAsync(cancellationToken), cancellationToken);
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        Task stopping = mesh.StopAsync();
        DemoNodeReport[] nodes = [.. mesh.Nodes.Select(n => Measure(mesh, n, board))];
        await stopping;
        _progress.WriteLine("controls: the same run with the plain mean, and every node alone");
        var controls = new DemoControls(Control("mean", cancellationToken), Control(SimulationOptions.Alone, cancellationToken));
        double[] accuracies = [.. nodes.Where(n => n.Honest).Select(n => n.Accuracy!.Value)];
        return new DemoReport
        {
            HonestMeanAccuracy = accuracies.Average(),
            HonestWorstAccuracy = accuracies.Min(),
            TestExamples = _examples.Test.Count,
            Rounds = mesh.Settings.Rounds,
            BytesPerNode = (long)nodes.Where(n => n.Honest).Average(n => n.BytesReceived),
            Seconds = seconds,
            TotalSeconds = Stopwatch.GetElapsedTime(start).TotalSeconds,
            Settings = _options,
            PerNode = nodes,
            Controls = controls,
        };
    }

    private async Task ShowAsync(DemoBoard board, Task finished, CancellationToken cancellationToken)
    {
        if (Console.IsErrorRedirected || Console.IsOutputRedirected)
        {
            while (await Task.WhenAny(finished, Task.Delay(LineEvery, TimeProvider.System, cancellationToken)) != finished)
            {
                cancellationToken.ThrowIfCancellationRequested();
                _progress.WriteLine(board.Line());
            }
        }
        else
        {
            await AnsiConsole.Live(board.Render()).StartAsync(async live =>
            {
                while (await Task.WhenAny(finished, Task.Delay(Refresh, TimeProvider.System, cancellationToken)) != finished)
                {
                    cancellationToken.ThrowIfCancellationRequested();
                    live.UpdateTarget(board.Render());
                }

                live.UpdateTarget(board.Render());
            });
        }

        await finished;
    }

    private DemoNodeReport Measure(DemoMesh mesh, DemoNode node, DemoBoard board)
    {
        (long sent, long received, _) = board.Traffic(node.Name);
        (int kept, int rejected) = board.Verdicts()[node.Name];
        Evaluation? evaluation = node.Attacks ? null : Evaluate(Path.Combine(node.DataDir, "model.safetensors"), mesh.Settings.Model);
        return new DemoNodeReport
        {
            Node = node.Name,
            PeerId = node.PeerId,
            Honest = !node.Attacks,
            Accuracy = evaluation?.Accuracy,
            Loss = evaluation is { } e && double.IsFinite(e.Loss) ? e.Loss : null,
            Kept = kept,
            Rejected = rejected,
            BytesSent = sent,
            BytesReceived = received,
        };
    }

    /// <summary>Measures the model that a node has left on the disk: the word of the file, not of the node.</summary>
    private Evaluation Evaluate(string file, string model)
    {
        using ITrainableModel measured = _models.Create(model, _examples.Test.Input);
        ModelFile.Read(file, measured.Layout, new ModelFileLimits()).CopyTo(measured.Parameters);
        return measured.Evaluate(_examples.Test);
    }

    private SimulationReport Control(string aggregator, CancellationToken cancellationToken) =>
        SimulateCommand.Simulate(
            new SimulationOptions
            {
                Nodes = _options.Nodes,
                Byzantine = _options.Attackers,
                Attack = _options.Attackers == 0 ? "none" : _options.Attack,
                Aggregator = aggregator,
                Topology = _options.Topology,
                Guard = _options.Guard,
                Model = _options.Model,
                Models = _models,
                Batch = _options.Batch,
                Optimizer = new LocalOptimizerSettings
                {
                    Schedule = new StepDecaySchedule { InitialRate = _options.LearningRate, PeriodSteps = _options.DecaySteps },
                },
                Partition = _options.Partition,
                Gradients = _options.Gradients / _options.LocalSteps * _options.LocalSteps,
                LocalSteps = _options.LocalSteps,
                MixingRounds = _options.MixingRounds,
                ExchangePrecision = ExchangePrecisions.Parse(_options.ExchangePrecision),
                Seed = _options.Seed,
                Threads = Math.Min(2, Environment.ProcessorCount),
            },
            _examples,
            null,
            cancellationToken);
}
