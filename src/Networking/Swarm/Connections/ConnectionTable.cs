using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>The open connections by peer, and the order in which peers come and go.</summary>
/// <remarks>
/// Safe for several threads. When two peers dial each other at once both connections live; both sides then prefer the
/// one that the smaller peer id dialled, the older of several, a direct one before a relayed one.
/// </remarks>
/// <param name="local">This node.</param>
/// <param name="events">Told of a peer's first and last connection, in order.</param>
internal sealed class ConnectionTable(PeerId local, IPeerEvents events)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, List<SwarmConnection>> _byPeer = [];

    /// <summary>Connected peers, a snapshot.</summary>
    public IReadOnlyCollection<PeerId> Peers
    {
        get
        {
            lock (_lock)
            {
                return [.. _byPeer.Keys];
            }
        }
    }

    /// <summary>All connections, a snapshot.</summary>
    public IReadOnlyList<SwarmConnection> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _byPeer.Values.SelectMany(c => c)];
            }
        }
    }

    /// <summary>Takes a connection in.</summary>
    public void Add(SwarmConnection connection)
    {
        lock (_lock)
        {
            if (!_byPeer.TryGetValue(connection.RemotePeer, out List<SwarmConnection>? connections))
            {
                _byPeer.Add(connection.RemotePeer, connections = []);
                events.PostConnected(connection.RemotePeer);
            }

            connections.Add(connection);
        }

        events.Deliver();
    }

    /// <summary>Takes a connection out. Harmless when repeated.</summary>
    public void Remove(SwarmConnection connection)
    {
        lock (_lock)
        {
            if (_byPeer.TryGetValue(connection.RemotePeer, out List<SwarmConnection>? connections)
                && connections.Remove(connection)
                && connections.Count == 0)
            {
                _byPeer.Remove(connection.RemotePeer);
                events.PostDisconnected(connection.RemotePeer);
            }
        }

        events.Deliver();
    }

    /// <summary>The connections with a peer, a snapshot.</summary>
    public IReadOnlyList<SwarmConnection> Of(PeerId peer)
    {
        lock (_lock)
        {
            return _byPeer.TryGetValue(peer, out List<SwarmConnection>? connections) ? [.. connections] : [];
        }
    }

    /// <summary>The connection to open a stream on; null when there is none that is not closing.</summary>
    public SwarmConnection? Best(PeerId peer) => Best(peer, static _ => true);

    /// <summary>The best of those connections that will do.</summary>
    public SwarmConnection? Best(PeerId peer, Func<SwarmConnection, bool> willDo)
    {
        lock (_lock)
        {
            SwarmConnection? best = null;
            if (_byPeer.TryGetValue(peer, out List<SwarmConnection>? connections))
            {
                foreach (SwarmConnection candidate in connections)
                {
                    bool usable = !candidate.IsClosing && willDo(candidate);
                    best = usable && (best is null || IsBetter(candidate, best)) ? candidate : best;
                }
            }

            return best;
        }
    }

    private bool IsBetter(SwarmConnection candidate, SwarmConnection than)
    {
        if (candidate.IsRelayed != than.IsRelayed)
        {
            return than.IsRelayed;
        }

        if (candidate.Limit is null != than.Limit is null)
        {
            return candidate.Limit is null;
        }

        bool localIsSmaller = local < candidate.RemotePeer;
        bool candidateBySmaller = candidate.Role == ConnectionRole.Dialer == localIsSmaller; // both sides agree on roles
        bool thanBySmaller = than.Role == ConnectionRole.Dialer == localIsSmaller;
        return candidateBySmaller != thanBySmaller ? candidateBySmaller : candidate.Id < than.Id;
    }
}

/// <summary>Who wants to know of peers that come and go.</summary>
internal interface IPeerEvents
{
    /// <summary>Notes that a peer's first connection is up. Called under the table's lock.</summary>
    void PostConnected(PeerId peer);

    /// <summary>Notes that a peer's last connection is gone. Called under the table's lock.</summary>
    void PostDisconnected(PeerId peer);

    /// <summary>Delivers what is noted.</summary>
    void Deliver();
}
