using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>What this node knows of a peer, at one moment.</summary>
public sealed record PeerInfo
{
    /// <summary>The peer.</summary>
    public required PeerId Peer { get; init; }

    /// <summary>Its program and version by its own word; null before identify.</summary>
    public string? AgentVersion { get; init; }

    /// <summary>Its family of protocols by its own word; null before identify.</summary>
    public string? ProtocolVersion { get; init; }

    /// <summary>What it speaks; null before identify.</summary>
    public IReadOnlyCollection<string>? Protocols { get; init; }

    /// <summary>Where it may be dialled.</summary>
    public required IReadOnlyList<Multiaddr> Addresses { get; init; }

    /// <summary>Where it sees us; null before identify.</summary>
    public Multiaddr? ObservedAddress { get; init; }

    /// <summary>The last measured round-trip time; null before the first.</summary>
    public TimeSpan? RoundTripTime { get; init; }

    /// <summary>0, or below when it broke rules lately.</summary>
    public double Score { get; init; }

    /// <summary>The connections with it; none when it is only known.</summary>
    public required IReadOnlyList<ConnectionInfo> Connections { get; init; }
}

/// <summary>One connection, at one moment.</summary>
public sealed record ConnectionInfo
{
    /// <summary>Number of the connection within this process, growing.</summary>
    public required long Id { get; init; }

    /// <summary>Who is at the other end, proven.</summary>
    public required PeerId Peer { get; init; }

    /// <summary>Who dialled.</summary>
    public required ConnectionDirection Direction { get; init; }

    /// <summary>Which side we took in the handshakes; differs from the direction after a hole was punched.</summary>
    public required ConnectionRole Role { get; init; }

    /// <summary>Our end.</summary>
    public required Multiaddr LocalAddress { get; init; }

    /// <summary>The other end as our system sees it.</summary>
    public required Multiaddr RemoteAddress { get; init; }

    /// <summary>How it came about.</summary>
    public required ConnectionPath Path { get; init; }

    /// <summary>It runs through a relay.</summary>
    public bool IsRelayed => Path == ConnectionPath.Relayed;

    /// <summary>What the relay lets pass; null when there is no limit. A limited connection is for protocols that opted
    /// in.</summary>
    public LinkLimit? Limit { get; init; }

    /// <summary>When it came up.</summary>
    public required DateTimeOffset OpenedAt { get; init; }

    /// <summary>Raw bytes read.</summary>
    public required long BytesIn { get; init; }

    /// <summary>Raw bytes written.</summary>
    public required long BytesOut { get; init; }

    /// <summary>Streams open, both directions.</summary>
    public required int OpenStreamCount { get; init; }

    /// <summary>The last measured round-trip time; null before the first.</summary>
    public TimeSpan? RoundTripTime { get; init; }
}

/// <summary>How a connection came about.</summary>
public enum ConnectionPath
{
    /// <summary>One side dialled the other.</summary>
    Direct,

    /// <summary>The side that was to be reached dialled back, asked over a relay.</summary>
    Reversed,

    /// <summary>Both dialled at the same moment through their NATs.</summary>
    Punched,

    /// <summary>It runs through a relay.</summary>
    Relayed,
}

/// <summary>Who opened the raw connection.</summary>
public enum ConnectionDirection
{
    /// <summary>The remote dialled us.</summary>
    Inbound,

    /// <summary>We dialled.</summary>
    Outbound,
}

/// <summary>The side taken in the handshakes and by the muxer.</summary>
public enum ConnectionRole
{
    /// <summary>The initiator of the handshakes.</summary>
    Dialer,

    /// <summary>The responder.</summary>
    Listener,
}
