using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>How much a node relays for others.</summary>
/// <remarks>
/// Numbers for strangers are those of go-libp2p and rust-libp2p. Members of the mesh have proven its key, so limits by address,
/// which are there against invented identities, do not hold them; the others do.
/// </remarks>
public sealed record RelayServerOptions
{
    /// <summary>Reservations in all, default 128.</summary>
    public int MaxReservations { get; init; } = 128;

    /// <summary>Reservations of strangers from one IPv4 address or IPv6 /64, default 8.</summary>
    public int MaxReservationsPerIp { get; init; } = 8;

    /// <summary>Reservations of strangers from one IPv4 /16 or IPv6 /32, default 32. Stands for go's limit by autonomous
    /// system, which needs a table of them.</summary>
    public int MaxReservationsPerNetwork { get; init; } = 32;

    /// <summary>How long a reservation lasts unless renewed, default 1 h.</summary>
    public TimeSpan ReservationTime { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Circuits in all, default 512: at most 64 KiB of buffers each.</summary>
    public int MaxCircuits { get; init; } = 512;

    /// <summary>Circuits of one peer, as source and as target together, default 16.</summary>
    public int MaxCircuitsPerPeer { get; init; } = 16;

    /// <summary>The same for a circuit between two members, default 64: a mesh of fifty with a symmetric NAT each.</summary>
    public int MaxCircuitsPerMember { get; init; } = 64;

    /// <summary>Hop requests that may wait for their message or their answer, default 256.</summary>
    public int MaxRequests { get; init; } = 256;

    /// <summary>The same for one stranger, default 8; a member may have as many as circuits.</summary>
    public int MaxRequestsPerPeer { get; init; } = 8;

    /// <summary>The part of reservations, circuits and waiting requests that strangers may take, default 0.75; the rest stays
    /// free for members.</summary>
    public double StrangerShare { get; init; } = 0.75;

    /// <summary>How often one peer may ask for a reservation, default 30 at once and one every 2 min.</summary>
    public RelayRate ReservationsPerPeer { get; init; } = new(30, TimeSpan.FromMinutes(2));

    /// <summary>The same for strangers from one IPv4 address or IPv6 /64, default 60 at once and one a minute.</summary>
    public RelayRate ReservationsPerIp { get; init; } = new(60, TimeSpan.FromMinutes(1));

    /// <summary>How often one stranger may ask for a circuit, default 32 at once and one every 10 s.</summary>
    public RelayRate CircuitsPerPeer { get; init; } = new(32, TimeSpan.FromSeconds(10));

    /// <summary>The same for strangers from one IPv4 address or IPv6 /64, default 64 at once and one every 5 s.</summary>
    public RelayRate CircuitsPerIp { get; init; } = new(64, TimeSpan.FromSeconds(5));

    /// <summary>How often one member may ask for a circuit, default 256 at once and one a second.</summary>
    public RelayRate CircuitsPerMember { get; init; } = new(256, TimeSpan.FromSeconds(1));

    /// <summary>What a circuit is granted when either end is a stranger, default 2 min and 128 KiB each way; null for no
    /// limit.</summary>
    public LinkLimit? StrangerLimit { get; init; } = new(TimeSpan.FromMinutes(2), 128 * 1024);

    /// <summary>What a circuit between two members is granted, default 12 h and any number of bytes; null for no limit.</summary>
    public LinkLimit? MemberLimit { get; init; } = new(TimeSpan.FromHours(12), null);

    /// <summary>How long a circuit may carry nothing before it ends, default 5 min. The pings of what runs on it keep it.</summary>
    public TimeSpan CircuitIdleTimeout { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a hop request may take in all, message and answer, default 1 min; slow drips do not extend it.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long the target of a circuit may take to accept it, default 30 s; part of the above.</summary>
    public TimeSpan ConnectTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Bytes a second over all circuits and both directions, default 8 MiB; 0 for no limit. When circuits want more,
    /// they take turns.</summary>
    public long MaxBytesPerSecond { get; init; } = 8 * 1024 * 1024;

    /// <summary>Which of our addresses a reservation tells; when none of ours counts it tells the private ones.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Who gets the larger limits: members of the mesh, proven by key. Asked when a reservation or circuit is
    /// made; must not block.</summary>
    public Func<PeerId, bool> IsMember { get; init; } = static _ => false;

    /// <summary>Waits for the proof of a peer that is connected and may still be at it, as everybody is who comes back after a break: a
    /// circuit that was made a moment before it would be a stranger's, of no use for models, for its whole life.</summary>
    public Func<PeerId, CancellationToken, ValueTask<bool>> ProveMember { get; init; } = static (_, _) => new(false);

    /// <summary>How long a request waits for that, default 2 s; part of <see cref="RequestTimeout"/>.</summary>
    public TimeSpan ProofWait { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxReservations);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxReservationsPerIp);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxReservationsPerNetwork);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxCircuits);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxCircuitsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxCircuitsPerMember);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRequests);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRequestsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxBytesPerSecond);
        if (!(StrangerShare is > 0 and <= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(StrangerShare), StrangerShare, "allowed: above 0, up to 1");
        }

        foreach (RelayRate rate in (ReadOnlySpan<RelayRate>)
            [ReservationsPerPeer, ReservationsPerIp, CircuitsPerPeer, CircuitsPerIp, CircuitsPerMember])
        {
            rate.Validate();
        }

        foreach (LinkLimit? limit in (ReadOnlySpan<LinkLimit?>)[StrangerLimit, MemberLimit])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(limit?.Bytes ?? 1);
            Timer(limit?.Duration ?? TimeSpan.FromSeconds(1));
        }

        Timer(ReservationTime);
        Timer(CircuitIdleTimeout);
        Timer(RequestTimeout);
        Timer(ConnectTimeout);
        Timer(ProofWait);
    }

    private static void Timer(TimeSpan value)
    {
        if (value <= TimeSpan.Zero || value > TimeSpan.FromDays(30))
        {
            throw new ArgumentOutOfRangeException(nameof(value), value, "allowed: above zero, up to 30 days");
        }
    }
}

/// <summary>How often something may be done.</summary>
/// <param name="Burst">So often at once, after a pause; at least 1.</param>
/// <param name="Interval">Once in this time in the long run.</param>
public readonly record struct RelayRate(int Burst, TimeSpan Interval)
{
    internal void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Burst);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Interval, TimeSpan.Zero);
    }
}
