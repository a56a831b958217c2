using P2PLearn.Learning.Data;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Measures the honest nodes round by round: accuracy of some of them, disagreement of all, what was kept of the attackers.</summary>
/// <remarks>Of a round sums are kept, not models: one vector of d doubles.</remarks>
internal sealed class RoundMeasures
{
    private const int BlockLength = 4096;
    private readonly SimulationOptions _options;
    private readonly SimulationWorkers _workers;
    private readonly LabelledExamples _test;
    private readonly Participant[] _attackers;
    private readonly HashSet<int> _measured;
    private readonly Dictionary<int, Sums> _rounds = [];
    private readonly List<(SimulatedNode Node, int Round)> _pending = [];

    public RoundMeasures(SimulationOptions options, SimulationWorkers workers, LabelledExamples test, Participant[] attackers)
    {
        (_options, _workers, _test, _attackers) = (options, workers, test, attackers);
        int count = Math.Min(options.MeasuredNodes, options.HonestCount);
        _measured = [.. Enumerable.Range(0, count).Select(i => (int)((long)i * options.HonestCount / count))];
    }

    /// <summary>Takes in that an honest node has finished a round; its model is looked at in the next <see cref="Flush"/>.</summary>
    public void Add(SimulatedNode node, RoundRecord record)
    {
        if (!_rounds.TryGetValue(record.Round, out Sums? sums))
        {
            _rounds.Add(record.Round, sums = new Sums(new double[_workers.Dimension], new KeptShares(_attackers)));
        }

        sums.Present++;
        sums.TrainLoss += node.TrainLoss;
        if (record.Mix is { } mix)
        {
            sums.Mixed++;
            sums.Kept.Add(mix);
        }

        _pending.Add((node, record.Round));
    }

    /// <summary>Looks at the models of those who have finished a round since the last time.</summary>
    public void Flush(CancellationToken cancellationToken)
    {
        foreach (IGrouping<int, SimulatedNode> group in _pending.GroupBy(p => p.Round, p => p.Node))
        {
            Add(_rounds[group.Key], [.. group.Select(node => node.Parameters)], cancellationToken);
            float[][] measured = [.. group.Where(node => _measured.Contains(node.Index)).Select(node => node.Parameters)];
            _rounds[group.Key].Evaluations.AddRange(_workers.Evaluate(measured, _test, cancellationToken));
        }

        _pending.Clear();
    }

    /// <summary>Ends a round.</summary>
    /// <param name="round">Which; finished by nobody when all jumped over it.</param>
    /// <param name="now">Virtual time.</param>
    /// <param name="bytesPerNode">Received so far.</param>
    public SimulationRound Conclude(int round, TimeSpan now, long bytesPerNode)
    {
        Sums sums = _rounds.Remove(round, out Sums? found) ? found : new Sums([], new KeptShares(_attackers));
        bool measured = sums.Evaluations.Count > 0;
        return new SimulationRound
        {
            Round = round,
            Rounds = _options.Rounds,
            VirtualSeconds = Math.Round(now.TotalSeconds, 3),
            BytesPerNode = bytesPerNode,
            Present = sums.Present,
            Mixed = sums.Mixed,
            TrainLoss = Finite(sums.TrainLoss / sums.Present),
            Measured = sums.Evaluations.Count,
            AccuracyMean = measured ? Finite(sums.Evaluations.Average(e => e.Accuracy)) : null,
            AccuracyWorst = measured ? sums.Evaluations.Min(e => e.Accuracy) : null,
            TestLoss = measured ? Finite(sums.Evaluations.Average(e => e.Loss)) : null,
            Disagreement = Finite(sums.Disagreement()),
            KeptShare = sums.Kept.OfAll(),
            KeptShareOfEach = sums.Kept.OfEach(),
        };
    }

    // Blocks are summed up in their order, nodes within a block in theirs: the same bits whatever the threads.
    private void Add(Sums sums, float[][] models, CancellationToken cancellationToken)
    {
        double[] total = sums.Total;
        double[] squares = new double[(total.Length + BlockLength - 1) / BlockLength];
        Cores.For(squares.Length, _workers.Count, block =>
        {
            int start = block * BlockLength;
            int end = Math.Min(total.Length, start + BlockLength);
            foreach (float[] model in models)
            {
                double sum = 0;
                for (int k = start; k < end; k++)
                {
                    total[k] += model[k];
                    sum += (double)model[k] * model[k];
                }

                squares[block] += sum;
            }
        }, cancellationToken);
        sums.Squares += squares.Sum();
    }

    private static double? Finite(double value) => double.IsFinite(value) ? Math.Round(value, 6) : null;

    /// <summary>What is known of a round so far.</summary>
    private sealed class Sums(double[] total, KeptShares kept)
    {
        /// <summary>Σ θ_i, shape [d].</summary>
        public double[] Total { get; } = total;

        public KeptShares Kept { get; } = kept;

        public List<Evaluation> Evaluations { get; } = [];

        /// <summary>Σ ‖θ_i‖².</summary>
        public double Squares { get; set; }

        public double TrainLoss { get; set; }

        public int Present { get; set; }

        public int Mixed { get; set; }

        /// <summary>√(mean ‖θ_i‖² − ‖mean θ_i‖²), in double, as the two differ by little.</summary>
        public double Disagreement()
        {
            double ofMean = 0;
            foreach (double sum in Total)
            {
                ofMean += sum / Present * (sum / Present);
            }

            return Math.Sqrt(Math.Max(0, (Squares / Present) - ofMean));
        }
    }
}
