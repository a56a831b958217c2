using P2PLearn.Networking.Identity;

namespace P2PLearn.TestKit;

/// <summary>What lies between two nodes of a fabric. Its state is guarded by the fabric's lock.</summary>
internal sealed class FabricLink(PeerId low, PeerId high)
{
    private readonly FabricDirection _forth = new();
    private readonly FabricDirection _back = new();

    public PeerId Low { get; } = low;

    public PeerId High { get; } = high;

    /// <summary>No dial succeeds and nothing is connected.</summary>
    public bool IsCut { get; set; }

    /// <summary>Who may not dial (both, one or none); streams over a connection that is there still open.</summary>
    public HashSet<PeerId> MayNotDial { get; } = [];

    public bool IsConnected { get; set; }

    /// <summary>The node that carries the connection; null when it is direct or there is none.</summary>
    public PeerId? Relay { get; set; }

    /// <summary>Whether a connection made by this node would come up.</summary>
    public bool MayConnect(PeerId from) => !IsCut && (IsConnected || !MayNotDial.Contains(from));

    /// <summary>The open streams; empty whenever <see cref="IsConnected"/> is false.</summary>
    public HashSet<FabricStream> Streams { get; } = [];

    public FabricDirection From(PeerId sender) => sender == Low ? _forth : _back;

    public void Slow(TimeSpan delay, long? bytesPerSecond)
    {
        _forth.Slow(delay, bytesPerSecond);
        _back.Slow(delay, bytesPerSecond);
    }
}

/// <summary>One direction of a link: counts bytes and says when they arrive. Safe for several threads.</summary>
internal sealed class FabricDirection
{
    private readonly Lock _gate = new();
    private TimeSpan _delay;
    private long? _bytesPerSecond;
    private DateTimeOffset _busyUntil;
    private volatile bool _slow;
    private long _bytes;

    public long Bytes => Interlocked.Read(ref _bytes);

    public void Slow(TimeSpan delay, long? bytesPerSecond)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(delay, TimeSpan.Zero);
        lock (_gate)
        {
            _delay = delay;
            _bytesPerSecond = bytesPerSecond;
            _slow = delay > TimeSpan.Zero || bytesPerSecond is not null;
        }
    }

    /// <summary>Takes bytes on their way.</summary>
    /// <returns>When the last of them arrives; null: at once.</returns>
    public DateTimeOffset? Send(int count, DateTimeOffset now)
    {
        Interlocked.Add(ref _bytes, count);
        if (!_slow)
        {
            return null;
        }

        lock (_gate)
        {
            DateTimeOffset start = _busyUntil > now ? _busyUntil : now;
            _busyUntil = _bytesPerSecond is { } rate ? start + TimeSpan.FromSeconds((double)count / rate) : start;
            return _busyUntil + _delay;
        }
    }
}
