using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>What the handshakes made of a raw link.</summary>
/// <param name="Raw">The raw link: where it leads.</param>
/// <param name="Link">The raw link with its counters.</param>
/// <param name="Session">The streams over it.</param>
/// <param name="RemotePeer">Who is at the other end, proven.</param>
/// <param name="Direction">Who dialled.</param>
/// <param name="Role">Our side in the handshakes.</param>
internal sealed record UpgradedLink(
    ITransportLink Raw,
    MeteredLink Link,
    IMuxedSession Session,
    PeerId RemotePeer,
    ConnectionDirection Direction,
    ConnectionRole Role);
