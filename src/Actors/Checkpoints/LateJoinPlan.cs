using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>Decides whether a node that begins a run takes over a checkpoint of the others first. Pure: attestations and the time in.</summary>
/// <remarks>
/// What always holds: it ends, with one answer; a checkpoint that is not clearly newer than this node's own progress is never taken. A node that was
/// told to join waits for a checkpoint to be heard of, another takes only what it knows at once.
/// </remarks>
/// <param name="run">The run.</param>
/// <param name="settings">Its settings.</param>
/// <param name="progress">The last round that this node has done; 0 for none.</param>
/// <param name="isAsked">Whether its operator says that the run is under way.</param>
internal sealed class LateJoinPlan(RunId run, RunSettings settings, int progress, bool isAsked)
{
    /// <summary>How long a node that was told to join waits to hear of a checkpoint, from when it knows the run.</summary>
    public static readonly TimeSpan MaxWait = TimeSpan.FromSeconds(10);

    /// <summary>How long it waits, once it has heard of one, for news of a newer one: attestations come in several messages.</summary>
    public static readonly TimeSpan SettleWait = TimeSpan.FromMilliseconds(500);

    /// <summary>A checkpoint of fewer rounds ahead is not worth fetching: the node catches up round by round.</summary>
    public const int MinLead = 3;

    private TimeSpan? _heardAt;
    private bool _isOver;

    /// <summary>Looks at what is known now.</summary>
    /// <param name="attestations">What members attest.</param>
    /// <param name="elapsed">Time since this node knows the run.</param>
    /// <returns>What to do; <see cref="LateJoinStep.Nothing"/> once another answer was given.</returns>
    public LateJoinStep Step(AttestationSet attestations, TimeSpan elapsed)
    {
        if (_isOver)
        {
            return new LateJoinStep.Nothing();
        }

        AgreedCheckpoint? newest = AgreedCheckpoint.Newest(attestations, run, settings);
        if (newest is null || newest.Round < progress + MinLead)
        {
            return isAsked && newest is null && elapsed < MaxWait ? new LateJoinStep.Wait(MaxWait - elapsed) : End(new LateJoinStep.Begin());
        }

        _heardAt ??= elapsed;
        TimeSpan settled = _heardAt.Value + SettleWait;
        return elapsed < settled ? new LateJoinStep.Wait(settled - elapsed) : End(new LateJoinStep.TakeOver(newest));
    }

    private LateJoinStep End(LateJoinStep step)
    {
        _isOver = true;
        return step;
    }
}

/// <summary>What a <see cref="LateJoinPlan"/> says.</summary>
internal abstract record LateJoinStep
{
    /// <summary>Ask again after this time, or when there is news.</summary>
    public sealed record Wait(TimeSpan Time) : LateJoinStep;

    /// <summary>Fetch this checkpoint, then begin.</summary>
    public sealed record TakeOver(AgreedCheckpoint Checkpoint) : LateJoinStep;

    /// <summary>Begin where this node is.</summary>
    public sealed record Begin : LateJoinStep;

    /// <summary>The answer was given before.</summary>
    public sealed record Nothing : LateJoinStep;
}
