using System.Collections.Concurrent;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Rounds;
using P2PLearn.Networking.Blocks;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>Adds up the progress of a late join's fetches, and tells it once a second. Safe for several threads.</summary>
internal sealed class LateJoinProgress(RunContext context, AgreedCheckpoint checkpoint, int models)
{
    private static readonly TimeSpan Period = TimeSpan.FromSeconds(1);
    private readonly ConcurrentDictionary<Checkpoint, FetchProgress> _parts = new();
    private readonly long _start = context.Time.GetTimestamp();
    private long _toldPeriods; // seconds since the start that were told

    /// <summary>Takes the progress of one model.</summary>
    public IProgress<FetchProgress> Of(Checkpoint part) => new Part(this, part);

    private void Report(Checkpoint part, FetchProgress progress)
    {
        _parts[part] = progress;
        long told = Interlocked.Read(ref _toldPeriods);
        long now = (long)(context.Time.GetElapsedTime(_start) / Period);
        if (now > told && Interlocked.CompareExchange(ref _toldPeriods, now, told) == told)
        {
            ICollection<FetchProgress> parts = _parts.Values;
            context.Events.Record(new JoiningLate(
                context.Run.ToString(),
                (int)checkpoint.Round,
                models,
                parts.Sum(p => p.BytesDone),
                (long)models * context.ParameterCount * sizeof(float),
                parts.Sum(p => p.BytesPerSecond)));
        }
    }

    private sealed class Part(LateJoinProgress whole, Checkpoint part) : IProgress<FetchProgress>
    {
        public void Report(FetchProgress value) => whole.Report(part, value);
    }
}
