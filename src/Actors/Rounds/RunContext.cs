using System.Diagnostics;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Rounds;
using P2PLearn.Networking.Files;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>Makes an attack's vector from the honest models of a round.</summary>
/// <param name="honest">Honest half-step models, each of shape [d].</param>
/// <param name="result">Shape [d], to be filled.</param>
public delegate void Forger(IReadOnlyList<ReadOnlyMemory<float>> honest, Span<float> result);

/// <summary>A run at this node: the model on its thread, the models of the others, and what survives kill -9.</summary>
/// <remarks>Lives outside the actor system and survives its rebuilding. Methods that touch the model queue up for the training thread.</remarks>
public sealed class RunContext : IAsyncDisposable
{
    /// <summary>Rounds whose models are kept for peers that lag, besides the one under way.</summary>
    public const int KeptRounds = 2;

    /// <summary>Trainers whose contributions are taken, over the whole life of a node: a cluster of 50 that changes.</summary>
    public const int MaxTrainers = 256;

    /// <summary>Most models in memory: a cluster of 50 with some rounds kept and some ahead.</summary>
    public const int MaxModels = 400;

    /// <summary>
    /// Most models of one peer, after which it is sent no word of wanting until the round goes on: those kept, the one under way, and some
    /// ahead. A member that signs for all rounds to come fills no more than its own share.
    /// </summary>
    public const int MaxModelsPerPeer = MaxModels / 50;

    /// <summary>Most contributions remembered of one peer: twice as many as models, and those that prove an equivocation.</summary>
    public const int MaxHeadsPerPeer = 4 * MaxModelsPerPeer;

    private readonly RunPlace _place;
    private readonly TrainingThread _thread;
    private readonly TrainingSession _session;
    private readonly Forger? _forger;
    private readonly AggregationTrace _trace = new();
    private readonly long _start;

    private RunContext(RunSettings settings, TrainingData data, RunPlace place, TrainingThread thread, TrainingSession session, Forger? forger)
    {
        Settings = settings;
        Run = RunId.FromBytes(settings.ComputeRunId());
        ImageCount = data.Share.Length;
        Layout = Hash256.FromBytes(session.Layout.Hash.Span);
        Pool = new ModelPool(session.Layout.ParameterCount, MaxModels, settings.Precision);
        (_place, _thread, _session, _forger) = (place, thread, session, forger);
        _start = place.Time.GetTimestamp();
        Checkpoints = place.Library is { } library && forger is null ? new CheckpointWriter(library, place.Identity, Run, session.Layout, place.Time) : null;
    }

    /// <summary>What is trained.</summary>
    public RunSettings Settings { get; }

    /// <summary>Its id.</summary>
    public RunId Run { get; }

    /// <summary>This node.</summary>
    public PeerId Self => _place.Identity.PeerId;

    /// <summary>Training images of this node.</summary>
    public int ImageCount { get; }

    /// <summary>d.</summary>
    public int ParameterCount => Pool.ParameterCount;

    /// <summary>The fewest models that the mixing rule takes.</summary>
    public int MinCandidates => _session.MinCandidates;

    /// <summary>The layout hash that contributions of this run carry.</summary>
    public Hash256 Layout { get; }

    /// <summary>Memory for models.</summary>
    public ModelPool Pool { get; }

    /// <summary>The models that are here.</summary>
    public ModelStore Models { get; } = new();

    /// <summary>Whether this node forges its contributions instead of training them.</summary>
    public bool Forges => _forger is not null;

    /// <summary>Makes this node's checkpoints; null for an attacker, and where models are not kept.</summary>
    internal CheckpointWriter? Checkpoints { get; }

    /// <summary>Takes what happens.</summary>
    public IEventSink Events => _place.Events;

    /// <summary>The clock.</summary>
    public TimeProvider Time => _place.Time;

    /// <summary>Counts model bytes.</summary>
    public ExchangeTraffic Traffic => _place.Traffic;

    /// <summary>Time since this run began at this node, by a clock that never runs backwards.</summary>
    public TimeSpan Now => _place.Time.GetElapsedTime(_start);

    /// <summary>Makes the model of a run on the training thread.</summary>
    /// <param name="settings">The run.</param>
    /// <param name="data">What this node trains on.</param>
    /// <param name="place">Where.</param>
    /// <param name="thread">The training thread; not owned.</param>
    /// <param name="forger">Makes this node's vectors when it attacks; null for an honest node.</param>
    /// <param name="cancellationToken">Gives up.</param>
    public static async Task<RunContext> CreateAsync(
        RunSettings settings, TrainingData data, RunPlace place, TrainingThread thread, Forger? forger, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(thread);
        TrainingSession session = await thread.RunAsync(_ => new TrainingSession(settings, data), cancellationToken);
        return new RunContext(settings, data, place, thread, session, forger);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Models.Dispose();
        await _thread.RunAsync(
            _ =>
            {
                _session.Dispose();
                return true;
            },
            CancellationToken.None);
    }

