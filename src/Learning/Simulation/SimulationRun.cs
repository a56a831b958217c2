using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>One run of the simulator: carries out the effects of all machines.</summary>
/// <remarks>
/// Virtual time: training takes a second, mixing none, a model between two nodes what <see cref="Traffic"/> says. The Byzantine
/// hear the honest before anybody else does and are never late, as the papers assume; with "the first n − f" every node hears all of
/// them and a random choice of the honest. Events happen one after the other; what is dear in them (training, mixing, measuring) is done for many nodes at
/// once on all threads, before anybody looks at the result.
/// </remarks>
internal sealed class SimulationRun : IDisposable
{
    private static readonly TimeSpan TrainingTime = TimeSpan.FromSeconds(1);
    private readonly SimulationOptions _options;
    private readonly IProgress<SimulationProgress>? _progress;
    private readonly Action<SimulationRound>? _onRound;
    private readonly VirtualTime _time = new();
    private readonly SimulationWorkers _workers;
    private readonly SimulationNodes _factory;
    private readonly SimulatedNode[] _nodes;
    private readonly SimulatedNode[] _honest;
    private readonly Participant[] _attackers;
    private readonly HashSet<Participant> _byzantine;
    private readonly ContributionStore _store;
    private readonly Mixer _mixer;
    private readonly Traffic _traffic;
    private readonly Membership _membership;
    private readonly SimulatedAttack _attack;
    private readonly RoundMeasures? _measures;
    private readonly KeptShares _kept;

    /// <summary>Rounds that were recorded and whose models were not looked at yet.</summary>
    private readonly List<(SimulatedNode Node, RoundRecord Record)> _recorded = [];

    private int _roundsDone;
    private TimeSpan _finished;

    public SimulationRun(
        SimulationOptions options,
        LabelledExamples train,
        LabelledExamples test,
        IProgress<SimulationProgress>? progress,
        Action<SimulationRound>? onRound)
    {
        (_options, _progress, _onRound) = (options, progress, onRound);
        _workers = new SimulationWorkers(options, train.Input);
        SimulatedGraph? graph = SimulatedGraph.Create(options);
        _factory = new SimulationNodes(options, train, _workers, graph);
        _nodes = _factory.Create();
        _honest = [.. _nodes.Where(n => n.Honest)];
        _attackers = [.. _nodes.Where(n => !n.Honest).Select(n => n.Participant)];
        _byzantine = [.. _attackers];
        _store = new ContributionStore(_workers.Dimension);
        var network = new VirtualNetwork(options.Network, options.Seed, options.Nodes, WireBytes);
        _traffic = new Traffic(options, _nodes, graph, _time, network, _store);
        _membership = new Membership(options, _nodes, graph, _time, network, _store);
        var samples = new ClaimedSamples(_nodes);
        _attack = new SimulatedAttack(options, graph, _store, samples);
        _mixer = new Mixer(options.CreateRule(), options.Plan, _store, samples, graph is null && !_attack.IsPerVictim, _workers.Count);
        _kept = new KeptShares(_attackers);
        _measures = onRound is null ? null : new RoundMeasures(options, _workers, test, _attackers);
    }

    private long ModelBytes => (long)_workers.Dimension * sizeof(float);

    private long WireBytes => (long)_workers.Dimension * _options.ExchangePrecision.BytesPerParameter();

    private long BytesPerNode => (long)(_honest.Average(n => (double)n.ReceivedCount) * WireBytes);

    /// <summary>Model, momentum, model and momentum of the outer step of each node that trains, and all memory of contributions: what grows with n.</summary>
    private long PeakModelBytes => (((_options.HasOuterStep ? 4L : 2L) * _nodes.Count(n => n.Trainer is not null)) + _store.AllocatedModels) * ModelBytes;

    public void Dispose() => _workers.Dispose();

