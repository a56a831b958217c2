namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Notices from the seconds a gateway counts since its start that it has lost its mappings.</summary>
/// <remarks>
/// Pure. The first epoch is always believed; each later one is compared with what our own clock expects. The newest becomes
/// the one that the next is compared with, also after a loss.
/// </remarks>
/// <param name="rule">Whether an epoch follows another.</param>
internal sealed class EpochClock(EpochClock.Rule rule)
{
    private (uint Epoch, DateTimeOffset At)? _last;

    /// <summary>Whether the gateway has kept its state between two answers.</summary>
    /// <param name="before">Its epoch then, in seconds.</param>
    /// <param name="now">Its epoch now, in seconds.</param>
    /// <param name="elapsed">Seconds between the two on our clock; negative when that was set back.</param>
    public delegate bool Rule(uint before, uint now, double elapsed);

    /// <summary>Takes the epoch of an answer in.</summary>
    /// <returns>False: the gateway has restarted or lost its state since the last one.</returns>
    public bool Observe(uint epoch, DateTimeOffset now)
    {
        bool kept = _last is not { } last || rule(last.Epoch, epoch, (now - last.At).TotalSeconds);
        _last = (epoch, now);
        return kept;
    }

    /// <summary>RFC 6886, 3.6: lost when the epoch is more than 2 s below a careful estimate, 7/8 of our time.</summary>
    public static bool NatPmpRule(uint before, uint now, double elapsed) => now >= before + (elapsed * 7 / 8) - 2;

    /// <summary>RFC 6887, 8.5: lost when the epoch goes back by more than 1 s, or when the two clocks drift apart by more
    /// than 1/16 and 2 s, either way.</summary>
    public static bool PcpRule(uint before, uint now, double elapsed)
    {
        double counted = (double)now - before;
        return counted >= -1
            && elapsed + 2 >= counted - (counted / 16)
            && counted + 2 >= elapsed - (elapsed / 16);
    }
}
