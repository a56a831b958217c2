using CsCheck;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayCodecTests
{
    private static readonly DateTimeOffset Expires = DateTimeOffset.FromUnixTimeSeconds(1_800_000_000);
    private static readonly Multiaddr Address = Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001");

    private static readonly HopMessage Granted = HopMessage.Answer(RelayStatusCode.Ok) with
    {
        Reservation = new ReservationGrant(Expires, [Address.WithPeerId(TestPeers.Id(1))], new byte[] { 1, 2, 3 }),
        Limit = new LinkLimit(TimeSpan.FromMinutes(2), 131072),
    };

    [Fact]
    public void The_types_that_are_zero_are_written_all_the_same()
    {
        Assert.Equal([0x08, 0x00], RelayCodec.Encode(HopMessage.Reserve));
        Assert.Equal([0x08, 0x00], RelayCodec.Encode(StopMessage.Connect(TestPeers.Id(1), null))[..2]);
    }

    [Fact]
    public void Golden_bytes()
    {
        Assert.Equal("080228cc01", Convert.ToHexStringLower(RelayCodec.Encode(HopMessage.Answer(RelayStatusCode.NoReservation))));
        Assert.Equal("08012064", Convert.ToHexStringLower(RelayCodec.Encode(StopMessage.Answer(RelayStatusCode.Ok))));
        string id = Convert.ToHexStringLower(TestPeers.Id(1).Bytes);
        Assert.Equal("080112280a26" + id, Convert.ToHexStringLower(RelayCodec.Encode(HopMessage.Connect(TestPeers.Id(1)))));
        Assert.Equal(
            "080012280a26" + id + "1a06087810808008",
            Convert.ToHexStringLower(RelayCodec.Encode(
                StopMessage.Connect(TestPeers.Id(1), new LinkLimit(TimeSpan.FromSeconds(120), 131072)))));
    }

    [Fact]
    public void Hop_messages_come_back()
    {
        AssertBack(HopMessage.Reserve);
        AssertBack(HopMessage.Answer(RelayStatusCode.PermissionDenied));
        HopMessage connect = Back(HopMessage.Connect(TestPeers.Id(3)));
        Assert.Equal((HopMessageType.Connect, TestPeers.Id(3)), (connect.Type, connect.Peer?.Id));
        HopMessage granted = Back(Granted);
        Assert.Equal((RelayStatusCode.Ok, Granted.Limit), (granted.Status, granted.Limit));
        Assert.Equal(Expires, granted.Reservation!.Expires);
        Assert.Equal(Granted.Reservation!.Addresses, granted.Reservation.Addresses);
        Assert.Equal([1, 2, 3], granted.Reservation.Voucher!.Value.ToArray());
    }

    [Fact]
    public void Stop_messages_come_back()
    {
        var limit = new LinkLimit(null, 7);
        Assert.Equal(EndReason.None, RelayCodec.Decode(
            RelayCodec.Encode(StopMessage.Connect(TestPeers.Id(2), limit)), out StopMessage? connect));
        Assert.Equal((TestPeers.Id(2), limit), (connect!.Peer!.Id, connect.Limit));
        Assert.Equal(EndReason.None, RelayCodec.Decode(
            RelayCodec.Encode(StopMessage.Answer(RelayStatusCode.ConnectionFailed)), out StopMessage? answer));
        Assert.Equal(StopMessage.Answer(RelayStatusCode.ConnectionFailed), answer);
    }

    [Fact]
    public void No_limit_is_absent_and_zeros_mean_none()
    {
        HopMessage message = HopMessage.Answer(RelayStatusCode.Ok) with { Limit = new LinkLimit(null, null) };
        Assert.Equal(RelayCodec.Encode(HopMessage.Answer(RelayStatusCode.Ok)), RelayCodec.Encode(message));
        Assert.Equal(EndReason.None, RelayCodec.Decode([0x08, 0x02, 0x22, 0x04, 0x08, 0x00, 0x10, 0x00], out HopMessage? zeros));
        Assert.Null(zeros!.Limit);
    }

    [Fact]
    public void A_limit_below_a_second_does_not_become_no_limit()
    {
        HopMessage message = HopMessage.Answer(RelayStatusCode.Ok) with { Limit = new LinkLimit(TimeSpan.FromMilliseconds(3), 0) };
        Assert.Equal(new LinkLimit(TimeSpan.FromSeconds(1), 1), Back(message).Limit);
    }

    [Fact]
    public void Numbers_beyond_our_types_are_cut_to_them()
    {
        byte[] most = [0x08, 0x02, 0x1a, 0x0b, 0x08, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1,
            0x22, 0x0b, 0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        Assert.Equal(EndReason.None, RelayCodec.Decode(most, out HopMessage? message));
        Assert.Equal(9999, message!.Reservation!.Expires.Year);
        Assert.Equal(long.MaxValue, message.Limit!.Bytes);
    }

    [Fact]
    public void Unknown_status_numbers_are_kept()
    {
        Assert.Equal(EndReason.None, RelayCodec.Decode([0x08, 0x02, 0x28, 0xcd, 0x01], out HopMessage? message));
        Assert.Equal(205, (int)message!.Status);
    }

    [Theory]
    [InlineData("")] // no type
    [InlineData("0803")] // an unknown type
    [InlineData("080112030a0101")] // a peer id that is none
    [InlineData("08011200")] // a peer without id
    [InlineData("08021a00")] // a reservation without its end
    [InlineData("ff")]
    public void Malformed_hop_messages_are_values(string hex)
    {
        Assert.Equal(EndReason.MalformedMessage, RelayCodec.Decode(Convert.FromHexString(hex), out HopMessage? message));
        Assert.Null(message);
    }

    [Fact]
    public void Messages_beyond_the_limit_are_not_parsed()
    {
        Assert.Equal(EndReason.MessageTooLarge, RelayCodec.Decode(new byte[RelayCodec.MaxMessageBytes + 1], out HopMessage? _));
        Assert.Equal(EndReason.MessageTooLarge, RelayCodec.Decode(new byte[RelayCodec.MaxMessageBytes + 1], out StopMessage? _));
    }

    [Fact]
    public void Only_so_many_addresses_are_taken_and_unknown_ones_skipped()
    {
        var grant = new ReservationGrant(Expires, [.. Enumerable.Repeat(Address, 200)], null);
        HopMessage message = Back(HopMessage.Answer(RelayStatusCode.Ok) with { Reservation = grant });
        Assert.Equal(RelayCodec.MaxAddresses, message.Reservation!.Addresses.Count);
        byte[] unknown = [0x08, 0x02, 0x1a, 0x06, 0x08, 0x01, 0x12, 0x02, 0x7f, 0x7f];
        Assert.Equal(EndReason.None, RelayCodec.Decode(unknown, out HopMessage? skipped));
        Assert.Empty(skipped!.Reservation!.Addresses);
    }

    [Fact]
    public void Hostile_bytes_never_throw() =>
        Hostile.Bytes(
            RelayCodec.Encode(Granted),
            RelayCodec.Encode(HopMessage.Connect(TestPeers.Id(1))),
            RelayCodec.Encode(StopMessage.Connect(TestPeers.Id(1), Granted.Limit))).Sample(
            bytes =>
            {
                EndReason hop = RelayCodec.Decode(bytes, out HopMessage? one);
                EndReason stop = RelayCodec.Decode(bytes, out StopMessage? two);
                return hop == EndReason.None == (one is not null) && stop == EndReason.None == (two is not null);
            },
            iter: 5000);

    [Fact]
    public async Task Messages_are_read_from_a_stream()
    {
        using var stream = new MemoryStream();
        await FramedWriter.WriteAsync(stream, RelayCodec.Encode(HopMessage.Reserve), CancellationToken.None);
        await FramedWriter.WriteAsync(
            stream, RelayCodec.Encode(StopMessage.Answer(RelayStatusCode.Ok)), CancellationToken.None);
        stream.WriteByte(1);
        stream.WriteByte(0xff);
        stream.Position = 0;
        using var reader = new FramedReader(stream, RelayCodec.MaxMessageBytes);
        Assert.Equal(HopMessage.Reserve, await RelayCodec.ReadHopAsync(reader, CancellationToken.None));
        Assert.Equal(RelayStatusCode.Ok, (await RelayCodec.ReadStopAsync(reader, CancellationToken.None)).Status);
        var violation = await Assert.ThrowsAsync<ProtocolViolationException>(
            () => RelayCodec.ReadHopAsync(reader, CancellationToken.None).AsTask());
        Assert.Equal(EndReason.MalformedMessage, violation.Reason);
        await Assert.ThrowsAsync<EndOfStreamException>(
            () => RelayCodec.ReadHopAsync(reader, CancellationToken.None).AsTask());
    }

    private static void AssertBack(HopMessage message) => Assert.Equal(message, Back(message));

    private static HopMessage Back(HopMessage message)
    {
        Assert.Equal(EndReason.None, RelayCodec.Decode(RelayCodec.Encode(message), out HopMessage? back));
        return back!;
    }
}
