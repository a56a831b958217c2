using System.Buffers.Binary;
using System.Diagnostics;
using System.Reflection;
using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Security;

public sealed class NoiseChannelTests : IAsyncDisposable
{
    private static readonly byte[] Key = [.. Enumerable.Range(0, 32).Select(i => (byte)i)];
    private static readonly PublicKey Remote = PublicKey.FromEd25519(Convert.FromHexString(
        "d04ab232742bb4ab3a1368bd4615e4e6d0224ab71a016baf8520a332c9778737"));

    private readonly SyncLink _link = new(8 * 1024 * 1024);

    public ValueTask DisposeAsync() => _link.DisposeAsync();

    [Fact]
    public void Whatever_the_sizes_of_writes_link_reads_and_reads_the_bytes_come_out_in_order() => Gen.Select(
        Gen.Int[0, 300_000].Array[1, 4], Gen.OneOf(Gen.Int[1, 50], Gen.Int[1000, 300_000]), Gen.OneOf(Gen.Int[1, 20], Gen.Int[60_000, 300_000]))
        .Sample((writes, linkRead, read) => RoundTrip(writes, linkRead * 7, read * 5), iter: 40);

    [Fact]
    public async Task A_write_is_cut_into_frames_and_several_go_in_one_link_write()
    {
        await using NoiseChannel channel = Loop();
        await channel.WriteAsync(new byte[200_000], default);
        Assert.Equal(1, _link.WriteCount);
        Assert.Equal(200_000 + (4 * NoiseFrame.OverheadBytes), _link.Unread.Length);
        Assert.Equal(NoiseFrame.MaxMessageBytes, BinaryPrimitives.ReadUInt16BigEndian(_link.Unread));

        await channel.WriteAsync(new byte[1_000_000], default);
        Assert.True(_link.LargestWrite <= 256 * 1024, "a batch is bounded");
    }

    [Fact]
    public async Task Several_small_frames_are_opened_by_one_read_and_none_is_split()
    {
        await using NoiseChannel channel = Loop();
        for (byte i = 0; i < 10; i++)
        {
            await channel.WriteAsync(new byte[] { i, i }, default);
        }

        byte[] buffer = new byte[15];
        Assert.Equal(14, await channel.ReadAsync(buffer, default));
        Assert.Equal(6, await channel.ReadAsync(buffer, default));
        Assert.Equal(9, buffer[5]);
    }

    [Fact]
    public async Task A_wrong_tag_aborts_the_link_without_an_answer()
    {
        await using NoiseChannel channel = Loop();
        await channel.WriteAsync(new byte[100], default);
        _link.Unread[50] ^= 1;
        int written = _link.WriteCount;
        await ThrowsViolation(channel, EndReason.AuthenticationFailed);
        Assert.True(_link.Aborted);
        Assert.Equal(written, _link.WriteCount);
    }

    [Fact]
    public async Task A_replayed_or_reordered_frame_does_not_hold()
    {
        await using NoiseChannel channel = Loop();
        await channel.WriteAsync(new byte[] { 1 }, default);
        byte[] frame = _link.Unread.ToArray();
        await _link.WriteAsync(frame, default);
        byte[] buffer = new byte[1];
        Assert.Equal(1, await channel.ReadAsync(buffer, default));
        await ThrowsViolation(channel, EndReason.AuthenticationFailed);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(15)]
    public async Task A_message_shorter_than_a_tag_is_malformed(int length)
    {
        await using NoiseChannel channel = Loop();
        byte[] frame = new byte[2 + length];
        frame[1] = (byte)length;
        await _link.WriteAsync(frame, default);
        await ThrowsViolation(channel, EndReason.MalformedMessage);
    }

    [Fact]
    public async Task A_link_that_ends_between_frames_has_ended_and_within_one_is_broken()
    {
        await using NoiseChannel channel = Loop();
        Assert.Equal(0, await channel.ReadAsync(new byte[10], default));
        await _link.WriteAsync(new byte[] { 0, 100, 1 }, default);
        await Assert.ThrowsAsync<IOException>(() => channel.ReadAsync(new byte[10], default).Time());
    }

    [Fact]
    public async Task Empty_frames_are_skipped()
    {
        await using NoiseChannel channel = Loop();
        using var sealer = new NoiseCipherState(Key);
        byte[] empty = new byte[2 + 16];
        empty[1] = 16;
        sealer.Seal([], [], empty.AsSpan(2));
        byte[] one = new byte[2 + 17];
        one[1] = 17;
        sealer.Seal([], [7], one.AsSpan(2));
        await _link.WriteAsync(empty, default);
        await _link.WriteAsync(one, default);
        byte[] buffer = new byte[10];
        Assert.Equal(1, await channel.ReadAsync(buffer, default));
        Assert.Equal(7, buffer[0]);
    }

