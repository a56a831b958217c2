using P2PLearn.Networking.Swarm.Limits;

namespace P2PLearn.Networking.Swarm;

/// <summary>What a swarm has done since it began.</summary>
public sealed record SwarmCounters
{
    /// <summary>Raw bytes read over all connections, handshakes and encryption included.</summary>
    public required long BytesIn { get; init; }

    /// <summary>Raw bytes written.</summary>
    public required long BytesOut { get; init; }

    /// <summary>Connections that we dialled and that came up.</summary>
    public required long ConnectionsDialled { get; init; }

    /// <summary>Connections that were dialled to us and came up.</summary>
    public required long ConnectionsAccepted { get; init; }

    /// <summary>Addresses that could not be dialled, by reason. Reasons that never occurred are not listed, here and
    /// below.</summary>
    public required IReadOnlyDictionary<EndReason, long> FailedDials { get; init; }

    /// <summary>Connections and inbound upgrades that ended, by reason.</summary>
    public required IReadOnlyDictionary<EndReason, long> ConnectionEnds { get; init; }

    /// <summary>Streams that ended, by reason.</summary>
    public required IReadOnlyDictionary<EndReason, long> StreamEnds { get; init; }

    /// <summary>Connections and streams that a limit refused.</summary>
    public required IReadOnlyDictionary<ResourceLimit, long> Refused { get; init; }
}
