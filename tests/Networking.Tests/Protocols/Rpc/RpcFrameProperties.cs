using CsCheck;
using P2PLearn.Networking.Protocols.Rpc;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

public sealed class RpcFrameProperties
{
    private const int MaxName = 128;

    private static readonly Gen<RpcFrame> Valid = Gen.OneOf(
        Gen.Select(Gen.UShort, Gen.UInt[1, MaxName], (slot, length) => new RpcFrame(RpcFrameKind.Declare, slot, length, 0, 0, 0)),
        Gen.Select(Gen.UShort, Gen.UInt[0, RpcFrame.MaxChunkBytes], Gen.ULong[1, ulong.MaxValue], Gen.UInt, (slot, length, id, timeout) =>
            new RpcFrame(RpcFrameKind.Request, slot, length, id, length, timeout)),
        Gen.Select(Gen.UInt[1, RpcFrame.MaxChunkBytes], Gen.ULong[1, ulong.MaxValue], Gen.UInt[1, int.MaxValue], (length, id, more) =>
            new RpcFrame(RpcFrameKind.Response, 0, length, id, length + more, 0)),
        Gen.Select(Gen.UInt[1, RpcFrame.MaxChunkBytes], Gen.ULong[1, ulong.MaxValue], (length, id) =>
            new RpcFrame(RpcFrameKind.Chunk, 0, length, id, 0, 0)),
        Gen.ULong[1, ulong.MaxValue].Select(id => new RpcFrame(RpcFrameKind.Cancel, 0, 0, id, 0, 0)),
        Gen.Select(Gen.UShort[1, 8], Gen.UInt[0, RpcFrame.MaxTextBytes], Gen.ULong, (status, length, id) =>
            new RpcFrame(RpcFrameKind.Failure, status, length, id, 0, 0)),
        Gen.Select(Gen.UInt[1, MaxName], Gen.UInt, (length, timeout) => new RpcFrame(RpcFrameKind.Open, 0, length, 0, 0, timeout)),
        Gen.UInt[0, int.MaxValue].Select(length => new RpcFrame(RpcFrameKind.Message, 0, length, 0, 0, 0)),
        Gen.Const(new RpcFrame(RpcFrameKind.End, 0, 0, 0, 0, 0)));

    [Fact]
    public void Every_frame_reads_back_as_written() => Valid.Sample(frame => Assert.Equal(frame, RpcFrame.Read(Bytes(frame), MaxName)));

    [Fact]
    public void Every_header_is_read_as_the_one_frame_that_writes_it_or_refused() =>
        Gen.Byte.Array[RpcFrame.HeaderBytes].Select(Valid, (noise, frame) => (noise, bytes: Bytes(frame))).Sample(x =>
        {
            Check(x.noise);
            x.noise[0] = x.bytes[0]; // known kinds are rarer among noise
            Check(x.noise);
            for (int at = 0; at < x.bytes.Length; at++)
            {
                byte[] flipped = [.. x.bytes];
                flipped[at] ^= x.noise[at];
                Check(flipped);
            }
        }, iter: 300);

    [Fact]
    public void Names_are_visible_ASCII() => Gen.Byte.Array[0, 10].Sample(body =>
    {
        bool isName = RpcFrame.TryReadName(body, out string name);
        Assert.Equal(body.Length > 0 && body.All(b => b is > 32 and < 127), isName);
        Assert.Equal(isName ? body.Length : 0, name.Length);
    });

    [Fact]
    public void Texts_of_any_characters_fit_and_read_back_without_control_characters() => Gen.String[0, 2000].Sample(text =>
    {
        byte[] body = RpcFrame.ToText(text);
        Assert.InRange(body.Length, 0, RpcFrame.MaxTextBytes);
        Assert.DoesNotContain(RpcFrame.CleanText(body), char.IsControl);
    });

    [Theory]
    [InlineData(0, 0, 1, 0, 0)] // Request without an id, and so on: one broken field each
    [InlineData(2, 0, 0, 5, 5)]
    [InlineData(2, 0, 1, 5, 4)]
    [InlineData(2, 0, 1, 0, 4)]
    [InlineData(3, 0, 1, 0, 0)]
    [InlineData(3, 1, 1, 4, 0)]
    [InlineData(4, 0, 1, 1, 0)]
    [InlineData(4, 0, 0, 0, 0)]
    [InlineData(5, 1, 1, 4, 4)]
    [InlineData(6, 0, 1, 4, 0)]
    [InlineData(6, 9, 1, 4, 0)]
    [InlineData(7, 0, 0, 0, 0)]
    [InlineData(8, 0, 1, 4, 0)]
    [InlineData(9, 0, 0, 4, 0)]
    [InlineData(10, 0, 0, 0, 0)]
    public void A_field_that_a_kind_does_not_have_is_malformed(byte kind, ushort code, ulong id, uint length, uint total)
    {
        byte[] header = Bytes(new RpcFrame((RpcFrameKind)kind, code, length, id, total, 0));
        Assert.Equal(EndReason.MalformedMessage, Assert.Throws<ProtocolViolationException>(() => RpcFrame.Read(header, MaxName)).Reason);
    }

    [Theory]
    [InlineData(1, 0, MaxName + 1, 0)]
    [InlineData(7, 0, MaxName + 1, 0)]
    [InlineData(2, 1, RpcFrame.MaxChunkBytes + 1, uint.MaxValue)]
    [InlineData(5, 1, RpcFrame.MaxChunkBytes + 1, uint.MaxValue)]
    [InlineData(3, 1, RpcFrame.MaxChunkBytes + 1, 0)]
    [InlineData(8, 0, 0x80000000, 0)]
    public void A_length_beyond_its_limit_is_too_large(byte kind, ulong id, uint length, uint total)
    {
        byte[] header = Bytes(new RpcFrame((RpcFrameKind)kind, 0, length, id, total, 0));
        Assert.Equal(EndReason.MessageTooLarge, Assert.Throws<ProtocolViolationException>(() => RpcFrame.Read(header, MaxName)).Reason);
    }

    [Fact]
    public void The_header_has_these_bytes()
    {
        var frame = new RpcFrame(RpcFrameKind.Request, 0x0102, 0x1000, 0x0102030405060708, 0x11121314, 30_000);
        Assert.Equal("020001020000100001020304050607081112131400007530", Convert.ToHexString(Bytes(frame)));
    }

    [Fact]
    public void Timeouts_are_rounded_up_and_never_become_none()
    {
        Assert.Equal(0u, RpcFrame.ToTimeoutMs(null));
        Assert.Equal(1u, RpcFrame.ToTimeoutMs(TimeSpan.Zero));
        Assert.Equal(2u, RpcFrame.ToTimeoutMs(TimeSpan.FromTicks(10_001)));
        Assert.Equal(uint.MaxValue, RpcFrame.ToTimeoutMs(TimeSpan.MaxValue));
    }

    private static byte[] Bytes(RpcFrame frame)
    {
        byte[] bytes = new byte[RpcFrame.HeaderBytes];
        frame.Write(bytes);
        return bytes;
    }

    private static void Check(byte[] header)
    {
        try
        {
            Assert.Equal(header, Bytes(RpcFrame.Read(header, MaxName)));
        }
        catch (ProtocolViolationException violation)
        {
            Assert.True(violation.Reason >= EndReason.MalformedMessage);
        }
    }
}
