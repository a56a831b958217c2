namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>A value under its key.</summary>
/// <param name="Key">The whole key, <c>/namespace/…</c>.</param>
/// <param name="Value">What a validator of the namespace understands.</param>
/// <param name="Received">When the holder got it; null when it did not say.</param>
public sealed record ValueRecord(ReadOnlyMemory<byte> Key, ReadOnlyMemory<byte> Value, DateTimeOffset? Received);
