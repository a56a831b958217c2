namespace P2PLearn.Networking.Negotiation;

/// <summary>The name of a protocol as multistream-select negotiates it, e.g. <c>/ipfs/ping/1.0.0</c>.</summary>
/// <param name="Value">The exact string; starts with '/', at most <see cref="MaxBytes"/> bytes, no newline.</param>
public readonly record struct ProtocolId(string Value)
{
    /// <summary>Longest protocol name in UTF-8 bytes: multistream messages end at 1024 with their newline in go and js.</summary>
    public const int MaxBytes = 1023;

    /// <inheritdoc/>
    public override string ToString() => Value;
}
