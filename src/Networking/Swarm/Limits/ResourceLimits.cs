namespace P2PLearn.Networking.Swarm.Limits;

/// <summary>How much strangers may make this node hold. Each number is taken before anything is allocated for what it
/// counts.</summary>
/// <remarks>
/// Derived from go-libp2p's and js-libp2p's defaults, for a node of a mesh of some fifty members that also serves a
/// DHT. What happens when one is reached: a connection is closed before any cryptography, a stream is reset, a dial
/// waits or fails with <see cref="EndReason.LimitReached"/>.
/// </remarks>
public sealed record ResourceLimits
{
    /// <summary>Connections in all, both directions, upgrades under way included.</summary>
    public int MaxConnections { get; init; } = 512;

    /// <summary>Inbound connections; the rest of <see cref="MaxConnections"/> stays free for our own dials.</summary>
    public int MaxInboundConnections { get; init; } = 384;

    /// <summary>Connections with one peer. Two come from dialling each other at once; more are waste.</summary>
    public int MaxConnectionsPerPeer { get; init; } = 8;

    /// <summary>Inbound connections from one IPv4 address or one IPv6 /64. Room for a mesh of fifty behind one
    /// router.</summary>
    public int MaxConnectionsPerIp { get; init; } = 128;

    /// <summary>Inbound connections that have not finished their handshakes. Each may cost two signatures and four
    /// X25519.</summary>
    public int MaxHalfOpenUpgrades { get; init; } = 64;

    /// <summary>Inbound connections that one IP may open at once after a pause.</summary>
    public int InboundBurstPerIp { get; init; } = 128;

    /// <summary>Inbound connections a second that one IP may keep opening.</summary>
    public int InboundPerSecondPerIp { get; init; } = 32;

    /// <summary>Streams in all, both directions.</summary>
    public int MaxStreams { get; init; } = 16_384;

    /// <summary>Streams with one peer over all its connections, both directions.</summary>
    public int MaxStreamsPerPeer { get; init; } = 4_096;

    /// <summary>Streams of one connection, both directions. Room for 1000 each way.</summary>
    public int MaxStreamsPerConnection { get; init; } = 2_048;

    /// <summary>Inbound streams of one protocol from one peer, unless its handler was registered with a number of its
    /// own.</summary>
    public int MaxStreamsPerProtocol { get; init; } = 1_024;

    /// <summary>Addresses being dialled at once, over all peers.</summary>
    public int MaxConcurrentDials { get; init; } = 32;

    /// <summary>Addresses of one peer being dialled at once.</summary>
    public int MaxConcurrentDialsPerPeer { get; init; } = 4;

    /// <summary>Addresses of one peer tried in one dial; the rest is ignored.</summary>
    public int MaxAddressesPerDial { get; init; } = 25;

    /// <summary>Checks that each limit leaves something to work with.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit below 1.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxConnections);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxInboundConnections);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxConnectionsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxConnectionsPerIp);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxHalfOpenUpgrades);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(InboundBurstPerIp);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(InboundPerSecondPerIp);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxStreams);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxStreamsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxStreamsPerConnection);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxStreamsPerProtocol);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxConcurrentDials);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxConcurrentDialsPerPeer);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxAddressesPerDial);
    }
}

/// <summary>Which limit said no.</summary>
public enum ResourceLimit
{
    /// <summary>None: go on.</summary>
    None = 0,

    /// <summary><see cref="ResourceLimits.MaxConnections"/>.</summary>
    Connections,

    /// <summary><see cref="ResourceLimits.MaxInboundConnections"/>.</summary>
    InboundConnections,

    /// <summary><see cref="ResourceLimits.MaxConnectionsPerPeer"/>.</summary>
    ConnectionsPerPeer,

    /// <summary><see cref="ResourceLimits.MaxConnectionsPerIp"/>.</summary>
    ConnectionsPerIp,

    /// <summary><see cref="ResourceLimits.MaxHalfOpenUpgrades"/>.</summary>
    HalfOpenUpgrades,

    /// <summary><see cref="ResourceLimits.InboundBurstPerIp"/> and
    /// <see cref="ResourceLimits.InboundPerSecondPerIp"/>.</summary>
    InboundRatePerIp,

    /// <summary><see cref="ResourceLimits.MaxStreams"/>.</summary>
    Streams,

    /// <summary><see cref="ResourceLimits.MaxStreamsPerPeer"/>.</summary>
    StreamsPerPeer,

    /// <summary><see cref="ResourceLimits.MaxStreamsPerConnection"/>.</summary>
    StreamsPerConnection,

    /// <summary><see cref="ResourceLimits.MaxStreamsPerProtocol"/>, or the handler's own number.</summary>
    StreamsPerProtocol,
}
