using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class ReservationVoucherTests : IDisposable
{
    private static readonly DateTimeOffset Expires = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private readonly KeyPair _relay = TestPeers.Key(1);
    private readonly KeyPair _mallory = TestPeers.Key(9);

    private byte[] Sealed => new ReservationVoucher(_relay.PeerId, TestPeers.Id(2), Expires).Seal(_relay).ToProtobuf();

    public void Dispose()
    {
        _relay.Dispose();
        _mallory.Dispose();
    }

    [Fact]
    public void A_voucher_opens_for_its_holder()
    {
        Assert.Equal(
            EnvelopeCheck.Valid,
            ReservationVoucher.TryOpen(Sealed, _relay.PeerId, TestPeers.Id(2), out ReservationVoucher? voucher));
        Assert.Equal(new ReservationVoucher(_relay.PeerId, TestPeers.Id(2), Expires), voucher);
    }

    [Fact]
    public void The_envelope_has_the_domain_and_type_that_all_implementations_use()
    {
        Assert.Equal(
            EnvelopeCheck.Valid,
            SignedEnvelope.TryOpen(Sealed, "libp2p-relay-rsvp", [0x03, 0x02], 2048, out SignedEnvelope? envelope));
        string relay = Convert.ToHexStringLower(_relay.PeerId.Bytes);
        string peer = Convert.ToHexStringLower(TestPeers.Id(2).Bytes);
        Assert.Equal($"0a26{relay}1226{peer}1880a4a7da06", Convert.ToHexStringLower(envelope!.Payload));
    }

    [Fact]
    public void A_voucher_of_another_relay_is_refused() =>
        Refused(EnvelopeCheck.NotTheSender, Sealed, TestPeers.Id(5), TestPeers.Id(2));

    [Fact]
    public void A_voucher_for_another_peer_is_refused() =>
        Refused(EnvelopeCheck.NotTheSubject, Sealed, _relay.PeerId, TestPeers.Id(3));

    [Fact]
    public void A_voucher_that_speaks_for_another_relay_is_refused()
    {
        byte[] payload = [.. SignedEnvelope.TryOpen(
            Sealed, ReservationVoucher.Domain, ReservationVoucher.PayloadType, 2048, out SignedEnvelope? e) is EnvelopeCheck.Valid
            ? e!.Payload : []];
        byte[] forged = SignedEnvelope.Seal(
            _mallory, ReservationVoucher.Domain, ReservationVoucher.PayloadType, payload).ToProtobuf();
        Refused(EnvelopeCheck.NotTheSigner, forged, _relay.PeerId, TestPeers.Id(2));
        Assert.Throws<ArgumentException>(() => new ReservationVoucher(_relay.PeerId, TestPeers.Id(2), Expires).Seal(_mallory));
    }

    [Fact]
    public void A_signature_for_another_use_does_not_hold()
    {
        byte[] record = SignedEnvelope.Seal(_relay, PeerRecord.Domain, ReservationVoucher.PayloadType, [1]).ToProtobuf();
        Refused(EnvelopeCheck.BadSignature, record, _relay.PeerId, TestPeers.Id(2));
        byte[] empty = SignedEnvelope.Seal(_relay, ReservationVoucher.Domain, ReservationVoucher.PayloadType, []).ToProtobuf();
        Refused(EnvelopeCheck.Malformed, empty, _relay.PeerId, TestPeers.Id(2));
        Refused(EnvelopeCheck.TooLarge, new byte[ReservationVoucher.MaxBytes + 1], _relay.PeerId, TestPeers.Id(2));
    }

    [Fact]
    public void Hostile_bytes_never_open() =>
        Hostile.Bytes(Sealed).Sample(
            bytes => ReservationVoucher.TryOpen(bytes, _relay.PeerId, TestPeers.Id(2), out ReservationVoucher? voucher)
                == EnvelopeCheck.Valid == (voucher is not null),
            iter: 500);

    private static void Refused(EnvelopeCheck expected, byte[] bytes, PeerId relay, PeerId peer)
    {
        Assert.Equal(expected, ReservationVoucher.TryOpen(bytes, relay, peer, out ReservationVoucher? voucher));
        Assert.Null(voucher);
    }
}
