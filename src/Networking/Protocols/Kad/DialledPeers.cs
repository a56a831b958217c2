using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>The peers that lookups connected us with, the one used longest ago first.</summary>
/// <remarks>A lookup meets dozens of strangers: without an end to their connections they would fill the swarm's limit. Safe for
/// several threads.</remarks>
/// <param name="max">Connections kept.</param>
internal sealed class DialledPeers(int max)
{
    private readonly LinkedList<PeerId> _peers = [];
    private readonly Dictionary<PeerId, LinkedListNode<PeerId>> _places = [];

    /// <summary>A peer was asked something.</summary>
    /// <param name="peer">The peer.</param>
    /// <param name="dialled">The request made the connection.</param>
    public void Used(PeerId peer, bool dialled)
    {
        lock (_peers)
        {
            if (Forget(peer) || dialled)
            {
                _places[peer] = _peers.AddLast(peer);
            }
        }
    }

    /// <summary>The peers to leave: those beyond the limit that were used longest ago. They are forgotten.</summary>
    /// <param name="isIdle">Whether nobody uses the connections with a peer now, or there is none.</param>
    public IReadOnlyList<PeerId> Leave(Func<PeerId, bool> isIdle)
    {
        lock (_peers)
        {
            PeerId[] leave = [.. _peers.Where(isIdle).Take(Math.Max(0, _peers.Count - max))];
            Array.ForEach(leave, p => Forget(p));
            return leave;
        }
    }

    private bool Forget(PeerId peer)
    {
        if (!_places.Remove(peer, out LinkedListNode<PeerId>? place))
        {
            return false;
        }

        _peers.Remove(place);
        return true;
    }
}
