using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Identify;

/// <summary>What a peer says of itself, merged from all messages of one exchange. Null means that it did not
/// say.</summary>
internal sealed record IdentifyRecord
{
    /// <summary>The public key as its protobuf message.</summary>
    public byte[]? PublicKey { get; init; }

    /// <summary>Where it listens, by its own unsigned word.</summary>
    public IReadOnlyList<Multiaddr>? ListenAddresses { get; init; }

    /// <summary>What it speaks.</summary>
    public IReadOnlyList<string>? Protocols { get; init; }

    /// <summary>The address it sees us at.</summary>
    public Multiaddr? ObservedAddress { get; init; }

    /// <summary>Its family of protocols.</summary>
    public string? ProtocolVersion { get; init; }

    /// <summary>Its program.</summary>
    public string? AgentVersion { get; init; }

    /// <summary>A signed envelope with its peer record.</summary>
    public byte[]? SignedPeerRecord { get; init; }
}
