using CsCheck;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

public class DcutrMessageTests
{
    [Fact]
    public void The_bytes_are_those_of_the_spec()
    {
        Assert.Equal("08ac02", Convert.ToHexStringLower(DcutrMessage.Sync.ToProtobuf()));
        Assert.Equal(
            "086412080401020304060fa1",
            Convert.ToHexStringLower(DcutrMessage.Connect([Multiaddr.Parse("/ip4/1.2.3.4/tcp/4001")]).ToProtobuf()));
    }

    [Fact]
    public void What_is_written_is_read() => Gen.Int[0, 255].Array[0, 8].Sample(bytes =>
    {
        Multiaddr[] addresses = [.. bytes.Select(b => Multiaddr.Parse($"/ip4/11.0.0.{b}/tcp/{b + 1}"))];
        DcutrMessage read = DcutrMessage.Parse(DcutrMessage.Connect(addresses).ToProtobuf(), DcutrMessageKind.Connect);
        Assert.Equal(addresses, read.Addresses);
    });

    [Fact]
    public void Any_bytes_give_a_message_or_a_violation() => Gen.Byte.Array[0, 300].Sample(bytes =>
    {
        try
        {
            DcutrMessage.Parse(bytes, DcutrMessageKind.Connect);
        }
        catch (ProtocolViolationException violation)
        {
            Assert.Equal(ViolationScope.Stream, violation.Scope);
        }
    });

    [Fact]
    public void Messages_out_of_their_turn_or_without_a_kind_are_refused()
    {
        Assert.Equal(EndReason.UnexpectedMessage, ReasonOf(DcutrMessage.Sync.ToProtobuf(), DcutrMessageKind.Connect));
        Assert.Equal(EndReason.UnexpectedMessage, ReasonOf(DcutrMessage.Connect([]).ToProtobuf(), DcutrMessageKind.Sync));
        Assert.Equal(EndReason.MalformedMessage, ReasonOf([], DcutrMessageKind.Sync));
        Assert.Equal(EndReason.UnexpectedMessage, ReasonOf([0x08, 0xc8, 0x01], DcutrMessageKind.Sync)); // kind 200
        Assert.Equal(EndReason.MessageTooLarge, ReasonOf(new byte[DcutrOptions.MaxMessageBytes + 1], DcutrMessageKind.Sync));
    }

    [Fact]
    public void Unreadable_addresses_are_skipped_and_too_many_left_unread()
    {
        byte[] good = [0x12, 0x08, 0x04, 1, 2, 3, 4, 0x06, 0x0f, 0xa1];
        byte[] bytes = [0x08, 0x64, 0x12, 0x02, 0xff, 0xff, .. Enumerable.Repeat(good, 200).SelectMany(g => g)];
        Assert.Equal(DcutrMessage.MaxAddressesRead - 1, DcutrMessage.Parse(bytes, DcutrMessageKind.Connect).Addresses.Count);
    }

    [Fact]
    public void More_addresses_than_fit_are_left_out()
    {
        Multiaddr[] many = [.. Enumerable.Range(0, 1000).Select(i => Multiaddr.Parse($"/ip4/11.0.{i / 250}.{i % 250}/tcp/1"))];
        byte[] bytes = DcutrMessage.Connect(many).ToProtobuf();
        Assert.InRange(bytes.Length, DcutrOptions.MaxMessageBytes - 20, DcutrOptions.MaxMessageBytes);
    }

    private static EndReason ReasonOf(byte[] bytes, DcutrMessageKind expected) =>
        Assert.Throws<ProtocolViolationException>(() => DcutrMessage.Parse(bytes, expected)).Reason;
}
