using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>A slot of ours on a relay, at one moment.</summary>
/// <param name="Relay">The relay.</param>
/// <param name="Addresses">Where we can be reached over it, each ending in <c>/p2p-circuit</c>.</param>
/// <param name="Expires">When the slot is lost unless renewed before.</param>
/// <param name="Limit">What each circuit through it is granted; null for no limit.</param>
/// <param name="RoundTrip">To the relay; null before the first measurement.</param>
/// <param name="Since">When the slot was first granted.</param>
public sealed record RelayReservation(
    PeerId Relay,
    IReadOnlyList<Multiaddr> Addresses,
    DateTimeOffset Expires,
    LinkLimit? Limit,
    TimeSpan? RoundTrip,
    DateTimeOffset Since);

/// <summary>What this node does as a relay, at one moment.</summary>
/// <param name="IsActive">It takes reservations.</param>
/// <param name="Reservations">Slots given out.</param>
/// <param name="MaxReservations">Slots in all.</param>
/// <param name="Circuits">Circuits open now.</param>
/// <param name="MaxCircuits">Circuits in all.</param>
/// <param name="BytesRelayed">Since the start, both directions.</param>
/// <param name="Refused">Requests refused since the start, by the name of the status; <c>Timeout</c> for messages that did not
/// arrive in time, <c>TooManyRequests</c> for those that were not even read.</param>
public sealed record RelayServerStatus(
    bool IsActive,
    int Reservations,
    int MaxReservations,
    int Circuits,
    int MaxCircuits,
    long BytesRelayed,
    IReadOnlyDictionary<string, long> Refused)
{
    /// <summary>Circuits that ended since the start, by reason: <see cref="EndReason.LimitReached"/> for those that passed
    /// what they were granted, <see cref="EndReason.Timeout"/> for those that carried nothing for too long.</summary>
    public IReadOnlyDictionary<EndReason, long> CircuitEnds { get; init; } = new Dictionary<EndReason, long>();
}
