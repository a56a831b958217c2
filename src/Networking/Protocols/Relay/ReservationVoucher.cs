using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay.Wire;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>A relay's signed word that a peer holds a slot on it.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, "Reservation vouchers"; RFC 0002 for the envelope. Immutable.</remarks>
/// <param name="Relay">Who gives the slot, and signs.</param>
/// <param name="Peer">Who holds it.</param>
/// <param name="Expires">Until when, in whole seconds.</param>
internal sealed record ReservationVoucher(PeerId Relay, PeerId Peer, DateTimeOffset Expires)
{
    /// <summary>Domain of the signature.</summary>
    public const string Domain = "libp2p-relay-rsvp";

    /// <summary>Longest voucher opened: two ids, a key and a signature of RSA are far below it.</summary>
    public const int MaxBytes = 2048;

    private static readonly ulong LastUnixSecond = (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>Payload type: the multicodec 0x0302 as two big-endian bytes, not as uvarint.</summary>
    public static ReadOnlySpan<byte> PayloadType => [0x03, 0x02];

    /// <summary>Signs this voucher, which must be the signer's own.</summary>
    /// <exception cref="ArgumentException">The voucher is another relay's.</exception>
    public SignedEnvelope Seal(KeyPair signer)
    {
        ArgumentNullException.ThrowIfNull(signer);
        if (signer.PeerId != Relay)
        {
            throw new ArgumentException("a relay signs its own vouchers only", nameof(signer));
        }

        var wire = new VoucherWire
        {
            Relay = ByteString.CopyFrom(Relay.Bytes),
            Peer = ByteString.CopyFrom(Peer.Bytes),
            Expiration = (ulong)Math.Max(0, Expires.ToUnixTimeSeconds()),
        };
        return SignedEnvelope.Seal(signer, Domain, PayloadType, wire.ToByteArray());
    }

    /// <summary>Opens a voucher from untrusted bytes.</summary>
    /// <remarks>The signature holds; the signer is the relay inside; that relay is the one that gave it; the peer inside is the
    /// one it was given to.</remarks>
    /// <param name="bytes">The envelope.</param>
    /// <param name="relay">Who gave it.</param>
    /// <param name="peer">Whom it was given to.</param>
    /// <param name="voucher">The voucher when the result is <see cref="EnvelopeCheck.Valid"/>.</param>
    public static EnvelopeCheck TryOpen(
        ReadOnlySpan<byte> bytes, PeerId relay, PeerId peer, out ReservationVoucher? voucher)
    {
        voucher = null;
        EnvelopeCheck check = SignedEnvelope.TryOpen(bytes, Domain, PayloadType, MaxBytes, out SignedEnvelope? envelope);
        if (envelope is null)
        {
            return check;
        }

        if (!BoundedProtobuf.TryParse(VoucherWire.Parser, envelope.Payload, MaxBytes, out VoucherWire? wire)
            || !wire.HasExpiration
            || !PeerId.TryFromBytes(wire.Relay.Span, out PeerId? signer)
            || !PeerId.TryFromBytes(wire.Peer.Span, out PeerId? holder))
        {
            return EnvelopeCheck.Malformed;
        }

        check = Check(envelope.PublicKey.PeerId, signer, relay, holder, peer);
        if (check == EnvelopeCheck.Valid)
        {
            ulong expires = Math.Min(wire.Expiration, LastUnixSecond);
            voucher = new ReservationVoucher(signer, holder, DateTimeOffset.FromUnixTimeSeconds((long)expires));
        }

        return check;
    }

    private static EnvelopeCheck Check(PeerId key, PeerId signer, PeerId relay, PeerId holder, PeerId peer)
    {
        if (signer != key)
        {
            return EnvelopeCheck.NotTheSigner;
        }

        if (signer != relay)
        {
            return EnvelopeCheck.NotTheSender;
        }

        return holder == peer ? EnvelopeCheck.Valid : EnvelopeCheck.NotTheSubject;
    }
}
