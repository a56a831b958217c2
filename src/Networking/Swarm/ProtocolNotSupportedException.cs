using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Swarm;

/// <summary>The remote peer does not speak the protocol that was asked for.</summary>
public sealed class ProtocolNotSupportedException : IOException
{
    /// <summary>Creates the exception.</summary>
    public ProtocolNotSupportedException(PeerId peer, ProtocolId protocol)
        : base($"peer {peer} does not speak {protocol}")
    {
        Peer = peer;
        Protocol = protocol;
    }

    /// <summary>The remote peer.</summary>
    public PeerId Peer { get; }

    /// <summary>What was asked for.</summary>
    public ProtocolId Protocol { get; }
}
