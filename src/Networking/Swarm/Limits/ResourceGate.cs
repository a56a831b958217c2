using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Swarm.Limits;

/// <summary>Counts connections and streams against <see cref="ResourceLimits"/>. Who wants one takes a ticket
/// first.</summary>
/// <remarks>
/// Safe for several threads. A ticket is given back exactly once however often it is disposed, and a connection's takes
/// those of its streams with it. A count of zero leaves no entry, so the tables are as large as what is open now.
/// </remarks>
/// <param name="limits">The limits.</param>
/// <param name="time">Clock of the rate limit.</param>
internal sealed class ResourceGate(ResourceLimits limits, TimeProvider time)
{
    private readonly Lock _lock = new();
    private readonly IpRateLimiter _rates = new(limits.InboundBurstPerIp, limits.InboundPerSecondPerIp, time);
    private readonly Dictionary<IPAddress, int> _connectionsByIp = [];
    private readonly Dictionary<PeerId, int> _connectionsByPeer = [];
    private readonly Dictionary<PeerId, int> _streamsByPeer = [];
    private readonly Dictionary<(PeerId, ProtocolId), int> _streamsByProtocol = [];
    private int _connections;
    private int _inbound;
    private int _halfOpen;
    private int _streams;

    /// <summary>Connections counted now.</summary>
    public int ConnectionCount => Volatile.Read(ref _connections);

    /// <summary>Streams counted now.</summary>
    public int StreamCount => Volatile.Read(ref _streams);

    /// <summary>Entries over all tables; none when nothing is open.</summary>
    public int EntryCount
    {
        get
        {
            lock (_lock)
            {
                return _connectionsByIp.Count + _connectionsByPeer.Count
                    + _streamsByPeer.Count + _streamsByProtocol.Count;
            }
        }
    }

    /// <summary>Counts an inbound connection right after accept, before it costs anything else.</summary>
    /// <param name="ip">Where it comes from; null for transports without IPs.</param>
    /// <param name="ticket">The count, to be disposed with the connection; null when refused.</param>
    public ResourceLimit TryAccept(IPAddress? ip, out ConnectionTicket? ticket)
    {
        IPAddress? key = ip is null ? null : Group(ip);
        lock (_lock)
        {
            ticket = null;
            ResourceLimit limit = CheckInbound(key);
            if (limit != ResourceLimit.None)
            {
                return limit;
            }

            _connections++;
            _inbound++;
            _halfOpen++;
            Add(_connectionsByIp, key);
            ticket = new ConnectionTicket(this, inbound: true, key);
            return ResourceLimit.None;
        }
    }

    /// <summary>Counts an outbound connection before it is dialled.</summary>
    public ResourceLimit TryDial(out ConnectionTicket? ticket)
    {
        lock (_lock)
        {
            ticket = null;
            if (_connections >= limits.MaxConnections)
            {
                return ResourceLimit.Connections;
            }

            _connections++;
            ticket = new ConnectionTicket(this, inbound: false, ip: null);
            return ResourceLimit.None;
        }
    }

    /// <summary>The unit that IP limits count: an IPv4 address, or the /64 that one IPv6 customer holds.</summary>
    public static IPAddress Group(IPAddress ip)
    {
        ip = ip.IsIPv4MappedToIPv6 ? ip.MapToIPv4() : ip;
        if (ip.AddressFamily != AddressFamily.InterNetworkV6)
        {
            return ip;
        }

        Span<byte> bytes = stackalloc byte[16];
        ip.TryWriteBytes(bytes, out _);
        bytes[8..].Clear();
        return new IPAddress(bytes);
    }

    private ResourceLimit CheckInbound(IPAddress? ip) => this switch
    {
        _ when _connections >= limits.MaxConnections => ResourceLimit.Connections,
        _ when _inbound >= limits.MaxInboundConnections => ResourceLimit.InboundConnections,
        _ when _halfOpen >= limits.MaxHalfOpenUpgrades => ResourceLimit.HalfOpenUpgrades,
        _ => ip is null ? ResourceLimit.None : CheckIp(ip),
    };

    private ResourceLimit CheckIp(IPAddress ip)
    {
        if (_connectionsByIp.GetValueOrDefault(ip) >= limits.MaxConnectionsPerIp)
        {
            return ResourceLimit.ConnectionsPerIp;
        }

        return _rates.TryTake(ip) ? ResourceLimit.None : ResourceLimit.InboundRatePerIp;
    }

    private static void Add<TKey>(Dictionary<TKey, int> counts, TKey? key)
        where TKey : notnull
    {
        if (key is not null)
        {
            counts[key] = counts.GetValueOrDefault(key) + 1;
        }
    }

    private static void Remove<TKey>(Dictionary<TKey, int> counts, TKey? key)
        where TKey : notnull
    {
        if (key is null)
        {
            return;
        }

        int left = counts[key] - 1;
        if (left == 0)
        {
            counts.Remove(key);
        }
        else
        {
            counts[key] = left;
        }
    }

