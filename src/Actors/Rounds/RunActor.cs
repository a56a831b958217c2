using System.Diagnostics;
using Akka.Actor;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Rounds;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>Carries out what the round machine says, and tells it what happened. Holds no rule of its own.</summary>
/// <remarks>One per run and actor system. What a restart loses is in the progress file and at the other nodes.</remarks>
public sealed class RunActor : ReceiveActor, IWithTimers
{
    private readonly RunContext _context;
    private readonly IRoundMachine _machine;
    private readonly IActorRef _replication;
    private readonly IActorRef _exchange;
    private readonly RoundNotes _notes;
    private readonly RunWitness _witness;
    private readonly Dictionary<ContributionRef, Contribution> _heads = [];
    private readonly HashSet<PeerId> _known = [];
    private HashSet<PeerId> _trainers = [];
    private uint _oldest;

    /// <summary>This node's newest contribution; null before its first in this life.</summary>
    private Contribution? _announced;

    /// <summary>Creates the actor; it starts from the context's durable state.</summary>
    /// <param name="context">The run: model, training thread, stores.</param>
    /// <param name="machine">Makes the rules; a restarted actor begins with fresh ones.</param>
    /// <param name="replication">The replication actor.</param>
    /// <param name="contributions">Sends and gets models.</param>
    public RunActor(RunContext context, Func<IRoundMachine> machine, IActorRef replication, ContributionService contributions)
    {
        ArgumentNullException.ThrowIfNull(context);
        ArgumentNullException.ThrowIfNull(machine);
        _context = context;
        _machine = machine();
        _replication = replication;
        _notes = new RoundNotes(context);
        _witness = new RunWitness(context);
        _exchange = Context.ActorOf(ExchangeActor.Props(contributions, Self), "exchange");
        ReceiveNews();
        ReceiveWork();
    }

    /// <inheritdoc/>
    public ITimerScheduler Timers { get; set; } = null!;

    /// <summary>Properties of the actor.</summary>
    public static Props Props(RunContext context, Func<IRoundMachine> machine, IActorRef replication, ContributionService contributions) =>
        Akka.Actor.Props.Create(() => new RunActor(context, machine, replication, contributions));

    /// <inheritdoc/>
    protected override void PreStart()
    {
        Follow();
        Context.Parent.Tell(RunProtocol.GetTrainers.Instance); // a restarted actor knows nobody
        _replication.Tell(new ReplicationProtocol.Subscribe(Self));
        IActorRef self = Self;
        _context.ResumeAsync().PipeTo(self, success: resumed => resumed, failure: e => new Failed("resume", e));
    }

    private void ReceiveNews()
    {
        Receive<RunProtocol.TrainersChanged>(message => NoteTrainers(message.Trainers));
        Receive<ReplicationProtocol.ContributionsChanged>(message => NoteHeads(message.Added));
        Receive<ReplicationProtocol.AttestationsChanged>(message => _witness.Recall(message.All));
        Receive<ReplicationProtocol.Attested>(message => NoteAttested(message.Attestation));
        Receive<ReplicationProtocol.AttestRefused>(refused => _context.NoteUnattested(refused.Attestation, refused.Reason));
        Receive<ReplicationProtocol.Published>(_ => { });
        Receive<ReplicationProtocol.PublishRefused>(refused => _context.NoteUnpublished(refused.Contribution.Round, refused.Reason));
        Receive<RunProtocol.Offer>(message => Sender.Tell(Answer(message.Contribution)));
        Receive<RunProtocol.ModelReceived>(NoteModel);
        Receive<RunProtocol.ModelFaulty>(NoteFault);
        Receive<RunProtocol.FetchEnded>(message => StepIfKnown(message.Contribution, reference => new FetchFailed(reference)));
        Receive<RunProtocol.GetStatus>(_ => Sender.Tell(new RunProtocol.RunStatus(
            _context.Run.ToString(), _machine.Round, _context.Settings.Rounds, _machine.Phase.ToString())));
    }

