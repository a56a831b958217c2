using System.Globalization;
using System.Security.Cryptography;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Partitioning;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Simulation;

/// <summary>Makes the nodes of a simulation and measures what came of them.</summary>
internal static class SimulationNodes
{
    /// <summary>All nodes, the honest first; all that train start from the same parameters.</summary>
    public static SimulatedNode[] Create(SimulationOptions options, LabelledImages train, SimulationWorkers workers)
    {
        IAttack attack = AttackRegistry.Create(options.Attack);
        int[][] shares = Partitioners.Parse(options.Partition).Partition(train, options.HonestCount, options.Seed);
        workers[0].Initialize(options.Seed);
        float[] initial = workers[0].Parameters.ToArray();
        Participant[] names = [.. Enumerable.Range(0, options.Nodes).Select(i => Name(i, options.Nodes))];
        var nodes = new List<SimulatedNode>();
        for (int i = 0; i < options.Nodes; i++)
        {
            if (i < options.HonestCount)
            {
                nodes.Add(Training(options, i, names[i], shares[i], initial, train, workers, flip: false));
            }
            else if (attack.FlipsLabels)
            {
                // It holds the data of one of the honest, with other labels.
                int[] share = shares[(i - options.HonestCount) % shares.Length];
                nodes.Add(Training(options, i, names[i], share, initial, train, workers, flip: true));
            }
            else
            {
                var rounds = new ByzantineRoundOptions { Rounds = options.Rounds };
                nodes.Add(new SimulatedNode(
                    i, names[i], false, new ByzantineRoundMachine(names[i], names[options.HonestCount..], rounds)));
            }
        }

        return [.. nodes];
    }

    /// <summary>Evaluates the honest nodes; nodes with equal models are evaluated once.</summary>
    public static (NodeReport[] PerNode, string ModelHash) Evaluate(
        SimulatedNode[] nodes, SimulationWorkers workers, LabelledImages test)
    {
        var known = new Dictionary<ModelRoot, Evaluation>();
        var reports = new List<NodeReport>();
        HashSet<Participant> byzantine = [.. nodes.Where(n => !n.Honest).Select(n => n.Participant)];
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> bytes = stackalloc byte[ModelRoot.Size];
        foreach (SimulatedNode node in nodes)
        {
            if (!node.Honest)
            {
                reports.Add(new NodeReport { Node = node.Participant.Id, Honest = false, Images = node.Images });
                continue;
            }

            ModelRoot root = ModelRoot.OfModel(node.Parameters);
            root.CopyTo(bytes);
            hash.AppendData(bytes);
            if (!known.TryGetValue(root, out Evaluation evaluation))
            {
                node.Parameters.CopyTo(workers[0].Parameters);
                known.Add(root, evaluation = workers[0].Evaluate(test));
            }

            reports.Add(Report(node, evaluation, byzantine));
        }

        return ([.. reports], Convert.ToHexStringLower(hash.GetHashAndReset()));
    }

    private static NodeReport Report(SimulatedNode node, Evaluation evaluation, HashSet<Participant> byzantine)
    {
        ContributorOutcome[] outcomes = [.. node.Records.Where(r => r.Mix is not null).SelectMany(r => r.Mix!.Contributors)];
        return new NodeReport
        {
            Node = node.Participant.Id,
            Honest = true,
            Accuracy = evaluation.Accuracy,
            Loss = double.IsFinite(evaluation.Loss) ? evaluation.Loss : null,
            Images = node.Images,
            Mixed = node.Records.Count(r => r.Mix is not null),
            KeptByzantine = outcomes.Count(o => byzantine.Contains(o.Participant) && o.Kept),
            RejectedByzantine = outcomes.Count(o => byzantine.Contains(o.Participant) && !o.Kept),
            RejectedHonest = outcomes.Count(o => !byzantine.Contains(o.Participant) && !o.Kept),
        };
    }

    private static SimulatedNode Training(
        SimulationOptions options,
        int index,
        Participant name,
        int[] share,
        float[] initial,
        LabelledImages train,
        SimulationWorkers workers,
        bool flip)
    {
        int worker = index % workers.Count;
        var trainerOptions = new LocalTrainerOptions
        {
            BatchSize = options.Batch,
            Seed = SeededRandom.ForStream(~options.Seed, (ulong)index).NextUInt64(), // other streams than the partition's
            FlipLabels = flip,
        };
        return new SimulatedNode(index, name, !flip, new RoundMachine(name, Rounds(options)))
        {
            Parameters = [.. initial],
            Trainer = new LocalTrainer(
                workers[worker], new MomentumSgd(initial.Length, options.Optimizer), train, share, trainerOptions),
            Worker = worker,
            Slowness = options.Slowness.GetValueOrDefault(index, 1),
            Images = share.Length,
        };
    }

    private static RoundOptions Rounds(SimulationOptions options)
    {
        bool alone = options.Aggregator == SimulationOptions.Alone;
        return new RoundOptions
        {
            Rounds = options.Rounds,
            LocalSteps = options.LocalSteps,
            Faulty = alone ? 0 : options.Byzantine,
            MinCandidates = options.CreateRule().MinCandidates,
            Heard = Aggregators.HeardBy(options.Aggregator),
            GatherCount = alone ? 1 : options.Nodes,
        };
    }

    // As many digits as the last one has, so that the order of the names is the order of the nodes.
    private static Participant Name(int index, int count)
    {
        int digits = (count - 1).ToString(CultureInfo.InvariantCulture).Length;
        return new Participant("node-" + index.ToString(CultureInfo.InvariantCulture).PadLeft(digits, '0'));
    }
}