    [Fact]
    public async Task The_channel_ends_when_its_counter_is_used_up()
    {
        await using NoiseChannel channel = Loop(ulong.MaxValue - 1);
        byte[] buffer = new byte[10];
        await channel.WriteAsync(new byte[] { 1 }, default);
        Assert.Equal(1, await channel.ReadAsync(buffer, default));
        await Assert.ThrowsAsync<IOException>(() => channel.WriteAsync(new byte[] { 2 }, default).Time());
        Assert.True(_link.Aborted);
        Assert.Equal(0, _link.Unread.Length);
        await _link.WriteAsync((byte[])[0, 16, .. new byte[16]], default);
        await ThrowsViolation(channel, EndReason.AuthenticationFailed);
    }

    [Fact]
    public async Task Steady_traffic_allocates_nothing()
    {
        bool debug = typeof(NoiseChannel).Assembly.GetCustomAttribute<DebuggableAttribute>() is { IsJITOptimizerDisabled: true };
        Assert.SkipWhen(debug, "in debug builds every asynchronous method allocates its state; run with -c Release");
        await using NoiseChannel channel = Loop();
        byte[] small = new byte[128];
        byte[] large = new byte[256 * 1024];
        byte[] buffer = new byte[300 * 1024];
        long allocated = 0;
        for (int i = 0; i < 300; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            Exchange(channel, small, buffer);
            Exchange(channel, large, buffer);
            allocated = i < 100 ? 0 : allocated + GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.InRange(allocated, 0, 4096); // 200 rounds; a single object a round would be more
    }

    [Fact]
    public async Task A_closed_channel_refuses_and_closing_twice_is_harmless()
    {
        NoiseChannel channel = Loop();
        await channel.DisposeAsync();
        await channel.DisposeAsync();
        await Assert.ThrowsAsync<IOException>(() => channel.ReadAsync(new byte[1], default).Time());
        await Assert.ThrowsAsync<IOException>(() => channel.WriteAsync(new byte[1], default).Time());
    }

    [Fact]
    public async Task Closing_ends_a_pending_read_and_a_second_read_is_a_bug()
    {
        (MemoryLink first, _) = MemoryLink.CreatePair();
        NoiseChannel channel = Loop(0, first);
        Task<int> pending = channel.ReadAsync(new byte[1], default).AsTask();
        await Assert.ThrowsAsync<InvalidOperationException>(() => channel.ReadAsync(new byte[1], default).Time());
        await channel.DisposeAsync();
        await Assert.ThrowsAsync<IOException>(() => pending.Time());
    }

    [Fact]
    public async Task A_write_that_fails_half_way_aborts_the_link_and_one_cancelled_before_does_not()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair(bufferBytes: 1024);
        await using NoiseChannel channel = Loop(0, first);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            () => channel.WriteAsync(new byte[10], new CancellationToken(canceled: true)).Time());
        await channel.WriteAsync(new byte[10], default);
        using var cancel = new CancellationTokenSource();
        Task write = channel.WriteAsync(new byte[100_000], cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => write.Time());
        await Assert.ThrowsAsync<IOException>(() => second.ReadAsync(new byte[10], default).Time());
    }

    private static void RoundTrip(int[] writes, int linkRead, int read)
    {
        var link = new SyncLink(2 * 1024 * 1024) { MaxReadBytes = linkRead };
        NoiseChannel channel = Loop(0, link);
        byte[] buffer = new byte[read];
        byte next = 0, expected = 0;
        foreach (int length in writes)
        {
            byte[] bytes = new byte[length];
            for (int i = 0; i < length; i++)
            {
                bytes[i] = next++;
            }

            Wait(channel.WriteAsync(bytes, default));
            for (int left = length; left > 0;)
            {
                int count = Wait(channel.ReadAsync(buffer, default));
                Assert.InRange(count, 1, left);
                for (int i = 0; i < count; i++)
                {
                    Assert.Equal(expected++, buffer[i]);
                }

                left -= count;
            }
        }

        Wait(channel.DisposeAsync());
    }

    private static void Exchange(NoiseChannel channel, byte[] bytes, byte[] buffer)
    {
        Wait(channel.WriteAsync(bytes, default));
        for (int left = bytes.Length; left > 0;)
        {
            left -= Wait(channel.ReadAsync(buffer, default));
        }
    }

    private static T Wait<T>(ValueTask<T> task)
    {
        Assert.True(task.IsCompleted);
        return task.GetAwaiter().GetResult();
    }

    private static void Wait(ValueTask task)
    {
        Assert.True(task.IsCompleted);
        task.GetAwaiter().GetResult();
    }

    private static async Task ThrowsViolation(NoiseChannel channel, EndReason reason)
    {
        var violation = await Assert.ThrowsAsync<ProtocolViolationException>(() => channel.ReadAsync(new byte[300], default).Time());
        Assert.Equal((reason, ViolationScope.Connection), (violation.Reason, violation.Scope));
    }

    private static NoiseChannel Loop(ulong counter, ILink link) => new(
        link, Remote, null, (new NoiseCipherState(Key, counter), new NoiseCipherState(Key, counter)),
        new NoiseReceiveBuffer(256 * 1024), 256 * 1024);

    private NoiseChannel Loop(ulong counter = 0) => Loop(counter, _link);
}
