using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>How much a node relays for others.</summary>
public sealed record RelayServerOptions
{
    /// <summary>Reservations in all, default 128.</summary>
    public int MaxReservations { get; init; } = 128;

    /// <summary>Who gets the larger limits: members of the mesh, proven by key. Asked when a reservation or circuit is
    /// made; must not block.</summary>
    public Func<PeerId, bool> IsMember { get; init; } = static _ => false;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxReservations);
}
