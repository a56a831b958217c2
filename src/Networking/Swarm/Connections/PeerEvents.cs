using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm.Peers;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Turns the comings and goings of the connection table into events.</summary>
/// <param name="peers">Told at once, so that it never lags behind the table.</param>
/// <param name="connected">Delivered in order, outside of locks.</param>
/// <param name="disconnected">Likewise.</param>
/// <param name="failed">Told of an exception of a handler.</param>
internal sealed class PeerEvents(
    PeerStore peers, Action<PeerId> connected, Action<PeerId> disconnected, Action<Exception> failed) : IPeerEvents
{
    private readonly OrderedEvents _events = new(failed);

    /// <inheritdoc/>
    public void PostConnected(PeerId peer)
    {
        peers.Connected(peer);
        _events.Post(() => connected(peer));
    }

    /// <inheritdoc/>
    public void PostDisconnected(PeerId peer)
    {
        peers.Disconnected(peer);
        _events.Post(() => disconnected(peer));
    }

    /// <inheritdoc/>
    public void Deliver() => _events.Deliver();
}