    private void ReceiveWork()
    {
        Receive<Resumed>(Begin);
        Receive<StepsDone>(done =>
        {
            _notes.Trained(done.Work);
            Step(new LocalStepsFinished(done.Round));
        });
        Receive<CommitDone>(done =>
        {
            _heads[done.Reference] = done.Contribution;
            Step(new Committed(done.Reference));
        });
        Receive<MixDone>(done =>
        {
            _notes.Mixed(done.Milliseconds, done.Accuracy, done.WayGone);
            Step(new Mixed(done.Round, done.Outcome));
            MakeCheckpoint(done.Round, done.Snapshot, done.Accuracy);
        });
        Receive<CatchUpDone>(done =>
        {
            _notes.Mixed(0, done.Accuracy, null);
            Step(new CaughtUp(done.Round));
        });
        Receive<FinishDone>(done =>
        {
            _context.Events.Record(done.Event);
            MakeCheckpoint(done.Event.Rounds, done.Snapshot, done.Event.Accuracy);
        });
        Receive<CheckpointOutcome>(NoteCheckpoint);
        Receive<Tick>(_ => Step(new TimePassed()));
        Receive<Happened>(message => Step(message.Event));
        Receive<Failed>(failed => throw failed.Error as LearningFailedException as Exception
            ?? new InvalidOperationException($"could not {failed.What}: {failed.Error.Message}", failed.Error));
    }

    private void Begin(Resumed resumed)
    {
        _context.Events.Record(new RunStarted(
            _context.Run.ToString(), _context.Settings.Model, _context.ParameterCount, _context.Settings.Rounds, resumed.Round, _context.ImageCount,
            _context.Settings.Aggregator, _context.Settings.TopologyName(), _context.Settings.FaultySources()));
        ContributionRef? committed = null;
        if (resumed.Committed is { } contribution && contribution.ToRef() is { } reference)
        {
            _heads[reference] = contribution;
            committed = reference;
        }

        Step(new Started(resumed.Round, committed));
    }

    private void NoteTrainers(IReadOnlyList<PeerId> trainers)
    {
        var now = trainers.Where(peer => peer != _context.Self).ToHashSet();
        HashSet<PeerId> before = _trainers;
        _trainers = now;
        if (!_known.IsSupersetOf(now) && _known.Count < RunContext.MaxTrainers)
        {
            _known.UnionWith(now);
            Follow();
        }

        foreach (PeerId left in before.Except(now))
        {
            Step(new ParticipantLeft(left.ToParticipant()));
        }

        PeerId[] newcomers = [.. now.Except(before)];
        if (_announced is { } own && newcomers.Length > 0)
        {
            _exchange.Tell(new ExchangeProtocol.Push(own, newcomers)); // else they would have to find it in the replicated set
        }

        foreach (PeerId joined in newcomers)
        {
            Step(new ParticipantJoined(joined.ToParticipant()));
        }
    }

    private void NoteHeads(ContributionSet added)
    {
        foreach (Contribution contribution in added.Entries.SelectMany(e => e.Second is { } second ? [e.First, second] : new[] { e.First }))
        {
            if (contribution.Run != _context.Run || contribution.ToRef() is not { } reference || !Remember(reference, contribution))
            {
                continue;
            }

            Step(new HeadKnown(reference));
            if (_context.FindFault(contribution) is { } fault)
            {
                NoteFault(new RunProtocol.ModelFaulty(contribution, fault)); // no model can make it good: nobody waits for one
            }
        }
    }

    private RunProtocol.OfferAnswer Answer(Contribution contribution)
    {
        if (contribution.ToRef() is not { } reference || contribution.Run != _context.Run || !IsKnown(contribution))
        {
            return RunProtocol.OfferAnswer.NotWanted;
        }

        // What was pushed is told on: two contributions of one peer for one round then meet at somebody, however they were sent.
        if (Remember(reference, contribution))
        {
            _replication.Tell(new ReplicationProtocol.Publish(contribution));
            Step(new HeadKnown(reference));
        }

        return _context.Models.Contains(contribution.Round, contribution.Peer, contribution.Root) ? RunProtocol.OfferAnswer.AlreadyHeld
            : _machine.Wants(reference) && HasRoomFor(contribution) ? RunProtocol.OfferAnswer.Wanted
            : RunProtocol.OfferAnswer.NotWanted;
    }

