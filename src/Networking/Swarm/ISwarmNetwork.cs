using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>The swarm as NAT traversal sees it: connections and links, where the layers above see peers and streams.</summary>
/// <remarks>
/// Implemented by the swarm. Safe for several threads. Streams that a handler is given are <see cref="SwarmStream"/>s, whose
/// connection tells the path. Events come one at a time and in order; handlers must not block and must not throw.
/// </remarks>
internal interface ISwarmNetwork
{
    /// <summary>A connection came up and is in use.</summary>
    event Action<SwarmConnection>? Opened;

    /// <summary>Identify succeeded over a connection: what the peer speaks, where it listens and where it sees us is known
    /// now. Again after each identify push.</summary>
    event Action<SwarmConnection>? Identified;

    /// <summary>A connection has ended.</summary>
    event Action<SwarmConnection>? Closed;

    /// <summary>An address is about to be dialled, whatever comes of it: a NAT may let its IP in from then on. Raised at
    /// once by whoever dials, several at a time.</summary>
    event Action<Multiaddr>? Dialling;

    /// <summary>Our own addresses changed.</summary>
    event Action? AddressesChanged;

    /// <summary>This node's key; not owned.</summary>
    KeyPair Identity { get; }

    /// <summary>The clock of every deadline.</summary>
    TimeProvider Time { get; }

    /// <summary>Where logs go.</summary>
    ILoggerFactory LoggerFactory { get; }

    /// <summary>Our own addresses, by how they were learnt.</summary>
    LocalAddresses LocalAddresses { get; }

    /// <summary>All open connections, a snapshot.</summary>
    IReadOnlyList<SwarmConnection> Connections { get; }

    /// <summary>The open connections with a peer, a snapshot.</summary>
    IReadOnlyList<SwarmConnection> ConnectionsOf(PeerId peer);

    /// <summary>Where a peer says it can be dialled; relayed addresses too. Nothing when it is unknown.</summary>
    IReadOnlyList<Multiaddr> AddressesOf(PeerId peer);

    /// <summary>Whether a connected peer speaks a protocol; null before it said.</summary>
    bool? Speaks(PeerId peer, ProtocolId protocol);

    /// <summary>Serves inbound streams of a protocol until the registration is disposed.</summary>
    IDisposable Handle(ProtocolId protocol, StreamHandler handler, int maxStreamsPerPeer);

    /// <summary>Gets a connection to a peer: the one that is up, or a new one.</summary>
    /// <exception cref="PeerUnreachableException">None came up.</exception>
    ValueTask<SwarmConnection> ConnectAsync(PeerId peer, CancellationToken cancellationToken);

    /// <summary>Gets a connection to whom an address leads.</summary>
    /// <exception cref="PeerUnreachableException">It did not come up.</exception>
    ValueTask<SwarmConnection> ConnectAsync(Multiaddr address, CancellationToken cancellationToken);

    /// <summary>Makes a raw link to exactly this address, whatever connections there are, without backoff or ranking.
    /// Not counted against the limits until it is given to <see cref="AdoptAsync"/>.</summary>
    /// <exception cref="IOException">Refused, unreachable, broken, or the port asked for is not to be had.</exception>
    ValueTask<ITransportLink> DialLinkAsync(Multiaddr address, DialOrigin origin, CancellationToken cancellationToken);

    /// <summary>Makes a connection of a raw link and takes it in. The link is owned from here on, also when this fails.</summary>
    /// <param name="link">Raw.</param>
    /// <param name="terms">Our role in the handshakes, and who is expected.</param>
    /// <param name="cancellationToken">Ends the handshakes.</param>
    /// <exception cref="IOException">The link ended, a limit is reached, or the peer is not the one expected.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule of the handshakes.</exception>
    Task<SwarmConnection> AdoptAsync(ITransportLink link, LinkTerms terms, CancellationToken cancellationToken);

    /// <summary>Calls off the dials of direct addresses that are under way to a peer, and waits until their sockets are
    /// gone; a relayed one goes on.</summary>
    Task CallOffDialsAsync(PeerId peer);

    /// <summary>Shows each accepted raw link to <paramref name="claim"/> before anything else is done with it. Whoever
    /// returns true owns the link.</summary>
    /// <returns>Ends it.</returns>
    IDisposable InterceptAccepts(Func<ITransportLink, bool> claim);

    /// <summary>Takes the transport of relayed addresses; null takes it away.</summary>
    void UseCircuits(ICircuitTransport? circuits);

    /// <summary>Runs work in the background, owned by the swarm: the token fires when it closes.</summary>
    /// <returns>False when it is closing: nothing was started.</returns>
    bool TryRun(Func<CancellationToken, Task> work);

    /// <summary>A remote broke a rule: its score is lowered, and the connection closed where the scope says so.</summary>
    void Broke(SwarmConnection connection, ProtocolViolationException violation);

    /// <summary>Lowers a peer's score.</summary>
    void Penalize(PeerId peer, EndReason reason);
}
