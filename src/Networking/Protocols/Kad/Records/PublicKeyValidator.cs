using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Public keys under <c>/pk/(peer id bytes)</c>: the peer id must be that of the key.</summary>
/// <remarks>Source: libp2p specs, kad-dht, "Value routing".</remarks>
public sealed class PublicKeyValidator : IRecordValidator
{
    /// <inheritdoc/>
    public string Namespace => "pk";

    /// <inheritdoc/>
    public RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now)
    {
        if (!key.StartsWith("/pk/"u8)
            || !PeerId.TryFromBytes(key[4..], out PeerId? peer)
            || !PublicKey.TryFromProtobuf(value, out PublicKey? publicKey))
        {
            return RecordCheck.Malformed;
        }

        return publicKey.PeerId == peer ? RecordCheck.Valid : RecordCheck.WrongKey;
    }

    /// <inheritdoc/>
    public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
        left.SequenceCompareTo(right); // one peer id has one key; only its encoding could differ
}
