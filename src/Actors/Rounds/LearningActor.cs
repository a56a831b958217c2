using Akka.Actor;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Actors.Rounds;

/// <summary>Waits until the run's settings are known, makes the run, and watches over its actor.</summary>
public sealed class LearningActor : ReceiveActor
{
    /// <summary>How often a run actor may fail in a minute before this node stops taking part.</summary>
    public const int MaxRestarts = 3;

    /// <summary>The register that holds the settings of the mesh's run.</summary>
    public const string SettingsRegister = "run-settings";

    private readonly LearningGuest _guest;
    private readonly IActorRef _replication;
    private RunProtocol.TrainersChanged _trainers = new([]);
    private IActorRef? _run;
    private bool _making;

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
        Receive<ReplicationProtocol.RegisterChanged>(message => NoteRegister(message));
        Receive<ReplicationProtocol.ContributionsChanged>(_ => { });
        Receive<ReplicationProtocol.RegisterWritten>(_ => { });
        Receive<ReplicationProtocol.RegisterRefused>(_ => { });
        Receive<RunMade>(made => StartRun(made));
        Receive<Status.Failure>(failure => _guest.Fail(failure.Cause));
        Receive<RunProtocol.GetStatus>(message =>
        {
            if (_run is null)
            {
                Sender.Tell(new RunProtocol.RunStatus("", 0, 0, "WaitingForSettings"));
            }
            else
            {
                _run.Forward(message);
            }
        });
        Receive<Terminated>(_ => _guest.Fail(new InvalidOperationException($"the run failed {MaxRestarts} times in a minute")));
    }

    /// <summary>Properties of the actor.</summary>
    public static Props Props(LearningGuest guest, IActorRef replication) =>
        Akka.Actor.Props.Create(() => new LearningActor(guest, replication));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        _replication.Tell(new ReplicationProtocol.FollowRegister(SettingsRegister));
        _replication.Tell(new ReplicationProtocol.Subscribe(Self));
        if (_guest.Options.Settings is { } settings)
        {
            Make(settings);
            if (_guest.Options.Proposes)
            {
                _replication.Tell(new ReplicationProtocol.WriteRegister(SettingsRegister, settings.Encode()));
            }
        }
    }

    /// <inheritdoc/>
    protected override SupervisorStrategy SupervisorStrategy() => new OneForOneStrategy(
        MaxRestarts,
        TimeSpan.FromMinutes(1),
        cause =>
        {
            _guest.NoteFailure(cause);
            return Directive.Restart;
        });

    private void NoteRegister(ReplicationProtocol.RegisterChanged register)
    {
        bool isNews = register.Name == SettingsRegister && !_making && _run is null;
        if (isNews && RunSettings.TryDecode(register.Value, out RunSettings? settings))
        {
            Make(settings);
        }
    }

    private void Make(RunSettings settings)
    {
        _making = true;
        _guest.MakeRunAsync(settings).PipeTo(Self, success: run => new RunMade(run.Context, run.Contributions, run.Machine));
    }

    private void StartRun(RunMade made) =>
        _run = Context.Watch(Context.ActorOf(RunActor.Props(made.Context, made.Machine, _replication, made.Contributions), "run"));

    private sealed record RunMade(RunContext Context, ContributionService Contributions, Func<IRoundMachine> Machine);
}