    private bool IsKnown(Contribution contribution) => contribution.Peer.ToPeerId() is { } peer && _known.Contains(peer);

    private bool HasRoomFor(Contribution contribution) => _context.Models.CountOf(contribution.Peer) < RunContext.MaxModelsPerPeer;

    private bool Remember(ContributionRef reference, Contribution contribution) =>
        reference.Round >= _machine.Round - 1
        && reference.Round <= _context.Settings.Rounds
        && _heads.Keys.Count(known => known.Participant == reference.Participant) < RunContext.MaxHeadsPerPeer
        && _heads.TryAdd(reference, contribution);

    private void NoteModel(RunProtocol.ModelReceived message)
    {
        Contribution contribution = message.Contribution;
        if (contribution.ToRef() is { } reference && _context.Models.Contains(contribution.Round, contribution.Peer, contribution.Root))
        {
            Step(new ModelArrived(reference));
        }
    }

    private void NoteFault(RunProtocol.ModelFaulty message)
    {
        if (message.Contribution.ToRef() is not { } reference || !IsKnown(message.Contribution))
        {
            return;
        }

        if (_machine.Wants(reference)) // told once, however often it is sent
        {
            _context.Events.Record(new ContributionRefused(reference.Participant.Id, reference.Round, message.Reason));
        }

        Step(new ModelRefused(reference));
    }

    private void StepIfKnown(Contribution contribution, Func<ContributionRef, RoundEvent> make)
    {
        if (contribution.ToRef() is { } reference)
        {
            Step(make(reference));
        }
    }

    private void Step(RoundEvent happened)
    {
        foreach (RoundEffect effect in _machine.Step(happened, _context.Now))
        {
            Carry(effect);
        }
    }

    private void Carry(RoundEffect effect)
    {
        switch (effect)
        {
            case TrainLocally train:
                Work("train", _context.TrainAsync(train.Round, train.Steps));
                break;
            case Commit commit:
                Work("commit", _context.CommitAsync(commit.Round));
                break;
            case Forge forge:
                Work("forge", _context.ForgeAsync(forge.Round, forge.Honest));
                break;
            case Announce announce:
                AnnounceToAll(announce.Contribution);
                break;
            case AwaitUntil until:
                Timers.StartSingleTimer(Tick.Key, Tick.Instance, Later(until.Time));
                break;
            case Fetch fetch:
                FetchModel(fetch.Contribution);
                break;
            case Mix mix:
                Work("mix", _context.MixAsync(mix.Round, mix.Contributors));
                break;
            case CatchUp catchUp:
                Work("catch up", _context.CatchUpAsync(catchUp.Round, catchUp.Contributors));
                break;
            case RecordRound record:
                Record(record.Record);
                break;
            case EquivocationProven proof:
                _context.Events.Record(new EquivocationFound(proof.First.Participant.Id, proof.First.Round));
                break;
            case Finished finished:
                Work("finish", _context.FinishAsync(finished.LastRound));
                break;
            default:
                throw new UnreachableException($"the round machine asks for {effect}");
        }
    }

    private void FetchModel(ContributionRef reference)
    {
        if (!_heads.TryGetValue(reference, out Contribution? contribution))
        {
            Self.Tell(new Happened(new FetchFailed(reference)));
        }
        else if (_context.Models.Contains(contribution.Round, contribution.Peer, contribution.Root))
        {
            Self.Tell(new Happened(new ModelArrived(reference)));
        }
        else if (!HasRoomFor(contribution))
        {
            Self.Tell(new Happened(new FetchFailed(reference))); // due again later
        }
        else
        {
            _exchange.Tell(new ExchangeProtocol.Fetch(contribution, [.. _trainers]));
        }
    }

    private TimeSpan Later(TimeSpan time)
    {
        TimeSpan wait = time - _context.Now;
        return wait > TimeSpan.Zero ? wait + TimeSpan.FromMilliseconds(1) : TimeSpan.FromMilliseconds(1);
    }

    private void AnnounceToAll(ContributionRef reference)
    {
        Contribution contribution = _heads[reference];
        _announced = contribution;
        Forget(reference.Round);
        _replication.Tell(new ReplicationProtocol.Publish(contribution));
        _exchange.Tell(new ExchangeProtocol.Push(contribution, [.. _trainers]));
        if (_context.Forges)
        {
            _context.Events.Record(_notes.Attack(reference.Round));
        }
    }

