using CsCheck;
using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

public sealed class YamuxBufferTests
{
    private static readonly YamuxHeader Data = new(YamuxFrameType.Data, YamuxFlags.None, 1, 0);
    private static readonly YamuxHeader Ping = new(YamuxFrameType.Ping, YamuxFlags.Ack, 0, 7);

    private static readonly byte[] All = YamuxPair.Bytes(40 * 100_000, seed: 6);

    [Fact]
    public void What_goes_into_a_receive_buffer_comes_out() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 100_000]).Array[1, 40].Sample(steps =>
        {
            var unread = new YamuxUnreadBytes();
            var buffer = new YamuxReceiveBuffer(unread);
            int written = 0;
            int taken = 0;
            foreach ((bool writes, int count) in steps)
            {
                if (writes)
                {
                    buffer.Append(All.AsSpan(written, count));
                    written += count;
                }
                else
                {
                    var bytes = new byte[count];
                    int read = buffer.Read(bytes);
                    Assert.Equal(Math.Min(count, written - taken), read);
                    Assert.True(All.AsSpan(taken, read).SequenceEqual(bytes.AsSpan(0, read)));
                    taken += read;
                }

                Assert.Equal((written - taken, written - taken), ((int)buffer.Length, (int)unread.Count));
            }

            buffer.Clear();
            Assert.Equal((0, 0), ((int)buffer.Length, (int)unread.Count));
        }, iter: 50);

    [Fact]
    public void Control_frames_come_first_in_one_piece_with_the_data()
    {
        using var batch = new YamuxBatch(16 * 1024, 1024);
        Assert.True(batch.IsEmpty);
        batch.Append(Data with { Length = 3 }, "abc"u8);
        batch.AppendControl(Ping);
        batch.AppendControl(Ping with { Length = 8 });
        Assert.False(batch.IsEmpty);
        List<(YamuxHeader Header, string Body)> frames = Frames(batch.Seal().Span);
        Assert.Equal([(Ping, ""), (Ping with { Length = 8 }, ""), (Data with { Length = 3 }, "abc")], frames);
        batch.Clear();
        Assert.True(batch.IsEmpty);
        batch.AppendControl(Ping);
        Assert.Equal([(Ping, "")], Frames(batch.Seal().Span));
    }

    [Fact]
    public void Small_writes_of_one_stream_become_one_frame()
    {
        using var batch = new YamuxBatch(16 * 1024, 6);
        batch.Append(Data with { Length = 3, Flags = YamuxFlags.Syn }, "abc"u8);
        batch.Append(Data with { Length = 2 }, "de"u8);
        batch.Append(Data with { Length = 2 }, "fg"u8); // would be longer than a frame may be
        batch.Append(Data with { Length = 1, StreamId = 3 }, "x"u8);
        batch.Append(Data with { Length = 1 }, "h"u8);
        batch.Append(Data with { Length = 0, Flags = YamuxFlags.Fin }, []);
        batch.Append(new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, 1, 0), []);
        Assert.Equal(
            ["Syn:abcde", "None:fg", "None:x", "None:h", "Fin:", "Rst:"],
            Frames(batch.Seal().Span).Select(frame => $"{frame.Header.Flags}:{frame.Body}"));
    }

    [Fact]
    public void Control_frames_have_a_bounded_place()
    {
        using var batch = new YamuxBatch(16 * 1024, 1024);
        int count = 0;
        for (; batch.HasControlRoom; count++)
        {
            batch.AppendControl(Ping);
        }

        Assert.Equal(12 * 1024, batch.Room);
        Assert.Equal(4096 / YamuxHeader.Bytes, count);
        Assert.Equal(count, Frames(batch.Seal().Span).Count);
    }

    [Fact]
    public void However_the_link_cuts_them_frames_are_read_as_written() =>
        Gen.Select(Gen.Int[0, 9000].Array[1, 20], Gen.Int[1, 3000].Array[1, 20]).Sample((bodies, cuts) =>
        {
            var wire = new MemoryStream();
            var header = new byte[YamuxHeader.Bytes];
            foreach (int length in bodies)
            {
                (Data with { Length = (uint)length }).Write(header);
                wire.Write(header);
                wire.Write(All.AsSpan(0, length));
            }

            List<byte[]> read = Read(wire.ToArray(), cuts);
            Assert.Equal(bodies, read.Select(body => body.Length));
            Assert.All(read, body => Assert.True(body.AsSpan().SequenceEqual(All.AsSpan(0, body.Length))));
        }, iter: 100);

    [Fact]
    public void A_claimed_length_allocates_nothing()
    {
        using var reader = new YamuxFrameReader(4096);
        (Data with { Length = uint.MaxValue }).Write(reader.Free.Span);
        reader.Advance(YamuxHeader.Bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        YamuxFramePart first = reader.Next(out YamuxHeader header, out _);
        YamuxFramePart second = reader.Next(out _, out _);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        Assert.Equal((YamuxFramePart.Header, YamuxFramePart.NeedsMore), (first, second));
        Assert.True(allocated < 64 * 1024, $"{allocated} bytes allocated");
        Assert.Equal(uint.MaxValue, header.Length);
        Assert.False(reader.IsBodyComplete);
    }

    private static List<byte[]> Read(byte[] wire, int[] cuts)
    {
        using var reader = new YamuxFrameReader(4096);
        var bodies = new List<MemoryStream>();
        int at = 0;
        for (int i = 0; at < wire.Length; i++)
        {
            int count = Math.Min(Math.Min(cuts[i % cuts.Length], wire.Length - at), reader.Free.Length);
            wire.AsSpan(at, count).CopyTo(reader.Free.Span);
            reader.Advance(count);
            at += count;
            YamuxFramePart part;
            while ((part = reader.Next(out _, out ReadOnlySpan<byte> body)) != YamuxFramePart.NeedsMore)
            {
                if (part == YamuxFramePart.Header)
                {
                    bodies.Add(new MemoryStream());
                }

                bodies[^1].Write(body);
            }
        }

        Assert.True(reader.IsBetweenFrames);
        return [.. bodies.Select(body => body.ToArray())];
    }

    private static List<(YamuxHeader Header, string Body)> Frames(ReadOnlySpan<byte> bytes)
    {
        var frames = new List<(YamuxHeader Header, string Body)>();
        while (!bytes.IsEmpty)
        {
            Assert.True(YamuxHeader.TryRead(bytes, out YamuxHeader header));
            int length = header.Type == YamuxFrameType.Data ? (int)header.Length : 0;
            frames.Add((header, System.Text.Encoding.ASCII.GetString(bytes.Slice(YamuxHeader.Bytes, length))));
            bytes = bytes[(YamuxHeader.Bytes + length)..];
        }

        return frames;
    }
}
