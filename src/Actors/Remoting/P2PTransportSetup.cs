using Akka.Actor.Setup;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Remoting;

/// <summary>What <see cref="P2PTransport"/> needs: Akka creates transports by reflection and passes only the system and its configuration.</summary>
/// <param name="streams">The network; not owned.</param>
/// <param name="time">Clock of every deadline.</param>
/// <param name="loggers">Where Akka's log and the transport's own lines go.</param>
public sealed class P2PTransportSetup(IPeerStreams streams, TimeProvider time, ILoggerFactory loggers) : Setup
{
    /// <summary>The network.</summary>
    public IPeerStreams Streams { get; } = streams;

    /// <summary>Clock of every deadline.</summary>
    public TimeProvider Time { get; } = time;

    /// <summary>Where log lines go.</summary>
    public ILoggerFactory Loggers { get; } = loggers;

    /// <summary>Limits.</summary>
    public P2PTransportOptions Options { get; init; } = new();

    /// <summary>What may come in.</summary>
    public FirewallRules Rules { get; init; } = FirewallRules.Default;

    /// <summary>What the transport has counted.</summary>
    public TransportCounters Counters { get; init; } = new();

    /// <summary>Told of each handshake that was believed: the peer, and the number of its present incarnation. Must be quick.</summary>
    internal Action<PeerId, long>? OnIncarnation { get; set; }

    /// <summary>Tests only: false lets every frame pass, to show that an attack works without its guard.</summary>
    internal bool FirewallEnabled { get; init; } = true;

    /// <summary>Tests only: false believes the address that a peer claims.</summary>
    internal bool OriginCheckEnabled { get; init; } = true;

    /// <summary>Tests only: the host that this node claims to be, for an attacker's node.</summary>
    internal string? ClaimedHost { get; init; }

    /// <summary>Tests only: sees every refused frame.</summary>
    internal Action<FrameVerdict, ReadOnlyMemory<byte>>? OnRefused { get; init; }

    /// <summary>Tests only: sees every inbound frame before it is judged.</summary>
    internal Action<ReadOnlyMemory<byte>>? OnFrame { get; init; }
}
