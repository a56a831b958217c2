using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>The two protocols of circuit relay v2.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2.</remarks>
internal static class RelayProtocols
{
    /// <summary>Spoken to a relay: reserve a slot, connect to who holds one.</summary>
    public static readonly ProtocolId Hop = new("/libp2p/circuit/relay/0.2.0/hop");

    /// <summary>Spoken by a relay to who holds a slot: somebody connects.</summary>
    public static readonly ProtocolId Stop = new("/libp2p/circuit/relay/0.2.0/stop");
}
