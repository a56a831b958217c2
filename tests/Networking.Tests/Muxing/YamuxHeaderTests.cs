using CsCheck;
using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

public sealed class YamuxHeaderTests
{
    // Published bytes of js-libp2p 3.3.11.
    [Theory]
    [InlineData("000100010000000100000000", 1, 1, 1u, 0u)] // open stream 1 with a window update
    [InlineData("000100020000000100000000", 1, 2, 1u, 0u)] // accept stream 1
    [InlineData("000000010000000300000005", 0, 1, 3u, 5u)] // data of 5 bytes with SYN
    [InlineData("000000040000000100000000", 0, 4, 1u, 0u)] // half close
    [InlineData("000100080000000100000000", 1, 8, 1u, 0u)] // reset
    [InlineData("0002000100000000deadbeef", 2, 1, 0u, 0xdeadbeef)] // ping
    [InlineData("0002000200000000deadbeef", 2, 2, 0u, 0xdeadbeef)] // pong
    [InlineData("000100000000000100fc0000", 1, 0, 1u, 16515072u)] // window of 16 MiB less 256 KiB
    [InlineData("000300000000000000000000", 3, 0, 0u, 0u)] // go away: normal
    [InlineData("000300000000000000000001", 3, 0, 0u, 1u)] // go away: protocol error
    [InlineData("000300000000000000000002", 3, 0, 0u, 2u)] // go away: internal error
    [InlineData("0000000ffffffffeffffffff", 0, 15, 0xfffffffe, 0xffffffff)] // the largest of everything, unsigned
    public void A_header_reads_and_writes_as_published(string hex, int type, int flags, uint stream, uint length)
    {
        Assert.True(YamuxHeader.TryRead(Convert.FromHexString(hex), out YamuxHeader header));
        Assert.Equal(new YamuxHeader((YamuxFrameType)type, (YamuxFlags)flags, stream, length), header);
        var written = new byte[YamuxHeader.Bytes];
        header.Write(written);
        Assert.Equal(hex, Convert.ToHexStringLower(written));
    }

    [Theory]
    [InlineData("01010001000000010000")] // short
    [InlineData("")]
    [InlineData("010100010000000100000000")] // version 1
    [InlineData("000400010000000100000000")] // type 4
    [InlineData("00ff00010000000100000000")]
    [InlineData("000100100000000100000000")] // unknown flags
    [InlineData("000180000000000100000000")]
    public void What_is_not_a_header_is_refused(string hex) =>
        Assert.False(YamuxHeader.TryRead(Convert.FromHexString(hex), out _));

    [Fact]
    public void Every_header_round_trips() =>
        Gen.Select(Gen.Byte[0, 3], Gen.UShort[0, 15], Gen.UInt, Gen.UInt).Sample((type, flags, stream, length) =>
        {
            var header = new YamuxHeader((YamuxFrameType)type, (YamuxFlags)flags, stream, length);
            var bytes = new byte[YamuxHeader.Bytes + 1];
            header.Write(bytes);
            return YamuxHeader.TryRead(bytes, out YamuxHeader read) && read == header && bytes[^1] == 0;
        });

    [Fact]
    public void Any_twelve_bytes_read_as_what_writes_them_again_or_not_at_all() =>
        Gen.Byte.Array[YamuxHeader.Bytes].Sample(bytes =>
        {
            bytes[0] &= 1;
            bytes[1] &= 7;
            bytes[2] = 0;
            if (!YamuxHeader.TryRead(bytes, out YamuxHeader header))
            {
                return true;
            }

            var again = new byte[YamuxHeader.Bytes];
            header.Write(again);
            return again.AsSpan().SequenceEqual(bytes);
        });
}
