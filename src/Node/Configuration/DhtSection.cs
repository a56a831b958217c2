using P2PLearn.Networking.Protocols.Kad;

namespace P2PLearn.Node.Configuration;

/// <summary>The distributed hash table: who has what, and where a peer is.</summary>
public sealed record DhtSection
{
    /// <summary>What <see cref="Mode"/> may be, besides <c>off</c>.</summary>
    public static IReadOnlyDictionary<string, KadMode> Modes { get; } = new Dictionary<string, KadMode>
    {
        ["auto"] = KadMode.Auto,
        ["client"] = KadMode.Client,
        ["server"] = KadMode.Server,
    };

    /// <summary>Whether this node answers others: <c>auto</c> (while it is reachable, or on a network without any NAT), <c>client</c>, <c>server</c>, or
    /// <c>off</c> for no table at all.</summary>
    public string Mode { get; init; } = "auto";

    /// <summary>The protocol id, which tells one network from another: <c>/p2plearn/kad/1.0.0</c>, or <c>/ipfs/kad/1.0.0</c> for the public one.</summary>
    public string Protocol { get; init; } = KadOptions.OwnProtocol.Value;
}
