using System.Buffers;
using CsCheck;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class FrameCodecTests
{
    private const int Max = 1000;

    [Fact]
    public void Frames_round_trip_whatever_the_segments() =>
        Gen.Select(Gen.Byte.Array[1, 300].List[1, 5], Gen.Int[1, 50]).Sample((bodies, segment) =>
        {
            ReadOnlySequence<byte> buffer = Segments([.. bodies.SelectMany(Framed)], segment);
            foreach (byte[] body in bodies)
            {
                Assert.True(FrameCodec.TryRead(ref buffer, Max, out InboundFrame read));
                Assert.Equal(FrameKind.Data, read.Kind);
                Assert.Equal(body, read.Data);
            }

            Assert.True(buffer.IsEmpty);
        });

    [Fact]
    public void Control_frames_round_trip_whatever_the_segments() =>
        Gen.Select(Gen.ULong, Gen.ULong, Gen.ULong, Gen.Int[1, 30]).Sample((high, low, number, segment) =>
        {
            AssociationId id = new(new UInt128(high, low));
            byte[] b = new byte[FrameCodec.MaxControlBytes];
            List<byte> bytes = [];
            bytes.AddRange(b[..FrameCodec.WriteOpen(b, id)]);
            bytes.AddRange(b[..FrameCodec.WriteResume(b, id, number)]);
            bytes.AddRange(b[..FrameCodec.WriteNumber(b, FrameKind.Resumed, number)]);
            bytes.AddRange(b[..FrameCodec.WriteNumber(b, FrameKind.Ack, number)]);
            bytes.AddRange(b[..FrameCodec.WriteRefused(b, ResumeRefusal.OutOfRange)]);
            bytes.AddRange(b[..FrameCodec.WriteClose(b)]);
            ReadOnlySequence<byte> buffer = Segments([.. bytes], segment);
            InboundFrame[] expected =
            [
                new(FrameKind.Open, [], id, 0, default),
                new(FrameKind.Resume, [], id, number, default),
                new(FrameKind.Resumed, [], default, number, default),
                new(FrameKind.Ack, [], default, number, default),
                new(FrameKind.Refused, [], default, 0, ResumeRefusal.OutOfRange),
                new(FrameKind.Close, [], default, 0, default),
            ];
            foreach (InboundFrame frame in expected)
            {
                Assert.True(FrameCodec.TryRead(ref buffer, Max, out InboundFrame read));
                Assert.Equal(frame with { Data = read.Data }, read);
            }

            Assert.True(buffer.IsEmpty);
        });

    [Fact]
    public void The_bytes_of_control_frames_are_these()
    {
        byte[] b = new byte[FrameCodec.MaxControlBytes];
        AssociationId id = new(new UInt128(0x0001020304050607, 0x08090a0b0c0d0e0f));

        Assert.Equal("01000010000102030405060708090A0B0C0D0E0F", Convert.ToHexString(b, 0, FrameCodec.WriteOpen(b, id)));
        Assert.Equal("02000018000102030405060708090A0B0C0D0E0F0000000000000102", Convert.ToHexString(b, 0, FrameCodec.WriteResume(b, id, 258)));
        Assert.Equal("030000080000000000000102", Convert.ToHexString(b, 0, FrameCodec.WriteNumber(b, FrameKind.Resumed, 258)));
        Assert.Equal("0400000101", Convert.ToHexString(b, 0, FrameCodec.WriteRefused(b, ResumeRefusal.Unknown)));
        Assert.Equal("050000080000000000000102", Convert.ToHexString(b, 0, FrameCodec.WriteNumber(b, FrameKind.Ack, 258)));
        Assert.Equal("06000000", Convert.ToHexString(b, 0, FrameCodec.WriteClose(b)));
        FrameCodec.WritePrefix(b, 258);
        Assert.Equal("00000102", Convert.ToHexString(b, 0, FrameCodec.PrefixBytes));
    }

    [Fact]
    public void A_truncated_frame_is_waited_for() =>
        Gen.Byte.Array[1, 300].SelectMany(body => Gen.Int[0, body.Length + FrameCodec.PrefixBytes - 1].Select(cut => (body, cut)))
            .Sample((body, cut) =>
            {
                ReadOnlySequence<byte> buffer = new(Framed(body)[..cut]);
                Assert.False(FrameCodec.TryRead(ref buffer, Max, out _));
                Assert.Equal(cut, buffer.Length);
            });

    [Fact]
    public void Any_bytes_are_frames_or_a_violation() =>
        Gen.Byte.Array[0, 60].Sample(bytes =>
        {
            ReadOnlySequence<byte> buffer = new(bytes);
            try
            {
                while (FrameCodec.TryRead(ref buffer, Max, out _))
                {
                }
            }
            catch (ProtocolViolationException e)
            {
                Assert.True(e.Reason is EndReason.MalformedMessage or EndReason.MessageTooLarge);
            }
        });

    [Theory]
    [InlineData(0x00000000u, EndReason.MalformedMessage)] // Data without a body
    [InlineData(0x000003e9u, EndReason.MessageTooLarge)] // 1001
    [InlineData(0x00ffffffu, EndReason.MessageTooLarge)]
    [InlineData(0x0100000fu, EndReason.MalformedMessage)]
    [InlineData(0x02000017u, EndReason.MalformedMessage)]
    [InlineData(0x03000009u, EndReason.MalformedMessage)]
    [InlineData(0x04000000u, EndReason.MalformedMessage)]
    [InlineData(0x05ffffffu, EndReason.MalformedMessage)]
    [InlineData(0x06000001u, EndReason.MalformedMessage)]
    [InlineData(0x07000000u, EndReason.MalformedMessage)]
    [InlineData(uint.MaxValue, EndReason.MalformedMessage)]
    public void A_length_out_of_range_or_an_unknown_kind_is_refused_with_its_prefix(uint prefix, EndReason reason)
    {
        ReadOnlySequence<byte> buffer = new([(byte)(prefix >> 24), (byte)(prefix >> 16), (byte)(prefix >> 8), (byte)prefix]);

        ProtocolViolationException e = Assert.Throws<ProtocolViolationException>(() => FrameCodec.TryRead(ref buffer, Max, out _));
        Assert.Equal(reason, e.Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(4)]
    [InlineData(255)]
    public void An_unknown_refusal_is_a_violation(byte reason)
    {
        ReadOnlySequence<byte> buffer = new([4, 0, 0, 1, reason]);

        Assert.Throws<ProtocolViolationException>(() => FrameCodec.TryRead(ref buffer, Max, out _));
    }

    [Fact]
    public void Ids_are_random()
    {
        HashSet<AssociationId> ids = [.. Enumerable.Range(0, 1000).Select(_ => AssociationId.Create())];

        Assert.Equal(1000, ids.Count);
    }

    private static byte[] Framed(byte[] body)
    {
        byte[] frame = new byte[FrameCodec.PrefixBytes + body.Length];
        FrameCodec.WritePrefix(frame, body.Length);
        body.CopyTo(frame, FrameCodec.PrefixBytes);
        return frame;
    }

    private static ReadOnlySequence<byte> Segments(byte[] bytes, int size)
    {
        Segment? first = null, last = null;
        foreach (byte[] chunk in bytes.Chunk(size))
        {
            last = new Segment(chunk, last);
            first ??= last;
        }

        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(byte[] bytes, Segment? before)
        {
            Memory = bytes;
            RunningIndex = before is null ? 0 : before.RunningIndex + before.Memory.Length;
            before?.Next = this;
        }
    }
}

public sealed class InboundPaceTests
{
    [Fact]
    public void A_second_worth_may_come_at_once_and_more_has_to_wait()
    {
        InboundPace pace = new(1000);

        Assert.Equal(TimeSpan.Zero, pace.Take(1000, TimeSpan.Zero));
        Assert.Equal(TimeSpan.FromSeconds(0.5), pace.Take(500, TimeSpan.Zero));
        Assert.Equal(TimeSpan.Zero, pace.Take(500, TimeSpan.FromSeconds(1)));
    }

    [Fact]
    public void Over_time_no_more_than_the_rate_comes_through() =>
        Gen.Int[1, 3000].List[1, 200].Sample(sizes =>
        {
            InboundPace pace = new(1000);
            TimeSpan now = TimeSpan.Zero;
            foreach (int size in sizes)
            {
                now += pace.Take(size, now);
            }

            Assert.True(now.TotalSeconds >= ((sizes.Sum() - 1000) / 1000.0) - 0.001);
        });
}
