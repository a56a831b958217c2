using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>When a relayed connection that could not be replaced is tried again.</summary>
/// <remarks>
/// The NATs in the way stay as they are, so seldom: after a pause that doubles, or soon when this node has learnt an
/// address of its own that the last try did not have. Pure. Not safe for several threads.
/// </remarks>
internal sealed class PunchRetry(DcutrOptions options)
{
    private HashSet<Multiaddr> _tried = [];
    private TimeSpan _pause = options.RetryPause;

    /// <summary>A try begins, with these addresses of ours.</summary>
    public void Began(IEnumerable<Multiaddr> own) => _tried = [.. own];

    /// <summary>It failed.</summary>
    /// <returns>The pause before the next.</returns>
    public TimeSpan Failed()
    {
        TimeSpan pause = _pause;
        _pause = _pause * 2 < options.MaxRetryPause ? _pause * 2 : options.MaxRetryPause;
        return pause;
    }

    /// <summary>Whether these addresses are worth another try before its time.</summary>
    public bool IsWorthIt(IEnumerable<Multiaddr> own) => own.Any(a => !_tried.Contains(a));
}
