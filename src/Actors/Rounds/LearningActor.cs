using Akka.Actor;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;

namespace P2PLearn.Actors.Rounds;

/// <summary>Waits until the run's settings are known, makes the run, takes over a checkpoint when the others are far ahead, and watches over the
/// run's actor.</summary>
public sealed class LearningActor : ReceiveActor, IWithTimers
{
    /// <summary>How often a run actor may fail in a minute before this node stops taking part.</summary>
    public const int MaxRestarts = 3;

    /// <summary>How long a node that knows a run from an earlier life waits for news of a later one.</summary>
    public static readonly TimeSpan SettleWait = TimeSpan.FromSeconds(3);

    /// <summary>After this time without a word of the run to join, the node says so.</summary>
    public static readonly TimeSpan UnknownAfter = TimeSpan.FromSeconds(15);

    private readonly LearningGuest _guest;
    private readonly IActorRef _replication;
    private RunProtocol.TrainersChanged _trainers = new([]);
    private AttestationSet? _attestations;
    private LearningRun? _made;
    private LateJoinPlan? _plan;
    private TimeSpan _madeAt;
    private IActorRef? _run;
    private bool _making;
    private string _phase = "WaitingForSettings";

    /// <summary>Why the run actor failed last; null while it never has.</summary>
    private Exception? _lastFailure;

    /// <summary>Creates the actor.</summary>
    public LearningActor(LearningGuest guest, IActorRef replication)
    {
        _guest = guest;
        _replication = replication;
        Receive<RunProtocol.TrainersChanged>(message =>
        {
            _trainers = message;
            _run?.Forward(message);
        });
        Receive<RunProtocol.GetTrainers>(_ => Sender.Tell(_trainers));
        Receive<ReplicationProtocol.AttestationsChanged>(NoteAttestations);
        Receive<ReplicationProtocol.ContributionsChanged>(_ => { });
        Receive<ReplicationProtocol.Attested>(_ => { });
        Receive<ReplicationProtocol.AttestRefused>(refused => _guest.Record(new CheckpointFailed(0, $"the run was not made known: {refused.Reason}")));
        Receive<Settled>(_ => Choose());
        Receive<StillUnknown>(_ => SayUnknown());
        Receive<RunMade>(made => PlanJoin(made.Run, made.Progress));
        Receive<PlanDue>(_ => StepPlan());
        Receive<JoinEnded>(_ => StartRun());
        Receive<Status.Failure>(failure => _guest.Fail(
            failure.Cause as LearningFailedException ?? new LearningFailedException($"cannot train: {failure.Cause.Message}", failure.Cause)));
        Receive<RunProtocol.GetStatus>(Answer);
        Receive<Terminated>(_ => _guest.Fail(_lastFailure as LearningFailedException ?? new LearningFailedException(
            $"the run failed {MaxRestarts + 1} times in a minute, in the end: {_lastFailure?.Message}", _lastFailure)));
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!; // set by Akka before the first message

    /// <summary>Properties of the actor.</summary>
    public static Props Props(LearningGuest guest, IActorRef replication) =>
        Akka.Actor.Props.Create(() => new LearningActor(guest, replication));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        _replication.Tell(new ReplicationProtocol.Subscribe(Self));
        if (_guest.Settings is { } settings)
        {
            Make(settings);
            if (_guest.Options.Proposes)
            {
                _replication.Tell(new ReplicationProtocol.Attest(_guest.Propose(settings)));
            }
        }
        else if (_guest.Options.Join is not null)
        {
            Timers.StartSingleTimer(nameof(StillUnknown), new StillUnknown(), UnknownAfter);
        }
    }

    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        MaxRestarts,
        withinTimeMilliseconds: 60_000,
        loggingEnabled: false, // said here, once
        localOnlyDecider: cause =>
        {
            bool isNews = cause.Message != _lastFailure?.Message;
            _lastFailure = cause;
            if (cause is LearningFailedException)
            {
                return Directive.Stop; // it would find the same file
            }

            if (isNews) // a full disk says the same each time
            {
                _guest.NoteFailure(cause);
            }

            return Directive.Restart;
        });

    private void NoteAttestations(ReplicationProtocol.AttestationsChanged message)
    {
        bool isFirst = _attestations is null;
        _attestations = message.All;
        if (_making)
        {
            StepPlan();
        }
        else if (isFirst && _guest.Options.Join is null && !message.All.IsBottom)
        {
            Timers.StartSingleTimer(nameof(Settled), new Settled(), SettleWait); // known from the disk: the mesh may have gone on to another
        }
        else if (!Timers.IsTimerActive(nameof(Settled)))
        {
            Choose();
        }
    }

    private void Choose()
    {
        if (_making || _attestations is not { } attestations)
        {
            return;
        }

        try
        {
            IReadOnlyList<KnownRun> runs = RunChoice.List(attestations);
            if (RunChoice.Pick(_guest.Options.Join is null ? _guest.Trainable(runs) : runs, _guest.Options.Join) is { } run)
            {
                Make(run.Settings);
            }
        }
        catch (InvalidDataException e)
        {
            _guest.Fail(new LearningFailedException($"cannot join: {e.Message}", e));
        }
    }

    private void SayUnknown()
    {
        if (!_making && _attestations is { } attestations)
        {
            _guest.Record(new RunUnknown(_guest.Options.Join!, [.. RunChoice.List(attestations).Select(r => r.Run.ToString())]));
        }
    }

    private void Make(RunSettings settings)
    {
        _making = true;
        _guest.MakeRunAsync(settings).PipeTo(Self, success: made => new RunMade(made.Run, made.Progress));
    }

    private void PlanJoin(LearningRun run, int progress)
    {
        _made = run;
        _madeAt = _guest.Now;
        if (run.LateJoin is null || _guest.Options.Proposes)
        {
            StartRun();
            return;
        }

        _phase = "Joining";
        _plan = new LateJoinPlan(run.Context.Run, run.Context.Settings, progress, _guest.Options.Join is not null);
        StepPlan();
    }

    private void StepPlan()
    {
        switch (_plan?.Step(_attestations ?? AttestationSet.Bottom, _guest.Now - _madeAt))
        {
            case LateJoinStep.Wait wait:
                Timers.StartSingleTimer(nameof(PlanDue), new PlanDue(), wait.Time + TimeSpan.FromMilliseconds(1));
                break;
            case LateJoinStep.TakeOver takeOver:
                _guest.JoinAsync(_made!.LateJoin!, takeOver.Checkpoint).PipeTo(Self, success: joined => new JoinEnded(joined));
                break;
            case LateJoinStep.Begin:
                StartRun();
                break;
        }
    }

    private void StartRun()
    {
        LearningRun made = _made!;
        _run = Context.Watch(Context.ActorOf(RunActor.Props(made.Context, made.Machine, _replication, made.Contributions), "run"));
    }

    private void Answer(RunProtocol.GetStatus query)
    {
        if (_run is null)
        {
            Sender.Tell(new RunProtocol.RunStatus("", 0, 0, _phase));
        }
        else
        {
            _run.Forward(query);
        }
    }

    private sealed record RunMade(LearningRun Run, int Progress);

    private sealed record JoinEnded(bool Joined);

    private sealed record Settled;

    private sealed record StillUnknown;

    private sealed record PlanDue;
}
