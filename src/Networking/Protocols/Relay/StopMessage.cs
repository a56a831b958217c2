using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>What a <see cref="StopMessage"/> says.</summary>
internal enum StopMessageType
{
    /// <summary><see cref="StopMessage.Peer"/> wants a circuit to the receiver.</summary>
    Connect = 0,

    /// <summary>Takes it or refuses it.</summary>
    Status = 1,
}

/// <summary>A message between a relay and the target of a circuit.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, <c>StopMessage</c>. Immutable.</remarks>
/// <param name="Type">What it says.</param>
internal sealed record StopMessage(StopMessageType Type)
{
    /// <summary>Who connects.</summary>
    public RelayPeer? Peer { get; init; }

    /// <summary>What the circuit is granted; null for no limit.</summary>
    public LinkLimit? Limit { get; init; }

    /// <summary>The answer; <see cref="RelayStatusCode.None"/> when there is none.</summary>
    public RelayStatusCode Status { get; init; }

    /// <summary>Announces a circuit.</summary>
    public static StopMessage Connect(PeerId source, LinkLimit? limit) =>
        new(StopMessageType.Connect) { Peer = new RelayPeer(source), Limit = limit };

    /// <summary>An answer.</summary>
    public static StopMessage Answer(RelayStatusCode status) => new(StopMessageType.Status) { Status = status };
}
