using System.Collections.Frozen;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Protocols.Identify;
using P2PLearn.Networking.Protocols.Ping;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Which protocols may use a limited connection, one through a relay that lets only so much pass.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2: limited connections are for those that opted in.</remarks>
/// <param name="optedIn">Protocol names, and the least limit in bytes that each can do with.</param>
internal sealed class LimitedUse(IReadOnlyDictionary<string, long> optedIn)
{
    private readonly FrozenDictionary<string, long> _needs = optedIn
        .Concat(Standard.Select(name => KeyValuePair.Create(name, 0L)))
        .DistinctBy(pair => pair.Key)
        .ToFrozenDictionary(StringComparer.Ordinal);

    private static string[] Standard =>
    [
        IdentifyService.Id.Value, IdentifyService.PushId.Value, PingProtocol.Id.Value, DcutrOptions.Protocol.Value,
    ];

    /// <summary>Whether a protocol may run on a link with this limit; null for a link without one.</summary>
    public bool Allows(string protocol, LinkLimit? limit) =>
        limit is null || (_needs.TryGetValue(protocol, out long needs) && (limit.Bytes ?? long.MaxValue) >= needs);
}
