using Google.Protobuf;
using P2PLearn.Networking.Identity.Wire;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Identity;

/// <summary>A peer's own addresses, to be spread under its signature.</summary>
/// <remarks>
/// Source: libp2p RFC 0003, with the domain and the type that every implementation uses (the RFC's text has others). A record with a
/// higher <see cref="Seq"/> replaces the older one; the two are never merged. Immutable.
/// </remarks>
/// <param name="PeerId">Whose addresses these are.</param>
/// <param name="Seq">Only grows; Unix time serves.</param>
/// <param name="Addresses">Where the peer says it can be reached.</param>
public sealed record PeerRecord(PeerId PeerId, ulong Seq, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>Domain of the signature.</summary>
    public const string Domain = "libp2p-peer-record";

    /// <summary>Most addresses kept of a stranger's record, unless told otherwise; the rest is dropped.</summary>
    public const int DefaultMaxAddresses = 100;

    /// <summary>Payload type: the multicodec 0x0301 as two big-endian bytes, not as uvarint.</summary>
    public static ReadOnlySpan<byte> PayloadType => [0x03, 0x01];

    /// <summary>Signs this record, which must be the signer's own.</summary>
    /// <exception cref="ArgumentException">The record speaks of another peer.</exception>
    public SignedEnvelope Seal(KeyPair signer)
    {
        ArgumentNullException.ThrowIfNull(signer);
        if (signer.PeerId != PeerId)
        {
            throw new ArgumentException("a peer signs its own record only", nameof(signer));
        }

        var message = new PeerRecordMessage { PeerId = ByteString.CopyFrom(PeerId.Bytes), Seq = Seq };
        foreach (Multiaddr address in Addresses)
        {
            message.Addresses.Add(
                new PeerRecordMessage.Types.AddressInfo { Multiaddr = ByteString.CopyFrom(address.Bytes) });
        }

        return SignedEnvelope.Seal(signer, Domain, PayloadType, message.ToByteArray());
    }

    /// <summary>Opens a record from untrusted bytes and makes three checks.</summary>
    /// <remarks>
    /// The signature holds; the signer is the peer inside; the peer inside is <paramref name="sender"/>. Leaving out the third let
    /// strangers fill other stacks' peer stores with invented peers (CVE-2023-40583). Addresses with unknown codes are skipped.
    /// </remarks>
    /// <param name="bytes">The envelope.</param>
    /// <param name="sender">Who may send it: the authenticated remote.</param>
    /// <param name="maxBytes">Longest envelope opened.</param>
    /// <param name="maxAddresses">Most addresses kept.</param>
    /// <param name="record">The record when the result is <see cref="EnvelopeCheck.Valid"/>.</param>
    public static EnvelopeCheck TryOpen(
        ReadOnlySpan<byte> bytes, PeerId sender, int maxBytes, int maxAddresses, out PeerRecord? record)
    {
        record = null;
        EnvelopeCheck check = SignedEnvelope.TryOpen(bytes, Domain, PayloadType, maxBytes, out SignedEnvelope? envelope);
        if (envelope is null)
        {
            return check;
        }

        if (!BoundedProtobuf.TryParse(PeerRecordMessage.Parser, envelope.Payload, maxBytes, out PeerRecordMessage? message)
            || !PeerId.TryFromBytes(message.PeerId.Span, out PeerId? subject))
        {
            return EnvelopeCheck.Malformed;
        }

        if (subject != envelope.PublicKey.PeerId)
        {
            return EnvelopeCheck.NotTheSigner;
        }

        if (subject != sender)
        {
            return EnvelopeCheck.NotTheSender;
        }

        record = new PeerRecord(subject, message.Seq, ReadAddresses(message, maxAddresses));
        return EnvelopeCheck.Valid;
    }

    /// <inheritdoc cref="TryOpen(ReadOnlySpan{byte}, PeerId, int, int, out PeerRecord)"/>
    public static EnvelopeCheck TryOpen(ReadOnlySpan<byte> bytes, PeerId sender, out PeerRecord? record) =>
        TryOpen(bytes, sender, SignedEnvelope.DefaultMaxBytes, DefaultMaxAddresses, out record);

    private static List<Multiaddr> ReadAddresses(PeerRecordMessage message, int maxAddresses)
    {
        List<Multiaddr> addresses = [];
        foreach (PeerRecordMessage.Types.AddressInfo info in message.Addresses)
        {
            if (addresses.Count == maxAddresses)
            {
                break;
            }

            if (Multiaddr.TryFromBytes(info.Multiaddr.Span, out Multiaddr? address))
            {
                addresses.Add(address);
            }
        }

        return addresses;
    }
}