    /// <summary>Plays until every honest node has finished.</summary>
    public void Play(CancellationToken cancellationToken)
    {
        _membership.Start();
        while (_time.TryNext(out SimulatedNode node, out RoundEvent happened))
        {
            cancellationToken.ThrowIfCancellationRequested();
            switch (happened)
            {
                case ModelReached reached:
                    _traffic.Receive(node, reached.Contribution);
                    continue;
                case CameBack:
                    Return(node, cancellationToken);
                    continue;
                case LocalStepsFinished when node.PendingSteps is not null:
                    Settle(cancellationToken);
                    RememberForOuterStep();
                    _workers.TrainPending(_nodes, cancellationToken);
                    break;
            }

            int life = node.Life;
            foreach (RoundEffect effect in node.Machine!.Step(happened, _time.Now).TakeWhile(_ => node.Life == life))
            {
                Carry(node, effect, cancellationToken);
            }
        }

        Settle(cancellationToken);
    }

    /// <summary>Evaluates the honest nodes' models.</summary>
    public SimulationReport Report(LabelledExamples test, Func<double> seconds, CancellationToken cancellationToken)
    {
        (NodeReport[] perNode, string hash) = NodeReports.Make(_nodes, _kept, _workers, test, cancellationToken);
        double[] accuracies = [.. perNode.Where(n => n.Honest).Select(n => n.Accuracy!.Value)];
        return new SimulationReport
        {
            HonestMeanAccuracy = accuracies.Average(),
            HonestWorstAccuracy = accuracies.Min(),
            Rounds = _options.Rounds,
            BytesPerNode = BytesPerNode,
            Seconds = Math.Round(seconds(), 3),
            ModelHash = hash,
            Settings = SimulationSettings.Of(_options),
            VirtualSeconds = Math.Round(_finished.TotalSeconds, 3),
            BrokenTransfers = _traffic.BrokenTransfers,
            Departures = _membership.Departures,
            BeyondGuard = _honest.Sum(n => n.Tally.BeyondGuard),
            Limited = _honest.Sum(n => n.Tally.Limited),
            PeakModelBytes = PeakModelBytes,
            PerNode = perNode,
        };
    }

    private void Carry(SimulatedNode node, RoundEffect effect, CancellationToken cancellationToken)
    {
        switch (effect)
        {
            case TrainLocally train:
                node.PendingSteps = train.Steps;
                node.Trainer!.SkipTo(Math.Max(node.Trainer.StepCount, _options.Plan.StepsUntil(train.Round - 1)));
                _time.Schedule(node, new LocalStepsFinished(train.Round), train.Steps > 0 ? TrainingTime * node.Slowness : TimeSpan.Zero);
                break;
            case Commit commit:
                float[] model = _store.Rent();
                node.Parameters.CopyTo(model, 0);
                _time.Schedule(node, new Committed(_store.Add(node.Participant, commit.Round, node.Root, model)), TimeSpan.Zero);
                break;
            case Forge forge:
                Forge(node, forge);
                break;
            case Announce announce:
                Announce(node, announce.Contribution);
                break;
            case Fetch fetch when node.Trainer is not null:
                _traffic.Fetch(node, fetch.Contribution);
                break;
            case AwaitUntil timer:
                _time.Schedule(node, new TimePassed(), timer.Time - _time.Now);
                break;
            case Mix mix:
                _time.Schedule(node, new Mixed(mix.Round, _mixer.Plan(node, mix)), TimeSpan.Zero);
                break;
            case CatchUp jump:
                Settle(cancellationToken);
                Jump(node, jump);
                break;
            case RecordRound record:
                OnRecorded(node, record.Record, cancellationToken);
                break;
        }
    }

    private void Forge(SimulatedNode node, Forge forge)
    {
        if (!_attack.IsPerVictim)
        {
            ModelRoot root = _store.AddShared(_attackers, forge.Round, _attack.ForAll(forge));
            _time.Schedule(node, new Committed(new ContributionRef(node.Participant, forge.Round, root)), TimeSpan.Zero);
            return;
        }

        // Each victim hears of its own only; whatever the attackers hold to be their contribution, nobody asks for it.
        foreach ((int victim, int[] attackers, float[] model) in _attack.ForVictims(forge))
        {
            Participant[] senders = [.. attackers.Select(i => _nodes[i].Participant)];
            ModelRoot root = _store.AddShared(senders, forge.Round, model);
            foreach (Participant sender in senders.Where(_ => !_nodes[victim].IsAway))
            {
                _time.Schedule(_nodes[victim], new ModelReached(new ContributionRef(sender, forge.Round, root)), TimeSpan.Zero);
            }
        }

        _time.Schedule(node, new Committed(new ContributionRef(node.Participant, forge.Round, default)), TimeSpan.Zero);
    }

