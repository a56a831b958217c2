using Akka.Actor;
using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Rounds;

/// <summary>Learning at this node, across all incarnations of its actor system: the training thread, the run, and its actors in each system.</summary>
public sealed class LearningGuest : IAsyncDisposable
{
    private readonly RunPlace _place;
    private readonly IPeerStreams _streams;
    private readonly RpcEndpoint _rpc;
    private readonly ILogger _log;
    private readonly TrainingThread _thread = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private readonly HashSet<RunId> _untrainable = []; // no more than the set of attestations has runs
    private Task<LearningRun>? _run;
    private RunSettings? _settings;
    private volatile IActorRef? _actor;
    private Task _watching = Task.CompletedTask;

    /// <summary>Creates it; the actors come with <see cref="Attach"/>.</summary>
    /// <param name="options">How this node takes part.</param>
    /// <param name="place">Where.</param>
    /// <param name="streams">Whom to blame for bad contributions.</param>
    /// <param name="rpc">Carries the models; not owned.</param>
    /// <param name="loggers">Where log lines go.</param>
    public LearningGuest(LearningOptions options, RunPlace place, IPeerStreams streams, RpcEndpoint rpc, ILoggerFactory loggers)
    {
        Options = options;
        _place = place;
        _streams = streams;
        _rpc = rpc;
        _log = loggers.CreateLogger<LearningGuest>();
    }

    /// <summary>How this node takes part.</summary>
    public LearningOptions Options { get; }

    /// <summary>Faults with a <see cref="LearningFailedException"/> when this node can train no more.</summary>
    public Task Failed => _failed.Task;

    /// <summary>Creates this node's learning actors in a new actor system.</summary>
    public void Attach(ActorSystem system, IActorRef replication)
    {
        ArgumentNullException.ThrowIfNull(system);
        _actor = system.ActorOf(LearningActor.Props(this, replication), "learning");
    }

    /// <summary>Tells the actors who trains, from now on.</summary>
    public void Follow(ClusterHost cluster)
    {
        ArgumentNullException.ThrowIfNull(cluster);
        _watching = WatchAsync(cluster);
    }

    /// <summary>What the run is doing; null while there are no actors.</summary>
    public async Task<RunProtocol.RunStatus?> GetStatusAsync(TimeSpan timeout)
    {
        try
        {
            return _actor is { } actor ? await actor.Ask<RunProtocol.RunStatus>(RunProtocol.GetStatus.Instance, timeout) : null;
        }
        catch (AskTimeoutException)
        {
            return null; // the system is just being rebuilt
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await _watching;
        Task<LearningRun>? run;
        lock (_gate)
        {
            run = _run;
        }

        if (run is { IsCompletedSuccessfully: true })
        {
            await run.Result.Context.DisposeAsync();
        }

        await _thread.DisposeAsync();
        _stopping.Dispose();
    }

    /// <summary>What this node trains, once that is known: its own settings, or those that it took from the mesh in an earlier actor system.</summary>
    internal RunSettings? Settings
    {
        get
        {
            lock (_gate)
            {
                return _settings ?? Options.Settings;
            }
        }
    }

    /// <summary>The run, made once; later incarnations of the actor system go on with it.</summary>
    /// <returns>The run, and the last round that this node has done of it.</returns>
    internal async Task<(LearningRun Run, int Progress)> MakeRunAsync(RunSettings settings)
    {
        Task<LearningRun> making;
        lock (_gate)
        {
            _settings ??= settings;
            making = _run ??= LearningRun.CreateAsync(settings, Options, _place, _thread, _streams, _rpc, _stopping.Token);
        }

        LearningRun run = await making;
        return (run, await run.Context.ReadProgressAsync());
    }

    /// <summary>The attestation by which a founder makes its settings known.</summary>
    internal Attestation Propose(RunSettings settings)
    {
        byte[] payload = settings.Encode();
        var attestation = new Attestation
        {
            Kind = AttestationKind.RunSettings,
            Run = RunId.Of(payload),
            Peer = _place.Identity.PeerId.ToReplica(),
            Version = (uint)_place.Time.GetUtcNow().ToUnixTimeSeconds(),
            Payload = payload,
        };
        return attestation with { Signature = Signature64.FromBytes(_place.Identity.Sign(attestation.SignedBytes())) };
    }

    /// <summary>Fetches a checkpoint, in this node's life time and not in that of an actor system.</summary>
    internal Task<bool> JoinAsync(LateJoin join, AgreedCheckpoint checkpoint) => join.RunAsync(checkpoint, _stopping.Token);

    /// <summary>Time by a clock that never runs backwards.</summary>
    internal TimeSpan Now => _place.Time.GetElapsedTime(0);

    internal void Record(MeshEvent happened) => _place.Events.Record(happened);

    /// <summary>The runs whose model this node knows; of each other one it says once that it does not.</summary>
    internal IReadOnlyList<KnownRun> Trainable(IReadOnlyList<KnownRun> runs)
    {
        foreach (KnownRun run in runs.Where(r => !Options.Data.Models.Contains(r.Settings.Model) && _untrainable.Add(r.Run)))
        {
            _log.ModelUnknown(run.Run, run.Settings.Model);
        }

        return [.. runs.Where(r => !_untrainable.Contains(r.Run))];
    }

    internal void NoteFailure(Exception cause) => _log.RunFailed(cause);

    /// <summary>The end of training at this node; whoever awaits <see cref="Failed"/> says so.</summary>
    internal void Fail(LearningFailedException cause) => _failed.TrySetException(cause);

    private async Task WatchAsync(ClusterHost cluster)
    {
        try
        {
            using ClusterSubscription subscription = cluster.Subscribe();
            TellTrainers(subscription.Current);
            await foreach (ClusterChange change in subscription.Changes.ReadAllAsync(_stopping.Token))
            {
                TellTrainers(change.After);
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    private void TellTrainers(ClusterSnapshot snapshot) => _actor?.Tell(new RunProtocol.TrainersChanged([.. snapshot.Trainers]));
}