    /// <summary>One counted connection.</summary>
    internal sealed class ConnectionTicket : IDisposable
    {
        private readonly ResourceGate _gate;
        private readonly bool _inbound;
        private readonly IPAddress? _ip;
        private readonly HashSet<StreamTicket> _streams = [];
        private PeerId? _peer;
        private bool _halfOpen;
        private bool _released;

        internal ConnectionTicket(ResourceGate gate, bool inbound, IPAddress? ip)
        {
            _gate = gate;
            _inbound = inbound;
            _halfOpen = inbound;
            _ip = ip;
        }

        /// <summary>The handshake told who it is: counts the peer, and ends being half open.</summary>
        public ResourceLimit TryBindPeer(PeerId peer)
        {
            lock (_gate._lock)
            {
                ObjectDisposedException.ThrowIf(_released, this);
                EndUpgrade();
                if (_gate._connectionsByPeer.GetValueOrDefault(peer) >= _gate.LimitPerPeer)
                {
                    return ResourceLimit.ConnectionsPerPeer;
                }

                Add(_gate._connectionsByPeer, peer);
                _peer = peer;
                return ResourceLimit.None;
            }
        }

        /// <summary>Counts a stream of this connection, in either direction, before it is opened or answered.</summary>
        public ResourceLimit TryOpenStream(out StreamTicket? ticket)
        {
            lock (_gate._lock)
            {
                ticket = null;
                PeerId peer = _peer ?? throw new InvalidOperationException("no peer is bound to this ticket");
                ResourceLimit limit = _released
                    ? ResourceLimit.StreamsPerConnection
                    : _gate.CheckStream(peer, _streams.Count);
                if (limit == ResourceLimit.None)
                {
                    _gate._streams++;
                    Add(_gate._streamsByPeer, peer);
                    ticket = new StreamTicket(_gate, this, peer);
                    _streams.Add(ticket);
                }

                return limit;
            }
        }

        /// <summary>Gives the connection back, and the streams that nobody disposed.</summary>
        public void Dispose()
        {
            lock (_gate._lock)
            {
                if (_released)
                {
                    return;
                }

                _released = true;
                EndUpgrade();
                foreach (StreamTicket stream in _streams)
                {
                    stream.Release();
                }

                _streams.Clear();
                _gate._connections--;
                _gate._inbound -= _inbound ? 1 : 0;
                Remove(_gate._connectionsByIp, _ip);
                Remove(_gate._connectionsByPeer, _peer);
            }
        }

        internal void StreamEnded(StreamTicket stream) => _streams.Remove(stream);

        private void EndUpgrade()
        {
            _gate._halfOpen -= _halfOpen ? 1 : 0;
            _halfOpen = false;
        }
    }

    /// <summary>One counted stream.</summary>
    internal sealed class StreamTicket : IDisposable
    {
        private readonly ResourceGate _gate;
        private readonly ConnectionTicket _connection;
        private readonly PeerId _peer;
        private ProtocolId? _protocol;
        private bool _released;

        internal StreamTicket(ResourceGate gate, ConnectionTicket connection, PeerId peer)
        {
            _gate = gate;
            _connection = connection;
            _peer = peer;
        }

        /// <summary>The negotiation told what it is for: counts the protocol.</summary>
        /// <param name="protocol">An inbound stream's protocol.</param>
        /// <param name="max">Streams of it that one peer may have open here.</param>
        public ResourceLimit TryBindProtocol(ProtocolId protocol, int max)
        {
            lock (_gate._lock)
            {
                if (_released || _gate._streamsByProtocol.GetValueOrDefault((_peer, protocol)) >= max)
                {
                    return ResourceLimit.StreamsPerProtocol;
                }

                Add(_gate._streamsByProtocol, (_peer, protocol));
                _protocol = protocol;
                return ResourceLimit.None;
            }
        }

        /// <inheritdoc/>
        public void Dispose()
        {
            lock (_gate._lock)
            {
                if (!_released)
                {
                    _connection.StreamEnded(this);
                    Release();
                }
            }
        }

        /// <summary>Under the gate's lock, once.</summary>
        internal void Release()
        {
            _released = true;
            _gate._streams--;
            Remove(_gate._streamsByPeer, _peer);
            if (_protocol is { } protocol)
            {
                Remove(_gate._streamsByProtocol, (_peer, protocol));
            }
        }
    }

    private int LimitPerPeer => limits.MaxConnectionsPerPeer;

    private ResourceLimit CheckStream(PeerId peer, int ofConnection) => this switch
    {
        _ when _streams >= limits.MaxStreams => ResourceLimit.Streams,
        _ when ofConnection >= limits.MaxStreamsPerConnection => ResourceLimit.StreamsPerConnection,
        _ when _streamsByPeer.GetValueOrDefault(peer) >= limits.MaxStreamsPerPeer => ResourceLimit.StreamsPerPeer,
        _ => ResourceLimit.None,
    };
}
