namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Makes streams known to the remote that were opened and then neither written to nor read from.</summary>
/// <remarks>
/// A user who writes at once is faster, and the proposal travels with those bytes in one frame. For one who does not it
/// must go alone: the remote gives up on a stream that stays silent, and only so many of ours may be unheard of. One
/// timer for all streams of a connection, running only while some are young. Safe for several threads. Holds what was
/// opened within <see cref="Delay"/>, which the stream limits bound.
/// </remarks>
/// <param name="time">The clock.</param>
/// <param name="announce">Sends a stream's proposal; must not block.</param>
internal sealed class StreamAnnouncer(TimeProvider time, Action<SwarmStream> announce) : IDisposable
{
    /// <summary>How long a stream may stay unheard of: far below any negotiation limit, far above a local write.</summary>
    public static readonly TimeSpan Delay = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private List<SwarmStream> _young = [];
    private ITimer? _timer;
    private bool _disposed;

    /// <summary>Takes a stream that has just been opened.</summary>
    public void Add(SwarmStream stream)
    {
        lock (_lock)
        {
            if (_disposed)
            {
                return;
            }

            _young.Add(stream);
            if (_young.Count == 1)
            {
                _timer ??= time.CreateTimer(
                    static self => ((StreamAnnouncer)self!).AnnounceYoung(),
                    this,
                    Timeout.InfiniteTimeSpan,
                    Timeout.InfiniteTimeSpan);
                _timer.Change(Delay, Timeout.InfiniteTimeSpan);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _disposed = true;
            _young.Clear();
            _timer?.Dispose();
        }
    }

    private void AnnounceYoung()
    {
        List<SwarmStream> due;
        lock (_lock)
        {
            due = _young;
            _young = [];
        }

        foreach (SwarmStream stream in due)
        {
            if (!stream.IsUsed)
            {
                announce(stream);
            }
        }
    }
}
