using System.Net;
using CsCheck;
using P2PLearn.Networking.Nat.PortMapping.NatPmp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping.NatPmp;

/// <summary>RFC 6886, 3.2 to 3.5: golden bytes, and what is no answer.</summary>
public sealed class NatPmpCodecTests
{
    private static readonly byte[] Address = Convert.FromHexString("00800000" + "00000e10" + "0b4d4315");
    private static readonly byte[] Map = Convert.FromHexString("00820000" + "00000e10" + "0fa1" + "0fa2" + "00001c20");

    [Fact]
    public void Requests_have_the_bytes_of_the_RFC()
    {
        Assert.Equal("0000", Convert.ToHexString(NatPmpCodec.WriteExternalAddress()));
        Assert.Equal("000200000FA10FA200001C20", Convert.ToHexString(NatPmpCodec.WriteMap(4001, 4002, 7200)));
    }

    [Fact]
    public void The_answers_are_read()
    {
        Assert.True(NatPmpCodec.TryReadExternalAddress(Address, out NatPmpAnswer address));
        Assert.Equal(new NatPmpAnswer(0, 3600, IPAddress.Parse("11.77.67.21")), address);
        Assert.True(NatPmpCodec.TryReadMap(Map, 4001, out NatPmpAnswer map));
        Assert.Equal(new NatPmpAnswer(0, 3600, null, 4002, 7200), map);
    }

    [Fact]
    public void A_lifetime_of_all_ones_is_read_unsigned()
    {
        byte[] longest = [.. Map[..4], 0xFF, 0xFF, 0xFF, 0xFF, .. Map[8..12], 0xFF, 0xFF, 0xFF, 0xFF];
        Assert.True(NatPmpCodec.TryReadMap(longest, 4001, out NatPmpAnswer map));
        Assert.Equal((uint.MaxValue, uint.MaxValue), (map.Epoch, map.Lifetime));
    }

    [Theory]
    [InlineData("0080000300000001", 3)]
    [InlineData("008000010000000100000000", 1)]
    public void A_refusal_may_be_as_short_as_its_header(string hex, int result)
    {
        Assert.True(NatPmpCodec.TryReadExternalAddress(Convert.FromHexString(hex), out NatPmpAnswer answer));
        Assert.Equal(result, answer.Result);
        Assert.Null(answer.ExternalAddress);
    }

    [Theory]
    [InlineData("", "empty")]
    [InlineData("00820000", "truncated header")]
    [InlineData("0082000000000E100FA10FA2", "truncated success")]
    [InlineData("0282000000000E100FA10FA200001C20", "another version")]
    [InlineData("0002000000000E100FA10FA200001C20", "a request")]
    [InlineData("0081000000000E100FA10FA200001C20", "the answer for UDP")]
    [InlineData("0080000000000E100B4D431500000000", "the answer to another question")]
    [InlineData("0082000000000E100FA30FA200001C20", "another internal port")]
    [InlineData("0082000000000E100FA1000000001C20", "a live mapping to port 0")]
    public void Anything_else_is_no_answer(string hex, string what) =>
        Assert.False(NatPmpCodec.TryReadMap(Convert.FromHexString(hex), 4001, out _), what);

    [Fact]
    public void A_removal_is_answered_with_port_0_and_lifetime_0() =>
        Assert.True(NatPmpCodec.TryReadMap(Convert.FromHexString("0082000000000E100FA1000000000000"), 4001, out _));

    [Fact]
    public void Hostile_bytes_never_throw() => Hostile.Bytes(Address, Map).Sample(bytes =>
    {
        NatPmpCodec.TryReadExternalAddress(bytes, out _);
        bool read = NatPmpCodec.TryReadMap(bytes, 4001, out NatPmpAnswer answer);
        Assert.True(!read || answer.Result != 0 || answer.ExternalPort != 0 || answer.Lifetime == 0);
    });

    [Fact]
    public void Every_result_has_words() =>
        Assert.All(Enumerable.Range(1, 20), result => Assert.NotEmpty(NatPmpCodec.Describe((ushort)result)));
}
