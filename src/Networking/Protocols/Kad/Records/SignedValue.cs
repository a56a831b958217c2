using System.Diagnostics.CodeAnalysis;
using System.Text;
using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Wire;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>A value that its owner signed, with a number that grows and a time at which it ends.</summary>
/// <remarks>
/// Its key is <c>/p2plearn/(owner's peer id in base58)/(name)</c>; nobody but the owner can write there. On the wire a signed
/// envelope (libp2p RFC 0002) of domain <see cref="Domain"/>: docs/wire/kad.md.
/// </remarks>
/// <param name="Key">Where it stands.</param>
/// <param name="Sequence">The highest one wins.</param>
/// <param name="Issued">When it was signed; milliseconds count.</param>
/// <param name="Expires">When it ends; milliseconds count.</param>
/// <param name="Value">What the owner says.</param>
public sealed record SignedValue(
    ReadOnlyMemory<byte> Key, ulong Sequence, DateTimeOffset Issued, DateTimeOffset Expires, ReadOnlyMemory<byte> Value)
{
    /// <summary>Domain of the signature.</summary>
    public const string Domain = "p2plearn-dht-value";

    /// <summary>Most bytes of <see cref="Value"/>, so that the envelope around it stays below the limit of a value.</summary>
    public const int MaxValueBytes = 9 * 1024;

    private const string Prefix = "/p2plearn/";

    /// <summary>Payload type: the path of the format, as RFC 0002 proposes for types without a number.</summary>
    public static ReadOnlySpan<byte> PayloadType => "/p2plearn/dht-value/1"u8;

    /// <summary>The key of a value of an owner.</summary>
    /// <param name="owner">Who may write.</param>
    /// <param name="name">At least one byte, at most 128 in UTF-8.</param>
    public static byte[] KeyOf(PeerId owner, string name)
    {
        ArgumentNullException.ThrowIfNull(owner);
        ArgumentException.ThrowIfNullOrEmpty(name);
        byte[] key = Encoding.UTF8.GetBytes($"{Prefix}{owner}/{name}");
        ArgumentOutOfRangeException.ThrowIfGreaterThan(key.Length, KadLimits.MaxKeyBytes, nameof(name));
        return key;
    }

    /// <summary>Who may write under a key.</summary>
    /// <returns>False when it is not in the form of <see cref="KeyOf"/>.</returns>
    public static bool TryGetOwner(ReadOnlySpan<byte> key, [NotNullWhen(true)] out PeerId? owner)
    {
        owner = null;
        if (key.Length > KadLimits.MaxKeyBytes || !key.StartsWith("/p2plearn/"u8))
        {
            return false;
        }

        ReadOnlySpan<byte> rest = key[Prefix.Length..];
        int slash = rest.IndexOf((byte)'/');

        // One spelling for each owner: a second one would be a second key.
        return slash > 0
            && slash < rest.Length - 1
            && PeerId.TryParse(Encoding.UTF8.GetString(rest[..slash]), out owner)
            && rest[..slash].SequenceEqual(Encoding.UTF8.GetBytes(owner.ToString()));
    }

    /// <summary>Signs it.</summary>
    /// <exception cref="ArgumentException">The key is not the signer's, or the value is too long.</exception>
    public byte[] Seal(KeyPair owner)
    {
        ArgumentNullException.ThrowIfNull(owner);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(Value.Length, MaxValueBytes, nameof(Value));
        if (!TryGetOwner(Key.Span, out PeerId? allowed) || allowed != owner.PeerId)
        {
            throw new ArgumentException("the key belongs to somebody else", nameof(owner));
        }

        var wire = new SignedValueWire
        {
            Key = ByteString.CopyFrom(Key.Span),
            Sequence = Sequence,
            IssuedMs = Issued.ToUnixTimeMilliseconds(),
            ExpiresMs = Expires.ToUnixTimeMilliseconds(),
            Value = ByteString.CopyFrom(Value.Span),
        };
        return SignedEnvelope.Seal(owner, Domain, PayloadType, wire.ToByteArray()).ToProtobuf();
    }

    /// <summary>Opens untrusted bytes: format, signature, and that the signer is the owner of the key inside and that this is
    /// the key it came under. The times are not looked at.</summary>
    public static RecordCheck TryOpen(ReadOnlySpan<byte> key, ReadOnlySpan<byte> bytes, out SignedValue? value)
    {
        value = null;
        if (!TryGetOwner(key, out PeerId? owner))
        {
            return RecordCheck.Malformed;
        }

        EnvelopeCheck check = SignedEnvelope.TryOpen(
            bytes, Domain, PayloadType, KadLimits.MaxValueBytes, out SignedEnvelope? envelope);
        if (envelope is null)
        {
            return check is EnvelopeCheck.BadSignature ? RecordCheck.BadSignature : RecordCheck.Malformed;
        }

        if (envelope.PublicKey.PeerId != owner)
        {
            return RecordCheck.WrongKey;
        }

        if (!BoundedProtobuf.TryParse(
            SignedValueWire.Parser, envelope.Payload, KadLimits.MaxValueBytes, out SignedValueWire? wire)
            || !IsTime(wire.IssuedMs) || !IsTime(wire.ExpiresMs))
        {
            return RecordCheck.Malformed;
        }

        if (!wire.Key.Span.SequenceEqual(key))
        {
            return RecordCheck.WrongKey;
        }

        value = new SignedValue(
            wire.Key.Memory,
            wire.Sequence,
            DateTimeOffset.FromUnixTimeMilliseconds(wire.IssuedMs),
            DateTimeOffset.FromUnixTimeMilliseconds(wire.ExpiresMs),
            wire.Value.Memory);
        return RecordCheck.Valid;
    }

    private static bool IsTime(long milliseconds) =>
        milliseconds >= 0 && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();
}
