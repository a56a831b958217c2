using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Identity.Wire;
using P2PLearn.Networking.Multiformats;
using CsCheck;

namespace P2PLearn.Networking.Tests.Identity;

public sealed class PeerRecordTests : IDisposable
{
    private readonly KeyPair _alice = KeyPair.FromSeed([.. Enumerable.Repeat((byte)1, 32)]);
    private readonly KeyPair _mallory = KeyPair.FromSeed([.. Enumerable.Repeat((byte)2, 32)]);

    public void Dispose()
    {
        _alice.Dispose();
        _mallory.Dispose();
    }

    [Fact]
    public void A_peers_own_record_opens()
    {
        PeerRecord record = Record(_alice.PeerId, 3);
        Assert.Equal(EnvelopeCheck.Valid, PeerRecord.TryOpen(record.Seal(_alice).ToProtobuf(), _alice.PeerId, out PeerRecord? read));
        Assert.Equal(record.Seq, read!.Seq);
        Assert.Equal(record.Addresses, read.Addresses);
    }

    [Fact]
    public void A_valid_record_of_somebody_else_is_refused()
    {
        // CVE-2023-40583: correctly signed records of invented peers filled the peer store.
        byte[] foreign = Record(_alice.PeerId, 1).Seal(_alice).ToProtobuf();
        Assert.Equal(EnvelopeCheck.NotTheSender, PeerRecord.TryOpen(foreign, _mallory.PeerId, out PeerRecord? record));
        Assert.Null(record);
    }

    [Fact]
    public void A_record_about_another_peer_than_its_signer_is_refused()
    {
        byte[] payload = Payload(_alice.PeerId, 1);
        byte[] forged = SignedEnvelope.Seal(_mallory, PeerRecord.Domain, PeerRecord.PayloadType, payload).ToProtobuf();
        Assert.Equal(EnvelopeCheck.NotTheSigner, PeerRecord.TryOpen(forged, _alice.PeerId, out _));
        Assert.Throws<ArgumentException>(() => Record(_alice.PeerId, 1).Seal(_mallory));
    }

    [Fact]
    public void A_signature_under_another_domain_or_type_is_refused()
    {
        byte[] payload = Payload(_alice.PeerId, 1);
        byte[] otherDomain = SignedEnvelope.Seal(_alice, "libp2p-relay-rsvp", PeerRecord.PayloadType, payload).ToProtobuf();
        Assert.Equal(EnvelopeCheck.BadSignature, PeerRecord.TryOpen(otherDomain, _alice.PeerId, out _));
        byte[] otherType = SignedEnvelope.Seal(_alice, PeerRecord.Domain, [3, 2], payload).ToProtobuf();
        Assert.Equal(EnvelopeCheck.WrongPayloadType, PeerRecord.TryOpen(otherType, _alice.PeerId, out _));
    }

    [Fact]
    public void A_key_type_that_we_do_not_verify_is_refused_as_such()
    {
        byte[] secp = TestVectors.Entries("keys").First(entry => entry.Text("type") == "secp256k1").Hex("publicKeyProtobuf");
        var message = new EnvelopeMessage
        {
            PublicKey = ByteString.CopyFrom(secp),
            PayloadType = ByteString.CopyFrom(PeerRecord.PayloadType),
            Payload = ByteString.CopyFrom(Payload(_alice.PeerId, 1)),
            Signature = ByteString.CopyFrom(new byte[70]),
        };
        Assert.Equal(EnvelopeCheck.UnsupportedKeyType, PeerRecord.TryOpen(message.ToByteArray(), _alice.PeerId, out _));
    }

    [Fact]
    public void An_envelope_beyond_the_limit_is_refused_before_it_is_parsed()
    {
        byte[] bytes = Record(_alice.PeerId, 1).Seal(_alice).ToProtobuf();
        Assert.Equal(
            EnvelopeCheck.TooLarge, PeerRecord.TryOpen(bytes, _alice.PeerId, bytes.Length - 1, 100, out _));
        Assert.Equal(EnvelopeCheck.Valid, PeerRecord.TryOpen(bytes, _alice.PeerId, bytes.Length, 100, out _));
    }

    [Fact]
    public void Addresses_are_capped_and_unreadable_ones_skipped()
    {
        var message = new PeerRecordMessage { PeerId = ByteString.CopyFrom(_alice.PeerId.Bytes), Seq = 1 };
        message.Addresses.Add(new PeerRecordMessage.Types.AddressInfo { Multiaddr = ByteString.CopyFrom([0xcc, 0x03]) });
        message.Addresses.Add(new PeerRecordMessage.Types.AddressInfo());
        for (int port = 1; port <= 20; port++)
        {
            byte[] address = Multiaddr.Parse($"/ip4/1.2.3.4/tcp/{port}").Bytes.ToArray();
            message.Addresses.Add(new PeerRecordMessage.Types.AddressInfo { Multiaddr = ByteString.CopyFrom(address) });
        }

        byte[] bytes = SignedEnvelope.Seal(_alice, PeerRecord.Domain, PeerRecord.PayloadType, message.ToByteArray()).ToProtobuf();
        Assert.Equal(EnvelopeCheck.Valid, PeerRecord.TryOpen(bytes, _alice.PeerId, 65536, 5, out PeerRecord? record));
        Assert.Equal(5, record!.Addresses.Count);
        Assert.Equal("/ip4/1.2.3.4/tcp/1", record.Addresses[0].ToString());
    }

    [Fact]
    public void Hostile_bytes_never_open_and_never_throw()
    {
        byte[] valid = Record(_alice.PeerId, 5).Seal(_alice).ToProtobuf();
        Hostile.Bytes(valid).Sample(bytes =>
        {
            EnvelopeCheck check = PeerRecord.TryOpen(bytes, _alice.PeerId, out PeerRecord? record);
            Assert.Equal(check == EnvelopeCheck.Valid, record is not null);
            if (record is not null)
            {
                Assert.Equal(5ul, record.Seq); // the same record, with unknown fields around it at most
            }
        }, iter: 1000);
    }

    private static PeerRecord Record(PeerId peer, ulong seq) =>
        new(peer, seq, [Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001"), Multiaddr.Parse("/dns4/example.org/tcp/1")]);

    private static byte[] Payload(PeerId peer, ulong seq) =>
        new PeerRecordMessage { PeerId = ByteString.CopyFrom(peer.Bytes), Seq = seq }.ToByteArray();
}