    private void Record(RoundRecord record)
    {
        RoundCompleted completed = _notes.Complete(record);
        _witness.Count(completed);
        _context.Events.Record(completed);
        if (_notes.Suspect(record) is { } tooSmall)
        {
            _context.Events.Record(tooSmall);
        }

        Forget(record.Round);
    }

    private void MakeCheckpoint(int round, ModelBuffer? snapshot, double? accuracy)
    {
        if (snapshot is not null)
        {
            Work("make a checkpoint", _context.Checkpoints!.WriteAsync(round, snapshot, accuracy));
        }
    }

    private void NoteCheckpoint(CheckpointOutcome outcome)
    {
        if (outcome.Failure is { } reason)
        {
            _context.Events.Record(new CheckpointFailed(outcome.Round, reason));
        }

        foreach (Attestation attestation in outcome.Made is { } made ? _witness.Attest(made) : [])
        {
            _replication.Tell(new ReplicationProtocol.Attest(attestation));
        }
    }

    private void NoteAttested(Attestation attestation)
    {
        if (Checkpoint.TryRead(attestation, out Checkpoint? made))
        {
            _context.Events.Record(new CheckpointMade((int)made.Round, made.Root.ToString(), made.ModelBytes, made.Accuracy));
        }
    }

    private void Forget(int round)
    {
        uint oldest = (uint)Math.Max(0, round - RunContext.KeptRounds);
        _context.Models.DropBelow(oldest);
        foreach (ContributionRef old in _heads.Keys.Where(r => r.Round < oldest).ToArray())
        {
            _heads.Remove(old);
        }

        _oldest = oldest;
        Follow();
        _replication.Tell(new ReplicationProtocol.Prune(_context.Run, oldest));
    }

    /// <summary>Takes contributions of this run from whoever was a trainer since this node came; from nobody else, or names would cost nothing.</summary>
    private void Follow() =>
        _replication.Tell(new ReplicationProtocol.Follow(new ContributionScope
        {
            Runs = new Dictionary<RunId, RunScope> { [_context.Run] = new((uint)_context.Settings.Rounds, _oldest) },
            Peers = _known.Append(_context.Self).Select(peer => peer.ToReplica()).ToHashSet(),
        }));

    private void Work<T>(string what, Task<T> task)
        where T : class =>
        task.PipeTo(Self, success: result => result, failure: e => new Failed(what, e));

    /// <summary>Durable state is read; the run goes on with this round.</summary>
    internal sealed record Resumed(int Round, Contribution? Committed);

    /// <summary>Local steps are done.</summary>
    internal sealed record StepsDone(int Round, Training.LocalWork Work);

    /// <summary>Our contribution is signed and on the disk.</summary>
    internal sealed record CommitDone(ContributionRef Reference, Contribution Contribution);

    /// <summary>A mixing is done, or was declined.</summary>
    /// <param name="Round">Its round.</param>
    /// <param name="Outcome">What the rule did; null when it declined.</param>
    /// <param name="WayGone">How much of the way the model has gone, as <see cref="Training.TrainingSession.Mix"/> says.</param>
    /// <param name="Milliseconds">How long it took.</param>
    /// <param name="Accuracy">Measured after it; null when not.</param>
    /// <param name="Snapshot">A copy of the model when a checkpoint is due; whoever takes the message owns it.</param>
    internal sealed record MixDone(int Round, MixOutcome? Outcome, double? WayGone, double Milliseconds, double? Accuracy, ModelBuffer? Snapshot);

    /// <summary>A jump is done.</summary>
    internal sealed record CatchUpDone(int Round, double? Accuracy);

    /// <summary>The final model is saved and measured.</summary>
    internal sealed record FinishDone(RunFinished Event, ModelBuffer? Snapshot);

    private sealed record Happened(RoundEvent Event);

    private sealed record Failed(string What, Exception Error);

    private sealed class Tick
    {
        public static readonly Tick Instance = new();

        public static readonly object Key = new();
    }
}
