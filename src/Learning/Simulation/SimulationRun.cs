using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>One run of the simulator: carries out the effects of all machines.</summary>
/// <remarks>
/// Virtual time: training takes a second, a model between honest nodes 1 to 50 ms, between an honest and a Byzantine node nothing. So the Byzantine
/// hear the honest before anybody else does and are never late, as the papers assume; with "the first n − f" every node hears all of
/// them and a random choice of the honest.
/// </remarks>
internal sealed class SimulationRun : IDisposable
{
    private static readonly TimeSpan TrainingTime = TimeSpan.FromSeconds(1);
    private readonly SimulationOptions _options;
    private readonly IProgress<SimulationProgress>? _progress;
    private readonly VirtualTime _time = new();
    private readonly SimulationWorkers _workers;
    private readonly SimulatedNode[] _nodes;
    private readonly ContributionStore _store;
    private readonly Mixer _mixer;
    private readonly IAggregator _rule;
    private readonly SeededRandom _delays;
    private readonly Dictionary<int, float[]> _forged = [];
    private int _roundsDone;

    public SimulationRun(SimulationOptions options, LabelledImages train, IProgress<SimulationProgress>? progress)
    {
        _options = options;
        _progress = progress;
        _rule = options.CreateRule();
        _delays = SeededRandom.ForStream(options.Seed, ulong.MaxValue);
        _workers = new SimulationWorkers(options);
        _nodes = SimulationNodes.Create(options, train, _workers);
        _store = new ContributionStore(_workers.Dimension);
        _mixer = new Mixer(_rule, _store);
    }

    private IEnumerable<SimulatedNode> Honest => _nodes.Where(n => n.Honest);

    public void Dispose() => _workers.Dispose();

    /// <summary>Plays until every honest node has finished.</summary>
    public void Play(CancellationToken cancellationToken)
    {
        foreach (SimulatedNode node in _nodes)
        {
            if (_options.Aggregator != SimulationOptions.Alone)
            {
                foreach (SimulatedNode other in _nodes.Where(o => o != node))
                {
                    _time.Schedule(node, new ParticipantJoined(other.Participant), TimeSpan.Zero);
                }
            }

            _time.Schedule(node, new Started(), TimeSpan.Zero);
        }

        while (_time.TryNext(out SimulatedNode node, out RoundEvent happened))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (happened is LocalStepsFinished && node.PendingSteps > 0)
            {
                _workers.TrainPending(_nodes, cancellationToken);
            }

            foreach (RoundEffect effect in node.Machine.Step(happened, _time.Now))
            {
                Carry(node, effect);
            }
        }
    }

    /// <summary>Evaluates the honest nodes' models.</summary>
    public SimulationReport Report(LabelledImages test, Func<double> seconds)
    {
        (NodeReport[] perNode, string hash) = SimulationNodes.Evaluate(_nodes, _workers, test);
        double[] accuracies = [.. perNode.Where(n => n.Honest).Select(n => n.Accuracy!.Value)];
        return new SimulationReport
        {
            HonestMeanAccuracy = accuracies.Average(),
            HonestWorstAccuracy = accuracies.Min(),
            Rounds = _options.Rounds,
            BytesPerNode = (long)(Honest.Average(n => (double)n.ReceivedCount) * _workers.Dimension * sizeof(float)),
            Seconds = Math.Round(seconds(), 3),
            ModelHash = hash,
            Settings = new SimulationSettings(
                _options.Nodes, _options.Byzantine, _options.Attack, _options.Aggregator, _options.Model, _options.Partition,
                _options.Gradients, _options.LocalSteps, _options.Batch, _options.Seed),
            PerNode = perNode,
        };
    }

    private void Carry(SimulatedNode node, RoundEffect effect)
    {
        switch (effect)
        {
            case TrainLocally train:
                node.PendingSteps = train.Steps;
                _time.Schedule(node, new LocalStepsFinished(train.Round), TrainingTime * node.Slowness);
                break;
            case Commit commit:
                float[] model = _store.Rent();
                node.Parameters.CopyTo(model, 0);
                Commit(node, commit.Round, model);
                break;
            case Forge forge:
                Commit(node, forge.Round, Forge(forge));
                break;
            case Announce announce:
                Send(node, announce.Contribution);
                break;
            case AwaitUntil timer:
                _time.Schedule(node, new TimePassed(), timer.Time - _time.Now);
                break;
            case Mix mix:
                _time.Schedule(node, new Mixed(mix.Round, _mixer.Apply(node, mix)), TimeSpan.Zero);
                break;
            case CatchUp jump:
                Jump(node, jump);
                break;
            case RecordRound record:
                node.Records.Add(record.Record);
                OnRecorded();
                break;
        }
    }

    private void Commit(SimulatedNode node, int round, float[] model) =>
        _time.Schedule(node, new Committed(_store.Add(node.Participant, round, model)), TimeSpan.Zero);

    // All Byzantine nodes send one vector: it is made once a round.
    private float[] Forge(Forge forge)
    {
        if (!_forged.TryGetValue(forge.Round, out float[]? forged))
        {
            _forged.Clear();
            _forged[forge.Round] = forged = new float[_workers.Dimension];
            var attack = (IModelAttack)AttackRegistry.Create(_options.Attack);
            attack.Forge(new AttackKnowledge(_store.Get(forge.Honest), _rule, _options.Byzantine), forged);
        }

        float[] model = _store.Rent();
        forged.CopyTo(model, 0);
        return model;
    }

    private void Send(SimulatedNode from, ContributionRef contribution)
    {
        if (_options.Aggregator == SimulationOptions.Alone)
        {
            return;
        }

        foreach (SimulatedNode to in _nodes.Where(n => n != from))
        {
            to.ReceivedCount++;
            TimeSpan delay = from.Honest && to.Honest ? TimeSpan.FromMilliseconds(1 + (49 * _delays.NextDouble())) : TimeSpan.Zero;
            _time.Schedule(to, new ModelArrived(contribution), delay);
        }
    }

    private void Jump(SimulatedNode node, CatchUp jump)
    {
        node.PendingSteps = 0; // the training under way is dropped
        ReadOnlyMemory<float>[] models = _store.Get(jump.Contributors);
        bool done = new TrimmedMean(_options.Byzantine).TryAggregate(models[0].Span, models, node.Parameters, null);
        RoundEvent answer = done ? new CaughtUp(jump.Round) : new CatchUpFailed(jump.Round);
        _time.Schedule(node, answer, TimeSpan.Zero);
    }

    private void OnRecorded()
    {
        int done = Honest.Min(n => n.Records.Count == 0 ? 0 : n.Records[^1].Round);
        if (done > _roundsDone)
        {
            _roundsDone = done;
            _store.Forget(reference => _nodes.Any(n => n.Machine.Wants(reference)));
            _progress?.Report(new SimulationProgress(done, _options.Rounds));
        }
    }
}
