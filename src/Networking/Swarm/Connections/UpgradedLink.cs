using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>What the handshakes made of a raw link.</summary>
/// <param name="Raw">The raw link: where it leads.</param>
/// <param name="Link">The raw link with its counters.</param>
/// <param name="Session">The streams over it.</param>
/// <param name="RemotePeer">Who is at the other end, proven.</param>
/// <param name="Terms">How it was made.</param>
internal sealed record UpgradedLink(
    ITransportLink Raw,
    MeteredLink Link,
    IMuxedSession Session,
    PeerId RemotePeer,
    LinkTerms Terms);

/// <summary>How a raw link is made a connection.</summary>
/// <param name="Direction">Who dialled.</param>
/// <param name="Role">Our side in the handshakes.</param>
/// <param name="Path">How the link came about.</param>
/// <param name="Expected">Who has to be at the other end; null for whoever is there.</param>
internal sealed record LinkTerms(
    ConnectionDirection Direction, ConnectionRole Role, ConnectionPath Path, PeerId? Expected)
{
    /// <summary>With whom the link came about on that path; somebody else at the other end dialled directly. Null: the
    /// path holds for anybody.</summary>
    public PeerId? PathIsOf { get; init; }

    /// <summary>How the link came about when this is the peer at its other end.</summary>
    public ConnectionPath PathTo(PeerId remote) =>
        PathIsOf is null || PathIsOf == remote ? Path : ConnectionPath.Direct;

    /// <summary>A link that was accepted.</summary>
    public static LinkTerms Inbound(ConnectionPath path) =>
        new(ConnectionDirection.Inbound, ConnectionRole.Listener, path, Expected: null);

    /// <summary>A link that we dialled.</summary>
    public static LinkTerms Outbound(ConnectionPath path, PeerId? expected) =>
        new(ConnectionDirection.Outbound, ConnectionRole.Dialer, path, expected);
}
