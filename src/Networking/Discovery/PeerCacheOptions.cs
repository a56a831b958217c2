namespace P2PLearn.Networking.Discovery;

/// <summary>How much a <see cref="PeerCache"/> keeps, and when it writes.</summary>
public sealed record PeerCacheOptions
{
    /// <summary>Peers kept; the one seen longest ago makes room.</summary>
    public int MaxPeers { get; init; } = 256;

    /// <summary>Addresses kept of a peer.</summary>
    public int MaxAddressesPerPeer { get; init; } = 8;

    /// <summary>Of these, addresses that led to a connection but that the peer does not announce any more: it may have moved.</summary>
    public int MaxUnannouncedAddresses { get; init; } = 4;

    /// <summary>Longest file read or written; peers that do not fit, the oldest, are left out.</summary>
    public int MaxFileBytes { get; init; } = 1024 * 1024;

    /// <summary>A peer not seen for longer is forgotten.</summary>
    public TimeSpan MaxAge { get; init; } = TimeSpan.FromDays(30);

    /// <summary>How long changes gather before they are written: what a crash may lose.</summary>
    public TimeSpan WriteDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>That a peer was seen again is by itself worth writing only after so long.</summary>
    public TimeSpan SeenPrecision { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Checks what can be checked before anything starts.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPeers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxAddressesPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxUnannouncedAddresses);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxUnannouncedAddresses, MaxAddressesPerPeer);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxFileBytes, 1024);
        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)[MaxAge, WriteDelay, SeenPrecision])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }
    }
}
