using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>How a node uses relays: to be reached through them, and to reach others.</summary>
public sealed record RelayClientOptions
{
    /// <summary>Whether it uses any.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Relays to use beside those found among the connected peers: dialled, kept, and preferred. Each ends in
    /// <c>/p2p/…</c>.</summary>
    public IReadOnlyList<Multiaddr> Relays { get; init; } = [];

    /// <summary>Relays to hold a slot on at once, default 2: one may die.</summary>
    public int Reservations { get; init; } = 2;

    /// <summary>Peers remembered as relays or possible ones; further ones are left aside.</summary>
    public int MaxCandidates { get; init; } = 256;

    /// <summary>Addresses of one relay that are told to others; what a relay lists beyond that is dropped.</summary>
    public int MaxAddressesPerRelay { get; init; } = 4;

    /// <summary>Which addresses count as public: a relay seen at one cannot have us announce private ones.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>A whole relayed dial: reaching the relay, and the relay reaching the target.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Asking a connected relay for a slot.</summary>
    public TimeSpan ReserveTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a request for a slot may stay unanswered before another relay is asked beside it.</summary>
    public TimeSpan ReservePatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>An inbound circuit: from its announcement to a connection with streams.</summary>
    public TimeSpan AcceptTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The shortest lifetime of a slot that is worth having; a relay that grants less is left aside.</summary>
    public TimeSpan MinLifetime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>The longest lifetime that is believed; a slot granted for longer is renewed as if it had this one.</summary>
    public TimeSpan MaxLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>When a slot is renewed, as a share of its lifetime in (0, 1).</summary>
    public double RenewAfter { get; init; } = 0.75;

    /// <summary>How far the moment of renewal is spread to either side, as a share of the lifetime, so that not all of a
    /// relay's clients come at once.</summary>
    public double RenewSpread { get; init; } = 0.05;

    /// <summary>When a slot with limits is asked for a second time: by then the relay may know us as a member of its mesh,
    /// and grant more.</summary>
    public TimeSpan SecondLook { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often at most a relay is tried that promises to be better than one in use.</summary>
    public TimeSpan ImproveInterval { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long what a relay granted is taken for what it would grant now.</summary>
    public TimeSpan RetestInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>A slot lost sooner than this counts as a failure of its relay.</summary>
    public TimeSpan MinHold { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Pause before the connection to a lost relay is made anew; it doubles with each failure.</summary>
    public TimeSpan ReconnectPause { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Failed dials after which a lost relay is given up; those of <see cref="Relays"/> never are.</summary>
    public int MaxReconnects { get; init; } = 10;

    /// <summary>Pause after a request for a slot broke off; it doubles with each failure.</summary>
    public TimeSpan BrokenPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Pause after a relay had no room; it doubles with each refusal.</summary>
    public TimeSpan NoRoomPause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Pause after a relay refused us, or answered what no relay may; it doubles with each time.</summary>
    public TimeSpan DeniedPause { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The longest of all these pauses.</summary>
    public TimeSpan MaxPause { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Inbound circuits at once, over all relays.</summary>
    public int MaxCircuits { get; init; } = 128;

    /// <summary>Inbound circuits at once through one relay.</summary>
    public int MaxCircuitsPerRelay { get; init; } = 64;

    /// <summary>Inbound circuits that may come through one relay at once after a pause: a mesh of fifty that starts
    /// anew.</summary>
    public int CircuitBurst { get; init; } = 64;

    /// <summary>Inbound circuits a second that one relay may keep bringing.</summary>
    public int CircuitsPerSecond { get; init; } = 16;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">A value that cannot work.</exception>
    public void Validate()
    {
        foreach (Multiaddr relay in Relays)
        {
            if (relay.PeerId is null || relay.WithoutPeerId() is null || relay.IsRelayed)
            {
                throw new ArgumentException($"a relay's address is a direct one and ends in /p2p/…, which {relay} does not");
            }
        }

        foreach (int count in (ReadOnlySpan<int>)
            [Reservations, MaxCandidates, MaxAddressesPerRelay, MaxReconnects, MaxCircuits, MaxCircuitsPerRelay, CircuitBurst, CircuitsPerSecond])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        }

        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)
            [
                DialTimeout, ReserveTimeout, ReservePatience, AcceptTimeout, MinLifetime, SecondLook, ImproveInterval,
                RetestInterval, MinHold, ReconnectPause, BrokenPause, NoRoomPause, DeniedPause, MaxPause,
            ])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MaxLifetime, MinLifetime);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxLifetime, TimeSpan.FromDays(30)); // what a timer can wait for
        ArgumentOutOfRangeException.ThrowIfNegative(RenewSpread);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RenewAfter - RenewSpread, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(RenewAfter + RenewSpread, 1);
    }
}
