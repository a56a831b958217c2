using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>How a node uses relays.</summary>
public sealed record RelayClientOptions
{
    /// <summary>Whether it uses any.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Relays to use beside those found among the connected peers.</summary>
    public IReadOnlyList<Multiaddr> Relays { get; init; } = [];

    /// <summary>Relays to hold a reservation on at once, default 2: one may die.</summary>
    public int Reservations { get; init; } = 2;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Reservations);
}