    /// <summary>What is wrong with what a contribution says of itself; null when nothing is. Its signature is checked elsewhere.</summary>
    internal string? FindFault(Contribution contribution) => ContributionChecks.FindFault(contribution, Run, Layout, Codec, Pool.WireSize);

    /// <summary>A contribution did not get into the replicated set; its model was pushed all the same.</summary>
    internal void NoteUnpublished(uint round, ReplicationRefusal reason) => _place.Log.Unpublished(round, reason);

    /// <summary>A checkpoint did not get into the replicated set: others do not hear of it.</summary>
    internal void NoteUnattested(Attestation attestation, ReplicationRefusal reason)
    {
        if (attestation.Kind == AttestationKind.Checkpoint)
        {
            Events.Record(new CheckpointFailed((int)attestation.Version, $"the mesh was not told of it: {reason}"));
        }
    }

    /// <summary>Reads the progress file, and sets the trainer to it.</summary>
    internal Task<RunActor.Resumed> ResumeAsync() => OnThread(_ => Resume());

    /// <summary>Does the local steps of a round.</summary>
    internal Task<RunActor.StepsDone> TrainAsync(int round, int steps) =>
        OnThread(cancellationToken => new RunActor.StepsDone(round, _session.Train(steps, cancellationToken)));

    /// <summary>Signs the half-step model, and writes it to the disk before anybody hears of it.</summary>
    internal Task<RunActor.CommitDone> CommitAsync(int round) => OnThread(_ =>
    {
        ModelBuffer model = Pool.Rent();
        try
        {
            _session.CopyModel(model.Values.Span);
            Contribution contribution = Sign(round, model);
            _session.TakeModel(model.Values.Span); // as the others have it
            WriteProgress(round, contribution);
            return Keep(contribution, model.Retain());
        }
        finally
        {
            model.Release();
        }
    });

    /// <summary>Makes and signs an attack's vector.</summary>
    internal Task<RunActor.CommitDone> ForgeAsync(int round, IReadOnlyList<ContributionRef> honest) => OnThread(_ =>
    {
        using Taken taken = Take(honest);
        ModelBuffer model = Pool.Rent();
        try
        {
            (_forger ?? throw new InvalidOperationException("an honest node does not forge"))(taken.Vectors, model.Values.Span);
            return Keep(Sign(round, model), model.Retain());
        }
        finally
        {
            model.Release();
        }
    });

    /// <summary>Mixes the contributions of a round.</summary>
    internal Task<RunActor.MixDone> MixAsync(int round, IReadOnlyList<ContributionRef> contributors) => OnThread(_ =>
    {
        using Taken taken = Take(contributors);
        long start = Stopwatch.GetTimestamp();
        double? wayGone = _session.Mix(round, taken.Vectors, taken.Samples, _trace);
        double milliseconds = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        MixOutcome? outcome = wayGone is not null ? MixOutcome.FromTrace(contributors, _trace) : null;
        WriteProgress(round, null); // before the snapshot: a round that is on the disk is never mixed again, and so never attested twice
        bool isDue = Settings.CheckpointRounds > 0 && round % Settings.CheckpointRounds == 0 && round < Settings.Rounds;
        return new RunActor.MixDone(round, outcome, wayGone, milliseconds, _session.Glance()?.Accuracy, isDue ? Snapshot() : null);
    });

    /// <summary>Takes over the robust choice among others' models of a round, as when catching up.</summary>
    /// <param name="round">The round.</param>
    /// <param name="models">Checked; not owned.</param>
    internal Task TakeOverAsync(int round, IReadOnlyList<ModelBuffer> models) => OnThread(_ =>
    {
        _session.CatchUp([.. models.Select(m => (ReadOnlyMemory<float>)m.Values)], Settings.Faulty, round); // of all members, not of a neighbourhood
        WriteProgress(round, null);
        return true;
    });

    /// <summary>The last round that this node has done of this run; 0 when it has no progress of it.</summary>
    /// <exception cref="LearningFailedException">There is progress, and it cannot be used.</exception>
    internal Task<int> ReadProgressAsync() => OnThread(_ => ReadProgress() switch
    {
        null => 0,
        { Committed: not null } committed => committed.Round - 1,
        { } mixed => mixed.Round,
    });

    /// <summary>Signs what this node attests of the run.</summary>
    internal Attestation Attest(AttestationKind kind, uint version, byte[] payload)
    {
        var attestation = new Attestation { Kind = kind, Run = Run, Peer = Self.ToReplica(), Version = version, Payload = payload };
        return attestation with { Signature = Signature64.FromBytes(_place.Identity.Sign(attestation.SignedBytes())) };
    }

    /// <summary>Jumps to the others.</summary>
    internal Task<RunActor.CatchUpDone> CatchUpAsync(int round, IReadOnlyList<ContributionRef> contributors) => OnThread(_ =>
    {
        using Taken taken = Take(contributors);
        _session.CatchUp(taken.Vectors, Settings.FaultySources(), round);
        WriteProgress(round, null);
        return new RunActor.CatchUpDone(round, _session.Glance()?.Accuracy);
    });

