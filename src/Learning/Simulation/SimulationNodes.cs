using System.Globalization;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Partitioning;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Simulation;

/// <summary>Makes the nodes of a simulation.</summary>
internal sealed class SimulationNodes
{
    // Above the shortest deadline, 2 s, and below the longest: late as soon as the honest know how long the others take.
    private static readonly TimeSpan LateBy = TimeSpan.FromSeconds(3);

    private readonly SimulationOptions _options;
    private readonly LabelledExamples _train;
    private readonly SimulationWorkers _workers;
    private readonly SimulatedGraph? _graph;
    private readonly float[] _initial;

    /// <summary>Batches have the memory of their worker.</summary>
    private readonly Batch[] _batches;

    private readonly Participant[] _names;
    private readonly IAggregator _rule;
    private readonly int _faulty;
    private readonly int _minCandidates;

    /// <summary>Prepares.</summary>
    /// <param name="options">Checked.</param>
    /// <param name="train">Shared out among the honest.</param>
    /// <param name="workers">The first one's parameters are overwritten.</param>
    /// <param name="graph">Null where everybody hears everybody.</param>
    public SimulationNodes(SimulationOptions options, LabelledExamples train, SimulationWorkers workers, SimulatedGraph? graph)
    {
        (_options, _train, _workers, _graph) = (options, train, workers, graph);
        _rule = options.CreateRule();
        (_faulty, _minCandidates) = (options.FaultySources, _rule.MinCandidates);
        workers[0].Initialize(options.Seed);
        _initial = workers[0].Parameters.ToArray();
        _batches = [.. Enumerable.Range(0, workers.Count).Select(_ => new Batch(options.Batch, train.Input.Count, train.Input.TargetCount))];
        _names = [.. Enumerable.Range(0, options.Nodes).Select(i => Name(i, options.Nodes))];
    }

    /// <summary>All nodes, the honest first; all that train start from the same parameters. Of those who only forge the first has a machine, for all of them.</summary>
    public SimulatedNode[] Create()
    {
        bool flip = AttackRegistry.Create(_options.Attack).FlipsLabels;
        int[][] shares = Partitioners.Parse(_options.Partition).Partition(_train, _options.HonestCount, _options.Seed);
        var nodes = new List<SimulatedNode>();
        for (int i = 0; i < _options.Nodes; i++)
        {
            if (i < _options.HonestCount)
            {
                nodes.Add(Training(i, shares[i], flip: false));
            }
            else if (flip)
            {
                // It holds the data of one of the honest, with other labels.
                nodes.Add(Training(i, shares[(i - _options.HonestCount) % shares.Length], flip: true));
            }
            else
            {
                nodes.Add(new SimulatedNode(i, _names[i], false, _faulty, i == _options.HonestCount ? CreateForgingMachine() : null));
            }
        }

        return [.. nodes];
    }

    /// <summary>The machine of a node that trains, not started.</summary>
    /// <param name="index">Of the node.</param>
    /// <param name="gatherCount">How many have to be there before it starts, itself included.</param>
    public RoundMachine CreateMachine(int index, int gatherCount)
    {
        bool alone = _options.Aggregator == SimulationOptions.Alone;
        return new RoundMachine(_names[index], new RoundOptions
        {
            Rounds = _options.Rounds,
            LocalSteps = _options.LocalSteps,
            MixingRounds = _options.MixingRounds,
            Faulty = alone ? 0 : _faulty,
            MinCandidates = _minCandidates,
            Heard = Aggregators.HeardBy(_options.Aggregator),
            GatherCount = alone ? 1 : gatherCount,
            Neighbourhood = alone ? null : _graph?.Around(index),
        });
    }

    /// <summary>A node's name: with as many digits as the last one's, so that the order of the names is the order of the nodes.</summary>
    public static Participant Name(int index, int count)
    {
        int digits = (count - 1).ToString(CultureInfo.InvariantCulture).Length;
        return new Participant("node-" + index.ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0'));
    }

    // All of them hear the same at the same time and want the same, so one speaks for all.
    private ByzantineRoundMachine CreateForgingMachine()
    {
        AttackTiming timing = AttackRegistry.Create(_options.Attack).Timing;
        return new ByzantineRoundMachine(_names[_options.HonestCount], _names[_options.HonestCount..], new ByzantineRoundOptions
        {
            Rounds = _options.Rounds,
            Silent = timing == AttackTiming.Never,
            SendAfter = timing == AttackTiming.Late ? LateBy : TimeSpan.Zero,
        });
    }

    private SimulatedNode Training(int index, int[] share, bool flip)
    {
        int worker = index % _workers.Count;
        int gatherCount = _graph is null ? _options.Nodes : 1 + _graph.Sources(1, index).Count;
        return new SimulatedNode(index, _names[index], !flip, _faulty, CreateMachine(index, gatherCount))
        {
            Parameters = [.. _initial],
            Previous = _options.HasOuterStep ? new float[_initial.Length] : [],
            Trainer = new LocalTrainer(
                _workers[worker],
                LocalOptimizers.Create(_options.Optimizer, _initial.Length),
                _train,
                share,
                new LocalTrainerOptions
                {
                    BatchSize = _options.Batch,
                    Seed = SeededRandom.ForStream(~_options.Seed, (ulong)index).NextUInt64(), // other streams than the partition's
                    FlipLabels = flip,
                    LabelPrior = _options.LabelPrior,
                },
                _batches[worker]),
            Outer = _options.HasOuterStep ? OuterOptimizers.Create(_options.OuterOptimizer, _initial.Length, _options.Outer) : null,
            Limit = MoveLimit.For(_rule, _options.Plan, _options.MoveLimit),
            Worker = worker,
            Slowness = _options.Slowness.GetValueOrDefault(index, 1),
            Images = share.Length,
        };
    }
}
