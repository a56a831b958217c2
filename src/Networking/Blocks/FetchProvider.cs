using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>What a fetch knows of one provider.</summary>
internal sealed class FetchProvider(PeerId peer, FetchOptions options)
{
    private const double RateGain = 0.25; // of a new sample
    private TimeSpan _minLatency = TimeSpan.MaxValue;
    private TimeSpan _lastProgress;
    private long _progressBytes;
    private long _delivered;
    private int _held;

    public PeerId Peer => peer;

    /// <summary>Blocks that it said it has and that are not fetched yet.</summary>
    public HashSet<Cid> Has { get; } = [];

    /// <summary>Blocks it was asked about, that it has not said to have.</summary>
    public HashSet<Cid> Probes { get; } = [];

    /// <summary>Everything ever asked of it: what it may send.</summary>
    public HashSet<Cid> Asked { get; } = [];

    /// <summary>Blocks it owes: when they were asked for, and what it had delivered then.</summary>
    public Dictionary<Cid, (TimeSpan At, long Delivered, int Size)> Owed { get; } = [];

    public long OwedBytes { get; private set; }

    /// <summary>Bytes a second, smoothed.</summary>
    public double Rate { get; private set; }

    /// <summary>
    /// Twice what comes in during one answer time: enough to keep the line busy, and not more, so that blocks stay free for others to bring.
    /// </summary>
    public long WindowBytes => _minLatency == TimeSpan.MaxValue
        ? options.MinWindowBytes
        : (long)Math.Clamp(2 * Rate * _minLatency.TotalSeconds, options.MinWindowBytes, options.MaxWindowBytes);

    public bool HasRoomFor(int size) => OwedBytes == 0 || OwedBytes + size <= WindowBytes;

    public void Ask(Cid cid, int size, TimeSpan now)
    {
        if (Owed.Count == 0)
        {
            (_lastProgress, _progressBytes) = (now, 0);
        }

        Owed[cid] = (now, _delivered, size);
        OwedBytes += size;
        Asked.Add(cid);
    }

    public void Delivered(Cid cid, int size, TimeSpan now)
    {
        _delivered += size;
        (_lastProgress, _progressBytes) = (now, 0);
        if (!Owed.TryGetValue(cid, out (TimeSpan At, long Delivered, int Size) owed))
        {
            return;
        }

        Forget(cid);
        TimeSpan took = now - owed.At;
        if (took > TimeSpan.Zero)
        {
            double sample = (_delivered - owed.Delivered) / took.TotalSeconds;
            Rate = Rate == 0 ? sample : Rate + (RateGain * (sample - Rate));
            _minLatency = took < _minLatency ? took : _minLatency;
        }
    }

    public void Forget(Cid cid)
    {
        if (Owed.Remove(cid, out (TimeSpan At, long Delivered, int Size) owed))
        {
            OwedBytes -= owed.Size;
        }
    }

    public void Progress(int bytes, TimeSpan now)
    {
        _progressBytes += bytes;
        if (_progressBytes >= options.MinProgressBytes)
        {
            (_lastProgress, _progressBytes) = (now, 0);
        }
    }

    /// <summary>A block of it waits until the store has room: it is we who are slow.</summary>
    public void Hold() => _held++;

    /// <summary>The block waits no more.</summary>
    public void Release(TimeSpan now)
    {
        _held = Math.Max(_held - 1, 0); // it may have come back since, as another
        (_lastProgress, _progressBytes) = (now, 0);
    }

    public bool IsStalled(TimeSpan now) => Owed.Count > 0 && _held == 0 && now - _lastProgress >= options.StallTimeout;
}
