using System.Net;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Swarm.Dialing;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>Everything that a swarm is made of. Only the identity has no default.</summary>
public sealed record SwarmOptions
{
    /// <summary>Who this node is. Not owned: dispose it after the swarm.</summary>
    public required KeyPair Identity { get; init; }

    /// <summary>What identify says this program is.</summary>
    public string AgentVersion { get; init; } = "p2plearn/0.1.0";

    /// <summary>What identify says our family of protocols is.</summary>
    public string ProtocolVersion { get; init; } = "p2plearn/1.0.0";

    /// <summary>How much strangers may make us hold.</summary>
    public ResourceLimits Limits { get; init; } = new();

    /// <summary>How long each step may take.</summary>
    public SwarmTimeouts Timeouts { get; init; } = new();

    /// <summary>How broken rules are counted.</summary>
    public PeerScoreOptions Scores { get; init; } = new();

    /// <summary>How much is remembered of other peers.</summary>
    public PeerStoreOptions Peers { get; init; } = new();

    /// <summary>The Noise handshake.</summary>
    public NoiseOptions Noise { get; init; } = new();

    /// <summary>The muxer.</summary>
    public YamuxOptions Yamux { get; init; } = new();

    /// <summary>Agree on the muxer within the Noise handshake when the remote can; saves a round trip.</summary>
    public bool EarlyMuxerNegotiation { get; init; } = true;

    /// <summary>Dial from the listen port, which hole punching needs.</summary>
    public bool ReusePort { get; init; } = true;

    /// <summary>Answer /perf requests: for measurements, not for nodes that strangers reach.</summary>
    public bool EnablePerf { get; init; }

    /// <summary>The transports; null for TCP alone.</summary>
    public IReadOnlyList<ITransport>? Transports { get; init; }

    /// <summary>NAT traversal: AutoNAT, relays, hole punching, port mapping; null for none of it.</summary>
    public NatOptions? Nat { get; init; }

    /// <summary>Protocols that may use a connection through a relay with limits, beside identify, ping and DCUtR: the name,
    /// and the least limit in bytes that the protocol can do with (0 for any).</summary>
    public IReadOnlyDictionary<string, long> LimitedProtocols { get; init; } = new Dictionary<string, long>();

    /// <summary>How names in addresses that we dial are looked up.</summary>
    public NameResolver ResolveName { get; init; } = Dns.GetHostAddressesAsync;

    /// <summary>The clock of every deadline and record.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;

    /// <summary>Where logs go.</summary>
    public ILoggerFactory LoggerFactory { get; init; } = NullLoggerFactory.Instance;

    /// <summary>Checks what can be checked before anything starts.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public void Validate()
    {
        ArgumentNullException.ThrowIfNull(Identity);
        Limits.Validate();
        Timeouts.Validate();
        Yamux.Validate();
        Nat?.Validate();
    }
}
