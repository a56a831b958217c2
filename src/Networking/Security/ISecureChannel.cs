using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Security;

/// <summary>An authenticated, encrypted link.</summary>
public interface ISecureChannel : ILink
{
    /// <summary>Who is at the other end, proven by the handshake.</summary>
    PeerId RemotePeer { get; }

    /// <summary>The muxer agreed within the handshake (early muxer negotiation), or null: negotiate it over the channel.</summary>
    string? NegotiatedMuxer { get; }
}
