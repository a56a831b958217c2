namespace P2PLearn.Networking.Muxing;

/// <summary>How much the remote may still send on one stream, and when it is told more.</summary>
/// <remarks>
/// Source: yamux specification, Flow Control; the growth rule is the one of the Go and Rust stacks. Credit goes back when half of the
/// window was read, not for every read. When a whole window was read within four round trips the window, not the reader, is the brake:
/// it doubles, up to its own limit and to what the session's <see cref="YamuxGrowthBudget"/> has left.
/// Invariant: available + received and unread + read and not yet credited = size. Pure.
/// </remarks>
internal sealed class YamuxReceiveWindow
{
    /// <summary>What both sides start with, in each direction, without saying so.</summary>
    public const uint InitialBytes = 256 * 1024;

    private const int GrowthRoundTrips = 4;
    private readonly uint _maxBytes;
    private uint _uncredited;
    private uint _epochBytes;
    private TimeSpan _epochStart;
    private bool _inEpoch;

    /// <summary>Creates a window of <see cref="InitialBytes"/>.</summary>
    public YamuxReceiveWindow(uint maxBytes) => _maxBytes = maxBytes;

    /// <summary>The window, bytes: <see cref="InitialBytes"/> and what it grew.</summary>
    public uint Size { get; private set; } = InitialBytes;

    /// <summary>What the remote may still send.</summary>
    public uint Available { get; private set; } = InitialBytes;

    /// <summary>Takes the body of a data frame into account.</summary>
    /// <returns>False when the remote may not send that much; nothing changed.</returns>
    public bool TryReceive(uint bytes, TimeSpan now)
    {
        if (bytes > Available)
        {
            return false;
        }

        if (!_inEpoch)
        {
            (_inEpoch, _epochStart, _epochBytes) = (true, now, 0);
        }

        Available -= bytes;
        return true;
    }

    /// <summary>Takes into account that the reader has read <paramref name="bytes"/> that were received before.</summary>
    /// <param name="bytes">At most what was received and not yet read.</param>
    /// <param name="now">The time.</param>
    /// <param name="roundTrip">The session's round-trip time, when known.</param>
    /// <param name="budget">What the session's windows may still grow.</param>
    /// <returns>Credit to send now; 0 while less than half of the window was read.</returns>
    public uint Read(uint bytes, TimeSpan now, TimeSpan? roundTrip, YamuxGrowthBudget budget)
    {
        _uncredited += bytes;
        _epochBytes += bytes;
        if (_uncredited < Size / 2)
        {
            return 0;
        }

        uint growth = 0;
        if (_epochBytes >= Size)
        {
            growth = now - _epochStart < roundTrip * GrowthRoundTrips ? budget.Take(Math.Min(Size, _maxBytes - Size)) : 0;
            _inEpoch = false;
        }

        uint credit = _uncredited + growth;
        Size += growth;
        Available += credit;
        _uncredited = 0;
        return credit;
    }
}
