namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>The rules of one namespace of values.</summary>
/// <remarks>Source: libp2p specs, kad-dht, "Entry validation". Pure and safe for several threads; both methods get bytes of
/// strangers, and must not throw for them.</remarks>
public interface IRecordValidator
{
    /// <summary>The word between the first two slashes of its keys.</summary>
    string Namespace { get; }

    /// <summary>Whether a value may stand under a key now.</summary>
    /// <param name="key">The whole key, namespace included.</param>
    /// <param name="value">The value.</param>
    /// <param name="now">The time.</param>
    RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now);

    /// <summary>Which of two valid values of a key is better; everybody must come to the same answer.</summary>
    /// <returns>Above 0 when <paramref name="left"/> is, below 0 when <paramref name="right"/> is, 0 when they are the same.</returns>
    int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right);
}
