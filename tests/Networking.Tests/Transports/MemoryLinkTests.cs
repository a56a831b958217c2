using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Transports;

public sealed class MemoryLinkTests
{
    private readonly byte[] _buffer = new byte[64];

    [Fact]
    public async Task What_one_end_writes_the_other_reads()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        await first.WriteAsync(new byte[] { 1, 2, 3 }, default);
        Assert.Equal(3, await second.ReadAsync(_buffer, default).Time());
        Assert.Equal([1, 2, 3], _buffer[..3]);
        await second.WriteAsync(new byte[] { 4 }, default);
        Assert.Equal(1, await first.ReadAsync(_buffer, default).Time());
    }

    [Fact]
    public async Task A_small_read_leaves_the_rest()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        await first.WriteAsync(new byte[] { 1, 2, 3 }, default);
        Assert.Equal(2, await second.ReadAsync(_buffer.AsMemory(0, 2), default).Time());
        Assert.Equal(1, await second.ReadAsync(_buffer, default).Time());
        Assert.Equal(3, _buffer[0]);
    }

    [Fact]
    public async Task A_writer_waits_when_the_buffer_is_full()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair(bufferBytes: 16);
        Task write = first.WriteAsync(new byte[40], default).AsTask();
        Assert.False(write.IsCompleted);
        int total = 0;
        while (total < 40)
        {
            total += await second.ReadAsync(_buffer, default).Time();
        }

        await write.Time();
    }

    [Fact]
    public async Task Disposing_ends_the_other_sides_reading_after_what_was_written()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        await first.WriteAsync(new byte[] { 1 }, default);
        await first.DisposeAsync();
        await first.DisposeAsync();
        Assert.Equal(1, await second.ReadAsync(_buffer, default).Time());
        Assert.Equal(0, await second.ReadAsync(_buffer, default).Time());
        await Assert.ThrowsAsync<IOException>(() => second.WriteAsync(_buffer, default).Time());
        await Assert.ThrowsAsync<IOException>(() => first.WriteAsync(_buffer, default).Time());
    }

    [Fact]
    public async Task Half_closing_leaves_reading_open()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        first.CompleteWriting();
        Assert.Equal(0, await second.ReadAsync(_buffer, default).Time());
        await second.WriteAsync(new byte[] { 1 }, default);
        Assert.Equal(1, await first.ReadAsync(_buffer, default).Time());
        await Assert.ThrowsAsync<IOException>(() => first.WriteAsync(_buffer, default).Time());
    }

    [Fact]
    public async Task Aborting_breaks_what_is_pending_on_both_sides()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair(bufferBytes: 16);
        Task ownRead = first.ReadAsync(_buffer, default).AsTask();
        Task ownWrite = first.WriteAsync(new byte[64], default).AsTask();
        first.Abort();
        await Assert.ThrowsAsync<IOException>(() => ownRead.Time());
        await Assert.ThrowsAsync<IOException>(() => ownWrite.Time());
        await Assert.ThrowsAsync<IOException>(() => second.ReadAsync(_buffer, default).Time());
        await Assert.ThrowsAsync<IOException>(() => second.WriteAsync(_buffer, default).Time());
    }

    [Fact]
    public async Task A_cancelled_read_loses_nothing()
    {
        (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
        using var cancel = new CancellationTokenSource();
        Task<int> read = second.ReadAsync(_buffer, cancel.Token).AsTask();
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => read.Time());
        await first.WriteAsync(new byte[] { 9 }, default);
        Assert.Equal(1, await second.ReadAsync(_buffer, default).Time());
    }
}