    private void Announce(SimulatedNode node, ContributionRef contribution)
    {
        if (node.Trainer is not null)
        {
            _traffic.Announce(contribution);
            return;
        }

        foreach (Participant attacker in _attack.IsPerVictim ? [] : _attackers)
        {
            _traffic.Announce(contribution with { Participant = attacker });
        }
    }

    private void Jump(SimulatedNode node, CatchUp jump)
    {
        node.PendingSteps = null; // the training under way is dropped
        ReadOnlyMemory<float>[] models = _store.Get(jump.Contributors);
        node.Limit?.Forget();
        bool done = new TrimmedMean(_options.FaultySources).TryAggregate(models[0].Span, models, node.Parameters, null);
        RoundEvent answer = done ? new CaughtUp(jump.Round) : new CatchUpFailed(jump.Round);
        _time.Schedule(node, answer, TimeSpan.Zero);
    }

    private void OnRecorded(SimulatedNode node, RoundRecord record, CancellationToken cancellationToken)
    {
        node.LastRound = record.Round;
        foreach (ContributionRef past in node.Fetches.Keys.Where(c => c.Round <= record.Round).ToArray())
        {
            node.Fetches.Remove(past);
        }

        if (node.Honest)
        {
            _finished = _time.Now;
            _recorded.Add((node, record));
        }

        if (!_membership.TryLeave(node))
        {
            _membership.Follow(node, record.Round + 1);
        }

        OnProgress(cancellationToken);
    }

    private void Return(SimulatedNode node, CancellationToken cancellationToken)
    {
        Settle(cancellationToken); // its model is about to change
        node.Limit?.Forget();
        _membership.Return(node, _factory.CreateMachine(node.Index, gatherCount: 1), _roundsDone);
        _traffic.CatchUpOnHeads(node, node.LastRound + 1);
        OnProgress(cancellationToken);
    }

    private void OnProgress(CancellationToken cancellationToken)
    {
        int done = _honest.Where(n => !n.IsAway).Min(n => n.LastRound);
        if (done <= _roundsDone)
        {
            return;
        }

        Settle(cancellationToken);
        for (int round = _roundsDone + 1; round <= done && _measures is not null; round++)
        {
            _onRound!(_measures.Conclude(round, _time.Now, BytesPerNode));
        }

        _roundsDone = done;
        _store.Forget(FirstRoundOfUse());
        _progress?.Report(new SimulationProgress(done, _options.Rounds));
    }

    // Those who are back later ask for the models of the last finished round.
    private int FirstRoundOfUse()
    {
        int used = _options.Network.Churn > 0 ? _roundsDone : int.MaxValue;
        foreach (SimulatedNode node in _nodes.Where(n => !n.IsAway && n.Machine is { Phase: not RoundPhase.Finished }))
        {
            used = Math.Min(used, node.Machine!.Round);
        }

        return used;
    }

    private void RememberForOuterStep()
    {
        foreach (SimulatedNode node in _nodes.Where(n => n.Outer is not null && n.PendingSteps > 0))
        {
            node.Parameters.CopyTo(node.Previous, 0);
        }
    }

    /// <summary>Does what was put off, so that every model is what its node holds it to be.</summary>
    private void Settle(CancellationToken cancellationToken)
    {
        _mixer.Execute(cancellationToken);
        foreach ((SimulatedNode node, RoundRecord record) in _recorded)
        {
            if (record.Mix is { } mix)
            {
                node.Tally.Add(mix, _byzantine);
                _kept.Add(mix);
            }

            _measures?.Add(node, record);
        }

        _recorded.Clear();
        _measures?.Flush(cancellationToken);
    }
}
