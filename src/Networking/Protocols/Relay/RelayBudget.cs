using System.Threading.Tasks.Sources;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>One direction of a circuit, waiting for its turn to send.</summary>
/// <remarks>Allocates nothing per turn. One wait at a time.</remarks>
internal sealed class RelayFlow : FairTurn, IValueTaskSource<int>, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<int> _core;
    private int _granted;

    /// <summary>Gets nothing any more; the budget's to set.</summary>
    internal bool IsCancelled { get; set; }

    internal ValueTask<int> WaitAsync() => new(this, _core.Version);

    /// <summary>Ends the wait, on a thread of the pool.</summary>
    internal void Grant(int bytes)
    {
        _granted = bytes;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    void IThreadPoolWorkItem.Execute() => _core.SetResult(_granted);

    int IValueTaskSource<int>.GetResult(short token)
    {
        int granted = _core.GetResult(token);
        _core.Reset();
        return granted;
    }

    ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<int>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}

/// <summary>The bytes a second that a relay spends on all circuits, dealt out in turns.</summary>
/// <remarks>Safe for several threads. Runs <see cref="FairShare"/> by a timer that is set only while somebody waits.</remarks>
internal sealed class RelayBudget : IDisposable
{
    private static readonly TimeSpan MinWait = TimeSpan.FromMilliseconds(1); // a timer's resolution
    private readonly Lock _lock = new();
    private readonly TimeProvider _time;
    private readonly long _start;
    private readonly FairShare? _share;
    private readonly ITimer? _timer;

    /// <param name="bytesPerSecond">The rate; 0 for no limit.</param>
    /// <param name="maxQuantum">Most bytes of one turn.</param>
    /// <param name="time">The clock.</param>
    public RelayBudget(long bytesPerSecond, int maxQuantum, TimeProvider time)
    {
        _time = time;
        _start = time.GetTimestamp();
        if (bytesPerSecond > 0)
        {
            _share = new FairShare(bytesPerSecond, maxQuantum);
            _timer = time.CreateTimer(
                static b => ((RelayBudget)b!).Deal(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(_start);

    /// <summary>Waits for a turn.</summary>
    /// <returns>How many bytes may be sent, at most <paramref name="wanted"/>; 0 when the flow was cancelled.</returns>
    public ValueTask<int> TakeAsync(RelayFlow flow, int wanted)
    {
        if (_share is null)
        {
            return new ValueTask<int>(flow.IsCancelled ? 0 : wanted);
        }

        lock (_lock)
        {
            int granted = flow.IsCancelled ? 0 : _share.TryTake(wanted, Now);
            if (granted > 0 || flow.IsCancelled)
            {
                return new ValueTask<int>(granted);
            }

            _share.Wait(flow, wanted);
            if (_share.WaitingCount == 1)
            {
                Schedule();
            }

            return flow.WaitAsync();
        }
    }

    /// <summary>Ends a flow's wait, and every later one at once. Harmless when repeated.</summary>
    public void Cancel(RelayFlow flow)
    {
        lock (_lock)
        {
            flow.IsCancelled = true;
            if (_share?.Leave(flow) == true)
            {
                flow.Grant(0);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _timer?.Dispose();

    private void Deal()
    {
        lock (_lock)
        {
            while (_share!.Next(Now, out int granted) is RelayFlow flow)
            {
                flow.Grant(granted);
            }

            Schedule();
        }
    }

    private void Schedule()
    {
        if (_share!.UntilNext(Now) is { } wait)
        {
            _timer!.Change(wait < MinWait ? MinWait : wait, Timeout.InfiniteTimeSpan);
        }
    }
}
