using System.Buffers;
using CsCheck;
using Google.Protobuf;
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
                Assert.True(FrameCodec.TryRead(ref buffer, Max, out ReadOnlySequence<byte> read));
                Assert.Equal(body, read.ToArray());
            }

            Assert.True(buffer.IsEmpty);
        });

    [Fact]
    public void A_truncated_frame_is_waited_for() =>
        Gen.Byte.Array[1, 300].SelectMany(body => Gen.Int[0, body.Length + FrameCodec.PrefixBytes - 1].Select(cut => (body, cut)))
            .Sample((body, cut) =>
            {
                ReadOnlySequence<byte> buffer = new(Framed(body)[..cut]);
                Assert.False(FrameCodec.TryRead(ref buffer, Max, out _));
                Assert.Equal(cut, buffer.Length);
            });

    [Theory]
    [InlineData(0u, EndReason.MalformedMessage)]
    [InlineData(1001u, EndReason.MessageTooLarge)]
    [InlineData(0x8000_0000u, EndReason.MessageTooLarge)]
    [InlineData(uint.MaxValue, EndReason.MessageTooLarge)]
    public void A_length_out_of_range_is_refused_with_its_prefix(uint length, EndReason reason)
    {
        ReadOnlySequence<byte> buffer = new([(byte)(length >> 24), (byte)(length >> 16), (byte)(length >> 8), (byte)length]);

        ProtocolViolationException e = Assert.Throws<ProtocolViolationException>(() => FrameCodec.TryRead(ref buffer, Max, out _));
        Assert.Equal(reason, e.Reason);
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

public sealed class OutboundQueueTests
{
    [Fact]
    public void The_first_frame_of_an_empty_queue_is_never_refused()
    {
        OutboundQueue queue = new(maxBytes: 100, maxFrames: 10);

        Assert.True(queue.TryEnqueue(Frame(5000)));
        Assert.False(queue.TryEnqueue(Frame(1)));
        Assert.Equal(5000, queue.Bytes);
    }

    [Fact]
    public void Room_comes_back_when_bytes_were_written_not_when_they_were_taken()
    {
        OutboundQueue queue = new(maxBytes: 100, maxFrames: 10);
        Assert.True(queue.TryEnqueue(Frame(60)));
        Assert.True(queue.TryEnqueue(Frame(40)));
        Assert.False(queue.TryEnqueue(Frame(1)));

        Assert.Equal(108, queue.Take(new byte[1000], out int frames, out _));

        Assert.Equal(2, frames);
        Assert.False(queue.TryEnqueue(Frame(1)));
        queue.Release(100);
        Assert.True(queue.TryEnqueue(Frame(1)));
    }

    [Fact]
    public void The_number_of_frames_is_bounded_too()
    {
        OutboundQueue queue = new(maxBytes: 1000, maxFrames: 3);

        Assert.Equal([true, true, true, false], Enumerable.Range(0, 4).Select(_ => queue.TryEnqueue(Frame(1))));
        Assert.Equal(3, queue.Bytes);
    }

    [Fact]
    public async Task A_completed_queue_gives_what_it_has_and_takes_no_more()
    {
        OutboundQueue queue = new(maxBytes: 1000, maxFrames: 3);
        queue.TryEnqueue(Frame(7));
        queue.Complete();

        Assert.False(queue.TryEnqueue(Frame(1)));
        Assert.True(await queue.WaitAsync(CancellationToken.None));
        Assert.Equal(11, queue.Take(new byte[100], out _, out _));
        Assert.False(await queue.WaitAsync(CancellationToken.None));
    }

    [Fact]
    public void Frames_come_out_in_order_and_whole_in_buffers_of_any_size() =>
        Gen.Select(Gen.Byte.Array[1, 200].List[1, 30], Gen.Int[8, 300]).Sample((bodies, size) =>
        {
            OutboundQueue queue = new(int.MaxValue, 100);
            bodies.ForEach(body => Assert.True(queue.TryEnqueue(ByteString.CopyFrom(body))));
            List<byte> written = [];
            byte[] buffer = new byte[size];
            int used, total = 0;
            while ((used = queue.Take(buffer, out int frames, out ByteString? large)) > 0)
            {
                written.AddRange(buffer.AsSpan(0, used));
                written.AddRange(large?.ToByteArray() ?? []);
                Assert.True(large is null || large.Length + FrameCodec.PrefixBytes > size);
                total += frames;
            }

            ReadOnlySequence<byte> sequence = new(written.ToArray());
            foreach (byte[] body in bodies)
            {
                Assert.True(FrameCodec.TryRead(ref sequence, 1000, out ReadOnlySequence<byte> read));
                Assert.Equal(body, read.ToArray());
            }

            Assert.Equal(bodies.Count, total);
        });

    private static ByteString Frame(int length) => ByteString.CopyFrom(new byte[length]);
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
