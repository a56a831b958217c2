using System.Net;
using CsCheck;
using P2PLearn.Networking.Nat.PortMapping.Pcp;

namespace P2PLearn.Networking.Tests.Nat.PortMapping.Pcp;

/// <summary>RFC 6887, 7, 8.3, 11.1 and 14.1: golden bytes, and what is no answer.</summary>
public sealed class PcpCodecTests
{
    private const string Client = "00000000000000000000FFFFC0A8470B";
    private const string Nonce = "9EA2D77BA73E76CC6B09DA06";
    private const string External = "00000000000000000000FFFF0B4D4315";

    // As miniupnpd 2.3.1 answered.
    private static readonly byte[] Map = Convert.FromHexString(
        "0281000000001C20" + "00000E10" + "000000000000000000000000" + Nonce + "06000000" + "0FA1" + "0FA2" + External);

    private static readonly byte[] Announce = Convert.FromHexString("0280000000000000" + "00000E10" + "000000000000000000000000");

    [Fact]
    public void Requests_have_the_bytes_of_the_RFC()
    {
        var client = IPAddress.Parse("192.168.71.11");
        Assert.Equal("0200000000000000" + Client, Convert.ToHexString(PcpCodec.WriteAnnounce(client)));
        Assert.Equal(
            "0201000000001C20" + Client + Nonce + "06000000" + "0FA1" + "0FA2" + "00000000000000000000FFFF00000000",
            Convert.ToHexString(PcpCodec.WriteMap(client, Convert.FromHexString(Nonce), 4001, 4002, 7200)));
    }

    [Fact]
    public void The_answers_are_read()
    {
        Assert.True(TryRead(Map, out PcpAnswer map));
        Assert.Equal(new PcpAnswer(0, 3600, 7200, IPAddress.Parse("11.77.67.21"), 4002), map);
        Assert.True(PcpCodec.TryReadAnnounce(Announce, out PcpAnswer announce));
        Assert.Equal(new PcpAnswer(0, 3600, 0), announce);
    }

    [Fact]
    public void A_refusal_carries_its_result_and_no_mapping()
    {
        Assert.True(TryRead(With(3, 8), out PcpAnswer answer));
        Assert.Equal(new PcpAnswer(8, 3600, 7200), answer);
    }

    [Theory]
    [InlineData("0081000100000E10", "a NAT-PMP gateway")]
    [InlineData("0081000100000E1000000000000000000000000000000000", "a NAT-PMP gateway that repeats more")]
    [InlineData("018100010000000000000E10000000000000000000000000", "a PCP gateway of version 1")]
    [InlineData("028100010000000000000E10000000000000000000000000", "a PCP gateway of version 2 that wants another")]
    public void Another_version_is_an_answer_too(string hex, string who)
    {
        Assert.True(TryRead(Convert.FromHexString(hex), out PcpAnswer map), who);
        Assert.True(PcpCodec.TryReadAnnounce(Convert.FromHexString(hex), out PcpAnswer announce), who);
        Assert.Equal((PcpCodec.UnsupportedVersion, PcpCodec.UnsupportedVersion), (map.Result, announce.Result));
    }

    [Theory]
    [InlineData(0, 3, "another version")]
    [InlineData(1, 0x01, "a request")]
    [InlineData(1, 0x80, "the answer to ANNOUNCE")]
    [InlineData(1, 0x82, "the answer to PEER")]
    [InlineData(24, 0, "another nonce")]
    [InlineData(35, 0, "another nonce at its end")]
    [InlineData(36, 17, "a mapping of UDP")]
    [InlineData(41, 0, "another internal port")]
    public void Anything_else_is_no_answer(int at, byte value, string what) => Assert.False(TryRead(With(at, value), out _), what);

    [Fact]
    public void A_live_mapping_to_port_0_is_no_answer()
    {
        byte[] answer = With(42, 0);
        answer[43] = 0;
        Assert.False(TryRead(answer, out _));
        answer.AsSpan(4, 4).Clear();
        Assert.True(TryRead(answer, out _)); // its removal is
    }

    [Fact]
    public void A_refusal_with_another_nonce_is_no_answer()
    {
        byte[] answer = With(3, 2);
        answer[24] ^= 1;
        Assert.False(TryRead(answer, out _));
    }

    [Fact]
    public void Every_truncated_answer_is_none() =>
        Assert.All(Enumerable.Range(0, Map.Length), length => Assert.False(TryRead(Map[..length], out _)));

    [Fact]
    public void A_length_that_is_no_multiple_of_four_is_none() => Assert.False(TryRead([.. Map, 0], out _));

    [Fact]
    public void Hostile_bytes_never_throw() => Hostile.Bytes(Map, Announce).Sample(bytes =>
    {
        PcpCodec.TryReadAnnounce(bytes, out _);
        bool read = TryRead(bytes, out PcpAnswer answer);
        Assert.True(!read || answer.Result != 0 || answer.ExternalAddress is not null);
    });

    [Fact]
    public void Every_result_has_words() =>
        Assert.All(Enumerable.Range(1, 20), result => Assert.NotEmpty(PcpCodec.Describe((byte)result)));

    private static bool TryRead(byte[] bytes, out PcpAnswer answer) =>
        PcpCodec.TryReadMap(bytes, Convert.FromHexString(Nonce), 4001, out answer);

    private static byte[] With(int at, byte value)
    {
        byte[] copy = [.. Map];
        copy[at] = value;
        return copy;
    }
}
