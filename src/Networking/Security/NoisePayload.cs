using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Security.Wire;

namespace P2PLearn.Networking.Security;

/// <summary>What a side says of itself in its encrypted handshake message: its identity, and the muxers it speaks.</summary>
/// <remarks>Source: libp2p specs, noise, The libp2p Handshake Payload.</remarks>
/// <param name="IdentityKey">The identity that signed this session's static key.</param>
/// <param name="Muxers">Muxers in the sender's order; empty when it offers none early.</param>
internal sealed record NoisePayload(PublicKey IdentityKey, IReadOnlyList<string> Muxers)
{
    private static ReadOnlySpan<byte> SignaturePrefix => "noise-libp2p-static-key:"u8;

    public static byte[] Create(KeyPair identity, ReadOnlySpan<byte> staticKey, IReadOnlyList<string> muxers)
    {
        var message = new NoiseHandshakePayload
        {
            IdentityKey = ByteString.CopyFrom(identity.PublicKey.Protobuf),
            IdentitySig = ByteString.CopyFrom(identity.Sign([.. SignaturePrefix, .. staticKey])),
        };
        if (muxers.Count > 0)
        {
            message.Extensions = new NoiseExtensions { StreamMuxers = { muxers } };
        }

        return message.ToByteArray();
    }

    /// <summary>Reads and proves a payload.</summary>
    /// <param name="bytes">The decrypted payload.</param>
    /// <param name="staticKey">The static key that this session's handshake proved.</param>
    /// <param name="payload">The payload when the result is <see cref="EndReason.None"/>.</param>
    public static EndReason Read(ReadOnlySpan<byte> bytes, ReadOnlySpan<byte> staticKey, out NoisePayload? payload)
    {
        payload = null;
        if (!BoundedProtobuf.TryParse(NoiseHandshakePayload.Parser, bytes, bytes.Length, out NoiseHandshakePayload? message)
            || !PublicKey.TryFromProtobuf(message.IdentityKey.Span, out PublicKey? identity))
        {
            return EndReason.MalformedMessage;
        }

        byte[] signed = [.. SignaturePrefix, .. staticKey];
        if (identity.Verify(signed, message.IdentitySig.Span) != SignatureCheck.Valid)
        {
            return EndReason.AuthenticationFailed;
        }

        payload = new NoisePayload(identity, message.Extensions?.StreamMuxers.ToArray() ?? []);
        return EndReason.None;
    }
}
