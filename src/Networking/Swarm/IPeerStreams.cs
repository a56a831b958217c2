using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Swarm;

/// <summary>Serves one inbound stream. The stream is disposed when the task ends; an exception resets it.</summary>
public delegate Task StreamHandler(PeerStream stream, CancellationToken cancellationToken);

/// <summary>"Open a stream to this peer id": all that the layers above need to know of the network.</summary>
/// <remarks>Safe for several threads. Implemented by the swarm, by the mesh admission in front of it, and by the tests' fabric.</remarks>
public interface IPeerStreams
{
    /// <summary>This node.</summary>
    PeerId LocalPeer { get; }

    /// <summary>The peers with at least one open connection, a snapshot in no particular order.</summary>
    IReadOnlyCollection<PeerId> ConnectedPeers { get; }

    /// <summary>The first connection to a peer is up (and admitted, where admission applies). Handlers must not block.</summary>
    event Action<PeerId>? PeerConnected;

    /// <summary>The last connection to a peer is gone. Handlers must not block.</summary>
    event Action<PeerId>? PeerDisconnected;

    /// <summary>Opens a stream: over the connection that is there, or after dialling the peer's known addresses.</summary>
    /// <exception cref="PeerUnreachableException">No address is known, or none could be dialled.</exception>
    /// <exception cref="ProtocolNotSupportedException">The peer does not speak <paramref name="protocol"/>.</exception>
    ValueTask<PeerStream> OpenStreamAsync(PeerId peer, ProtocolId protocol, CancellationToken cancellationToken);

    /// <summary>Serves inbound streams of a protocol until the returned registration is disposed.</summary>
    /// <exception cref="InvalidOperationException">The protocol has a handler already.</exception>
    IDisposable Handle(ProtocolId protocol, StreamHandler handler);

    /// <summary>Lowers a peer's score for a broken rule; far below zero its connections are closed and refused for a while.</summary>
    void Penalize(PeerId peer, EndReason reason);
}
