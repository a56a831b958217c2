using System.Buffers;
using System.Text;
using Google.Protobuf;
using P2PLearn.Networking.Identity.Wire;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Identity;

/// <summary>What opening a signed envelope or record found.</summary>
public enum EnvelopeCheck
{
    /// <summary>Everything holds.</summary>
    Valid,

    /// <summary>More bytes than the limit.</summary>
    TooLarge,

    /// <summary>Not the format, or a field is missing.</summary>
    Malformed,

    /// <summary>Made for another use.</summary>
    WrongPayloadType,

    /// <summary>The signature does not hold, under this domain.</summary>
    BadSignature,

    /// <summary>Signed by a type of key that is not verified here.</summary>
    UnsupportedKeyType,

    /// <summary>The record inside speaks of a peer other than the signer.</summary>
    NotTheSigner,

    /// <summary>The record speaks of a peer other than the one that may send it.</summary>
    NotTheSender,

    /// <summary>The record is about a peer other than the one it was given to.</summary>
    NotTheSubject,
}

/// <summary>A payload with the key that signed it.</summary>
/// <remarks>
/// Source: libp2p RFC 0002. Signed are the domain, the payload type and the payload, each behind its length as uvarint, so that a
/// signature for one use cannot serve another. Immutable.
/// </remarks>
public sealed class SignedEnvelope
{
    /// <summary>Longest envelope opened, unless told otherwise.</summary>
    public const int DefaultMaxBytes = 64 * 1024;

    private readonly byte[] _payloadType;
    private readonly byte[] _payload;
    private readonly byte[] _signature;

    private SignedEnvelope(PublicKey publicKey, byte[] payloadType, byte[] payload, byte[] signature)
    {
        PublicKey = publicKey;
        _payloadType = payloadType;
        _payload = payload;
        _signature = signature;
    }

    /// <summary>Who signed.</summary>
    public PublicKey PublicKey { get; }

    /// <summary>What the payload is.</summary>
    public ReadOnlySpan<byte> PayloadType => _payloadType;

    /// <summary>What was signed.</summary>
    public ReadOnlySpan<byte> Payload => _payload;

    /// <summary>The signature.</summary>
    public ReadOnlySpan<byte> Signature => _signature;

    /// <summary>Signs a payload.</summary>
    /// <param name="signer">Signs; its public key goes into the envelope.</param>
    /// <param name="domain">The use, e.g. <c>libp2p-peer-record</c>.</param>
    /// <param name="payloadType">What the payload is, a few bytes.</param>
    /// <param name="payload">What to sign.</param>
    public static SignedEnvelope Seal(
        KeyPair signer, string domain, ReadOnlySpan<byte> payloadType, ReadOnlySpan<byte> payload)
    {
        ArgumentNullException.ThrowIfNull(signer);
        byte[] signature = signer.Sign(SignedBytes(domain, payloadType, payload));
        return new SignedEnvelope(signer.PublicKey, payloadType.ToArray(), payload.ToArray(), signature);
    }

    /// <summary>Opens an envelope from untrusted bytes: its type and its signature are checked.</summary>
    /// <returns><see cref="EnvelopeCheck.Valid"/> with the envelope, or the first thing wrong with it.</returns>
    public static EnvelopeCheck TryOpen(
        ReadOnlySpan<byte> bytes,
        string domain,
        ReadOnlySpan<byte> payloadType,
        int maxBytes,
        out SignedEnvelope? envelope)
    {
        envelope = null;
        EnvelopeCheck check = TryRead(bytes, maxBytes, out SignedEnvelope? read);
        if (read is null)
        {
            return check;
        }

        if (!read.PayloadType.SequenceEqual(payloadType))
        {
            return EnvelopeCheck.WrongPayloadType;
        }

        check = read.Verify(domain);
        envelope = check == EnvelopeCheck.Valid ? read : null;
        return check;
    }

    /// <summary>The protobuf form.</summary>
    public byte[] ToProtobuf() => new EnvelopeMessage
    {
        PublicKey = ByteString.CopyFrom(PublicKey.Protobuf),
        PayloadType = ByteString.CopyFrom(_payloadType),
        Payload = ByteString.CopyFrom(_payload),
        Signature = ByteString.CopyFrom(_signature),
    }.ToByteArray();

    private static EnvelopeCheck TryRead(ReadOnlySpan<byte> bytes, int maxBytes, out SignedEnvelope? envelope)
    {
        envelope = null;
        EndReason reason = BoundedProtobuf.Parse(EnvelopeMessage.Parser, bytes, maxBytes, out EnvelopeMessage? message);
        if (reason != EndReason.None)
        {
            return reason == EndReason.MessageTooLarge ? EnvelopeCheck.TooLarge : EnvelopeCheck.Malformed;
        }

        if (message is not { HasPublicKey: true, HasPayloadType: true, HasPayload: true, HasSignature: true }
            || !PublicKey.TryFromProtobuf(message.PublicKey.Span, out PublicKey? key))
        {
            return EnvelopeCheck.Malformed;
        }

        envelope = new SignedEnvelope(
            key, message.PayloadType.ToByteArray(), message.Payload.ToByteArray(), message.Signature.ToByteArray());
        return EnvelopeCheck.Valid;
    }

    private static byte[] SignedBytes(string domain, ReadOnlySpan<byte> payloadType, ReadOnlySpan<byte> payload)
    {
        var output = new ArrayBufferWriter<byte>(domain.Length + payloadType.Length + payload.Length + 16);
        WriteField(output, Encoding.UTF8.GetBytes(domain));
        WriteField(output, payloadType);
        WriteField(output, payload);
        return output.WrittenSpan.ToArray();
    }

    private static void WriteField(ArrayBufferWriter<byte> output, ReadOnlySpan<byte> field)
    {
        Uvarint.Write(output, (ulong)field.Length);
        output.Write(field);
    }

    private EnvelopeCheck Verify(string domain) =>
        PublicKey.Verify(SignedBytes(domain, _payloadType, _payload), _signature) switch
        {
            SignatureCheck.Valid => EnvelopeCheck.Valid,
            SignatureCheck.UnsupportedKeyType => EnvelopeCheck.UnsupportedKeyType,
            _ => EnvelopeCheck.BadSignature,
        };
}