    /// <summary>Saves the final model and progress, and measures it on all test images.</summary>
    internal Task<RunActor.FinishDone> FinishAsync(int lastRound) => OnThread(_ =>
    {
        WriteProgress(lastRound, null);
        SaveModel();
        Evaluation evaluation = _session.Evaluate();
        double? loss = double.IsFinite(evaluation.Loss) ? evaluation.Loss : null;
        return new RunActor.FinishDone(new RunFinished(lastRound, evaluation.Accuracy, loss, _place.ModelFile), Snapshot());
    });

    private ModelCodec Codec => (ModelCodec)Pool.Precision; // both number the forms as docs/wire.md does

    private Task<T> OnThread<T>(Func<CancellationToken, T> job) => _thread.RunAsync(job, CancellationToken.None);

    /// <summary>A copy of the model for its checkpoint; null when none are made. Whoever takes it owns it.</summary>
    private ModelBuffer? Snapshot()
    {
        if (Checkpoints is null)
        {
            return null;
        }

        ModelBuffer model = Pool.Rent();
        _session.CopyModel(model.Values.Span);
        return model;
    }

    /// <summary>What the progress file says of this run; null when there is none, or of an earlier run, which this one replaces.</summary>
    private Progress? ReadProgress()
    {
        long maxBytes = _session.StateSize + 4096;
        return ProgressFile.TryRead(_place.ProgressFile, maxBytes, out Progress? progress, out string? error)
            ? progress.Run == Run ? progress : null
            : error is null ? null : throw new LearningFailedException(error) { IsProgressDamaged = true };
    }

    private RunActor.Resumed Resume()
    {
        if (ReadProgress() is not { } progress)
        {
            return Begin();
        }

        Import(progress.TrainerState);
        if (progress.Committed is not { } committed)
        {
            return new RunActor.Resumed(progress.Round + 1, null);
        }

        if (!Models.Contains(committed.Round, committed.Peer, committed.Root))
        {
            ModelBuffer model = Pool.Rent();
            _session.CopyModel(model.Values.Span);
            model.Encode();
            Models.Add(committed, model);
        }

        return new RunActor.Resumed(progress.Round, committed);
    }

    private void Import(byte[] state)
    {
        try
        {
            _session.ImportState(state);
        }
        catch (InvalidDataException e)
        {
            throw new LearningFailedException($"{_place.ProgressFile}: damaged: {e.Message}", e) { IsProgressDamaged = true };
        }
    }

    /// <summary>The first model is progress too: a run actor that fails in round 1 goes back to it, not to a model half trained.</summary>
    private RunActor.Resumed Begin()
    {
        WriteProgress(0, null);
        return new RunActor.Resumed(1, null);
    }

    private void SaveModel()
    {
        try
        {
            _session.Save(_place.ModelFile);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DurableFile.NotWritten(_place.ModelFile, e);
        }
    }

    private void WriteProgress(int round, Contribution? committed) =>
        ProgressFile.Write(_place.ProgressFile, new Progress(Run, round, committed, _session.ExportState()));

    private Contribution Sign(int round, ModelBuffer model)
    {
        model.Encode();
        var contribution = new Contribution
        {
            Run = Run,
            Round = (uint)round,
            Peer = Self.ToReplica(),
            Root = Hash256.Of(model.WireBytes.Span),
            LayoutHash = Layout,
            Codec = Codec,
            ModelBytes = (ulong)model.WireBytes.Length,
            SampleCount = (uint)ImageCount,
        };
        return contribution with { Signature = Signature64.FromBytes(_place.Identity.Sign(contribution.SignedBytes())) };
    }

    private RunActor.CommitDone Keep(Contribution contribution, ModelBuffer model)
    {
        Models.Add(contribution, model);
        return new RunActor.CommitDone(contribution.ToRef()!.Value, contribution);
    }

    private Taken Take(IReadOnlyList<ContributionRef> references)
    {
        var taken = new Taken();
        foreach (ContributionRef reference in references)
        {
            if (!Models.TryTake((uint)reference.Round, reference.Participant.ToPeerId().ToReplica(), reference.Root.ToHash256(), out ModelBuffer? model))
            {
                taken.Dispose();
                throw new InvalidOperationException($"the model of {reference} is not in the store");
            }

            taken.Add(model, Models.SampleCountOf((uint)reference.Round, reference.Participant.ToPeerId().ToReplica()));
        }

        return taken;
    }

    /// <summary>Models taken from the store for one job.</summary>
    private sealed class Taken : IDisposable
    {
        private readonly List<ModelBuffer> _buffers = [];
        private readonly List<ReadOnlyMemory<float>> _vectors = [];
        private readonly List<long> _samples = [];

        public IReadOnlyList<ReadOnlyMemory<float>> Vectors => _vectors;

        public ReadOnlySpan<long> Samples => System.Runtime.InteropServices.CollectionsMarshal.AsSpan(_samples);

        public void Add(ModelBuffer buffer, long samples)
        {
            _buffers.Add(buffer);
            _samples.Add(samples);
            _vectors.Add(buffer.Values);
        }

        public void Dispose() => _buffers.ForEach(b => b.Release());
    }
}
