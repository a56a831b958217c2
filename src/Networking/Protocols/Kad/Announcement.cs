using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Something of this node's own that the DHT is told of again and again.</summary>
/// <param name="Key">A record's key, or a multihash.</param>
/// <param name="Value">The value; null for a provider.</param>
internal sealed record Announcement(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte>? Value)
{
    /// <summary>The key as a multihash, for a provider.</summary>
    public Multihash Multihash => Multihash.TryFromBytes(Key.Span, out Multihash? multihash)
        ? multihash
        : throw new InvalidOperationException("a value has no multihash");
}
