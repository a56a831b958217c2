using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a <see cref="HopMessage"/> says.</summary>
internal enum HopMessageType
{
    /// <summary>Asks for a slot.</summary>
    Reserve = 0,

    /// <summary>Asks for a circuit to <see cref="HopMessage.Peer"/>.</summary>
    Connect = 1,

    /// <summary>Answers either.</summary>
    Status = 2,
}

/// <summary>Who is meant, and where it may be found.</summary>
/// <param name="Id">Valid, not verified.</param>
/// <param name="Addresses">At most <see cref="RelayCodec.MaxAddresses"/>; those with unknown codes are dropped.</param>
internal sealed record RelayPeer(PeerId Id, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>A peer without addresses.</summary>
    public RelayPeer(PeerId id)
        : this(id, [])
    {
    }
}

/// <summary>A slot as a relay grants it.</summary>
/// <param name="Expires">When it ends, in whole seconds.</param>
/// <param name="Addresses">The relay's own, each with its peer id; the circuit part is for the client to add.</param>
/// <param name="Voucher">A sealed <see cref="ReservationVoucher"/>; null when the relay gives none.</param>
internal sealed record ReservationGrant(
    DateTimeOffset Expires, IReadOnlyList<Multiaddr> Addresses, ReadOnlyMemory<byte>? Voucher);

/// <summary>A message between a relay and its client.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, <c>HopMessage</c>. Immutable.</remarks>
/// <param name="Type">What it says.</param>
internal sealed record HopMessage(HopMessageType Type)
{
    /// <summary>Asks for a slot.</summary>
    public static HopMessage Reserve { get; } = new(HopMessageType.Reserve);

    /// <summary>The target of a circuit.</summary>
    public RelayPeer? Peer { get; init; }

    /// <summary>The slot granted.</summary>
    public ReservationGrant? Reservation { get; init; }

    /// <summary>What each circuit is granted; null for no limit.</summary>
    public LinkLimit? Limit { get; init; }

    /// <summary>The answer; <see cref="RelayStatusCode.None"/> when there is none.</summary>
    public RelayStatusCode Status { get; init; }

    /// <summary>Asks for a circuit.</summary>
    public static HopMessage Connect(PeerId target) =>
        new(HopMessageType.Connect) { Peer = new RelayPeer(target) };

    /// <summary>An answer with nothing but its status.</summary>
    public static HopMessage Answer(RelayStatusCode status) => new(HopMessageType.Status) { Status = status };
}
