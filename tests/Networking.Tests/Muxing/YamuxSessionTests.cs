using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>The laws that every muxer has to keep, on two real sessions.</summary>
public sealed class YamuxSessionTests
{
    [Fact]
    public async Task Both_sides_open_streams_and_talk()
    {
        await using var pair = new YamuxPair();
        foreach ((YamuxSession opener, YamuxSession accepter) in
            new[] { (pair.Client, pair.Server), (pair.Server, pair.Client) })
        {
            await using MuxedStream mine = await opener.OpenStreamAsync(pair.Token);
            await mine.WriteAsync("question"u8.ToArray(), pair.Token);
            await mine.CloseWriteAsync(pair.Token);
            await using MuxedStream theirs = (await accepter.AcceptStreamAsync(pair.Token))!;
            Assert.Equal("question"u8.ToArray(), await YamuxPair.ReadAllAsync(theirs, pair.Token));
            await theirs.WriteAsync("answer"u8.ToArray(), pair.Token);
            await theirs.CloseWriteAsync(pair.Token);
            Assert.Equal("answer"u8.ToArray(), await YamuxPair.ReadAllAsync(mine, pair.Token));
            Assert.Equal(EndReason.Completed, theirs.EndReason);
            Assert.Equal(EndReason.Completed, mine.EndReason);
            Assert.Equal(opener == pair.Client ? 1u : 0u, mine.Id % 2);
        }

        Assert.Equal(0, pair.Client.OpenStreamCount);
        Assert.Equal(0, pair.Server.OpenStreamCount);
    }

    [Fact]
    public async Task Closing_a_stream_implies_flushing_it()
    {
        await using var pair = new YamuxPair();
        byte[] sent = YamuxPair.Bytes(200_000, seed: 1);
        MuxedStream mine = await pair.Client.OpenStreamAsync(pair.Token);
        await mine.WriteAsync(sent, pair.Token);
        await mine.CloseWriteAsync(pair.Token);
        await mine.DisposeAsync();
        MuxedStream theirs = (await pair.Server.AcceptStreamAsync(pair.Token))!;
        Assert.Equal(sent, await YamuxPair.ReadAllAsync(theirs, pair.Token));
    }

    [Fact]
    public async Task Closing_a_session_implies_flushing_its_streams()
    {
        await using var pair = new YamuxPair();
        byte[] sent = YamuxPair.Bytes(200_000, seed: 2);
        MuxedStream mine = await pair.Client.OpenStreamAsync(pair.Token);
        await mine.WriteAsync(sent, pair.Token);
        await mine.CloseWriteAsync(pair.Token);
        await pair.Client.DisposeAsync();
        MuxedStream theirs = (await pair.Server.AcceptStreamAsync(pair.Token))!;
        Assert.Equal(sent, await YamuxPair.ReadAllAsync(theirs, pair.Token));
        Assert.Equal(EndReason.ClosedLocally, await pair.Client.Completion);
        Assert.Equal(EndReason.ClosedByRemote, await pair.Server.Completion.WaitAsync(pair.Token));
        Assert.Null(await pair.Server.AcceptStreamAsync(pair.Token));
    }

    [Fact]
    public async Task The_end_of_one_direction_leaves_the_other()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        await mine.CloseWriteAsync(pair.Token);
        await mine.CloseWriteAsync(pair.Token); // harmless when repeated
        Assert.Empty(await YamuxPair.ReadAllAsync(theirs, pair.Token));
        byte[] answer = YamuxPair.Bytes(1_000_000, seed: 3);
        Task<byte[]> read = YamuxPair.ReadAllAsync(mine, pair.Token);
        await theirs.WriteAsync(answer, pair.Token);
        Assert.Equal(EndReason.None, theirs.EndReason);
        await theirs.CloseWriteAsync(pair.Token);
        Assert.Equal(answer, await read);
    }

    [Fact]
    public async Task A_reset_fails_pending_reads_and_writes_on_both_sides()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        ValueTask<int> myRead = mine.ReadAsync(new byte[1], pair.Token);
        ValueTask<int> theirRead = theirs.ReadAsync(new byte[1], pair.Token);
        mine.Reset(EndReason.TooManyRequests);
        mine.Reset(EndReason.Completed); // harmless when repeated
        var mineEnded = await Assert.ThrowsAsync<StreamEndedException>(async () => await myRead);
        var theirsEnded = await Assert.ThrowsAsync<StreamEndedException>(async () => await theirRead);
        Assert.Equal(EndReason.TooManyRequests, mineEnded.Reason);
        Assert.Equal(EndReason.ClosedByRemote, theirsEnded.Reason);
        Assert.Equal(EndReason.ClosedByRemote, theirs.EndReason);
        await Assert.ThrowsAsync<StreamEndedException>(async () => await theirs.WriteAsync(new byte[1], pair.Token));
        await Assert.ThrowsAsync<StreamEndedException>(async () => await mine.WriteAsync(new byte[1], pair.Token));
        await Assert.ThrowsAsync<StreamEndedException>(async () => await mine.CloseWriteAsync(pair.Token));
        await Assert.ThrowsAsync<StreamEndedException>(async () => await mine.ReadAsync(new byte[1], pair.Token));

        (mine, theirs) = await pair.OpenAsync();
        ValueTask write = mine.WriteAsync(new byte[1_000_000], pair.Token); // more than the window: waits
        Assert.False(write.IsCompleted);
        theirs.Reset(EndReason.None);
        await Assert.ThrowsAsync<StreamEndedException>(async () => await write);
    }

    [Fact]
    public async Task Disposing_without_closing_resets()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        await mine.DisposeAsync();
        await mine.DisposeAsync();
        await Assert.ThrowsAsync<StreamEndedException>(async () => await theirs.ReadAsync(new byte[1], pair.Token));
    }

    [Fact]
    public async Task Data_nobody_will_read_stops_its_sender()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        await mine.CloseWriteAsync(pair.Token);
        await mine.DisposeAsync();
        Assert.Equal(EndReason.None, mine.EndReason); // the remote may still say FIN in peace
        await Assert.ThrowsAsync<StreamEndedException>(async () => await theirs.WriteAsync(new byte[1_000_000], pair.Token));
        Assert.Equal(0, await OpenCountAsync(pair.Client, 0, pair.Token));
    }

    [Fact]
    public async Task Disposing_with_unread_data_stops_its_sender()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        ValueTask write = theirs.WriteAsync(new byte[1_000_000], pair.Token);
        Assert.Equal(1, await mine.ReadAsync(new byte[1], pair.Token));
        await mine.CloseWriteAsync(pair.Token);
        await mine.DisposeAsync();
        await Assert.ThrowsAsync<StreamEndedException>(async () => await write);
        Assert.Equal(0, pair.Client.UnreadBytes);
    }

    [Fact]
    public async Task Abandoned_reads_and_writes_lose_nothing()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        using var cancelled = new CancellationTokenSource();
        ValueTask<int> read = theirs.ReadAsync(new byte[10], cancelled.Token);
        ValueTask write = mine.WriteAsync(new byte[400_000], cancelled.Token);
        Assert.Equal(10, await read);
        await cancelled.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await write);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(
            async () => await theirs.ReadAsync(new byte[1], cancelled.Token));
        await YamuxPair.ReadExactlyAsync(theirs, new byte[YamuxReceiveWindow.InitialBytes - 11], pair.Token);
        using var second = new CancellationTokenSource();
        ValueTask<int> waiting = theirs.ReadAsync(new byte[1], second.Token);
        await second.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () => await waiting);
        await mine.WriteAsync("on"u8.ToArray(), pair.Token);
        await mine.CloseWriteAsync(pair.Token);
        Assert.Equal("on"u8.ToArray(), await YamuxPair.ReadAllAsync(theirs, pair.Token));
    }

    [Fact]
    public async Task A_second_reader_or_writer_at_the_same_time_is_a_bug()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        ValueTask<int> read = mine.ReadAsync(new byte[1], pair.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await mine.ReadAsync(new byte[1], pair.Token));
        ValueTask write = mine.WriteAsync(new byte[1_000_000], pair.Token);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await mine.WriteAsync(new byte[1], pair.Token));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await mine.CloseWriteAsync(pair.Token));
        theirs.Reset(EndReason.None);
        await Assert.ThrowsAsync<StreamEndedException>(async () => await read);
        await Assert.ThrowsAsync<StreamEndedException>(async () => await write);
    }

    [Fact]
    public async Task A_thousand_streams_at_once_echo_their_own_bytes()
    {
        await using var pair = new YamuxPair();
        Task server = EchoAsync(pair.Server, pair.Token);
        await Task.WhenAll(Enumerable.Range(0, 1000).Select(i => AskAsync(pair.Client, i, pair.Token)));
        await pair.Client.DisposeAsync();
        await server;
    }

    [Theory]
    [InlineData(16 * 1024, 1)]
    [InlineData(100_000, 0)]
    [InlineData(1000, 7)]
    public async Task A_large_transfer_through_a_small_window_and_link_arrives(int linkBytes, int odd)
    {
        var options = new YamuxOptions { MaxWindowBytes = YamuxReceiveWindow.InitialBytes, MaxDataFrameBytes = 1024 + odd };
        await using var pair = new YamuxPair(options, linkBytes);
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        byte[] sent = YamuxPair.Bytes(3_000_000 + odd, seed: 4);
        Task<byte[]> received = YamuxPair.ReadAllAsync(theirs, pair.Token, step: 5000 + odd);
        for (int at = 0; at < sent.Length; at += 70_001)
        {
            await mine.WriteAsync(sent.AsMemory(at, Math.Min(70_001, sent.Length - at)), pair.Token);
        }

        await mine.CloseWriteAsync(pair.Token);
        Assert.Equal(sent, await received);
        Assert.Equal(0, pair.Server.UnreadBytes);
    }

    [Fact]
    public async Task A_bulk_stream_starves_neither_small_streams_nor_pings()
    {
        var options = new YamuxOptions { KeepAliveInterval = TimeSpan.FromMilliseconds(40) };
        await using var pair = new YamuxPair(options);
        (MuxedStream bulk, MuxedStream sink) = await pair.OpenAsync();
        (MuxedStream small, MuxedStream echo) = await pair.OpenAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(pair.Token);
        Task writing = WriteUntilAsync(bulk, stop.Token);
        long drained = 0;
        Task reading = Task.Run(async () =>
        {
            var buffer = new byte[64 * 1024];
            int read;
            while ((read = await sink.ReadAsync(buffer, pair.Token)) > 0)
            {
                drained += read;
            }
        }, pair.Token);
        var one = new byte[100];
        for (int i = 0; i < 200; i++)
        {
            await small.WriteAsync(one, pair.Token);
            await YamuxPair.ReadExactlyAsync(echo, one, pair.Token);
            await echo.WriteAsync(one, pair.Token);
            await YamuxPair.ReadExactlyAsync(small, one, pair.Token);
        }

        await stop.CancelAsync();
        await writing;
        await bulk.CloseWriteAsync(pair.Token);
        await reading;
        Assert.True(drained > 0);
        Assert.NotNull(pair.Client.RoundTripTime);
        Assert.Equal(EndReason.None, small.EndReason);
    }

    [Fact]
    public async Task A_slow_link_makes_writers_wait()
    {
        (MemoryLink link, MemoryLink other) = MemoryLink.CreatePair(4096);
        await using YamuxSession session = YamuxSession.Start(link, true, YamuxOptions.Default, TimeProvider.System);
        using var deadline = new CancellationTokenSource(YamuxPair.Patience);
        var writes = new List<ValueTask>();
        long taken = 0;
        for (int i = 0; i < 64; i++)
        {
            MuxedStream stream = await session.OpenStreamAsync(deadline.Token);
            ValueTask write = stream.WriteAsync(new byte[100_000], deadline.Token);
            taken += write.IsCompleted ? 100_000 : 0;
            writes.Add(write);
        }

        Assert.True(taken <= 2 * YamuxOptions.Default.BatchBytes, $"{taken} bytes were taken from writers that nobody reads from");
        other.Abort();
        foreach (ValueTask write in writes)
        {
            await WaitOutAsync(write);
        }

        Assert.Equal(EndReason.LinkLost, await session.Completion.WaitAsync(deadline.Token));
    }

    [Fact]
    public async Task A_lost_link_ends_everything_with_its_reason()
    {
        (MemoryLink link, MemoryLink other) = MemoryLink.CreatePair();
        await using YamuxSession session = YamuxSession.Start(link, true, YamuxOptions.Default, TimeProvider.System);
        using var deadline = new CancellationTokenSource(YamuxPair.Patience);
        MuxedStream stream = await session.OpenStreamAsync(deadline.Token);
        ValueTask<int> read = stream.ReadAsync(new byte[1], deadline.Token);
        ValueTask<MuxedStream?> accept = session.AcceptStreamAsync(deadline.Token);
        other.Abort();
        Assert.Equal(EndReason.LinkLost, await session.Completion.WaitAsync(deadline.Token));
        Assert.Null(await accept);
        Assert.Equal(EndReason.LinkLost, (await Assert.ThrowsAsync<StreamEndedException>(async () => await read)).Reason);
        var refused = await Assert.ThrowsAsync<StreamEndedException>(async () => await session.OpenStreamAsync(deadline.Token));
        Assert.Equal(EndReason.LinkLost, refused.Reason);
        await session.DisposeAsync();
        await session.DisposeAsync();
    }

    [Fact]
    public async Task Who_reads_first_is_heard_of_at_once()
    {
        await using var pair = new YamuxPair(time: new FakeTimeProvider()); // no tick helps
        await pair.OpenAsync();
        while (pair.Client.RoundTripTime is null || pair.Server.RoundTripTime is null)
        {
            pair.Token.ThrowIfCancellationRequested(); // the first pings would take the opening along
            await Task.Yield();
        }

        MuxedStream mine = await pair.Client.OpenStreamAsync(pair.Token);
        ValueTask<int> read = mine.ReadAsync(new byte[10], pair.Token);
        MuxedStream theirs = (await pair.Server.AcceptStreamAsync(pair.Token))!;
        await theirs.WriteAsync(new byte[3], pair.Token);
        Assert.Equal(3, await read);
    }

    [Fact]
    public async Task A_reset_drops_what_was_not_read()
    {
        await using var pair = new YamuxPair();
        (MuxedStream mine, MuxedStream theirs) = await pair.OpenAsync();
        await mine.WriteAsync(new byte[1000], pair.Token);
        Assert.Equal(1, await theirs.ReadAsync(new byte[1], pair.Token)); // the rest is buffered, or soon will be
        mine.Reset(EndReason.None);
        while (theirs.EndReason == EndReason.None || pair.Server.UnreadBytes > 0)
        {
            pair.Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        await Assert.ThrowsAsync<StreamEndedException>(async () => await theirs.ReadAsync(new byte[1], pair.Token));
    }

    [Fact]
    public async Task The_last_words_of_a_remote_that_closed_are_read_though_writing_fails()
    {
        (MemoryLink inner, MemoryLink peer) = MemoryLink.CreatePair();
        var link = new MuteLink(inner);
        await using YamuxSession session = YamuxSession.Start(link, true, YamuxOptions.Default, TimeProvider.System);
        using var deadline = new CancellationTokenSource(YamuxPair.Patience);
        await link.WriteFailed.WaitAsync(deadline.Token);
        await peer.WriteAsync(Convert.FromHexString("000000050000000200000003" + "616263"), deadline.Token);
        await peer.DisposeAsync();
        MuxedStream stream = (await session.AcceptStreamAsync(deadline.Token))!;
        Assert.Equal("abc"u8.ToArray(), await YamuxPair.ReadAllAsync(stream, deadline.Token));
        Assert.Equal(EndReason.ClosedByRemote, await session.Completion.WaitAsync(deadline.Token));
    }

    [Fact]
    public async Task Opens_wait_for_acknowledgements_and_go_on_with_each()
    {
        await using var pair = new YamuxPair(new YamuxOptions { MaxUnacknowledgedOpens = 2 });
        var streams = new List<MuxedStream>();
        for (int i = 0; i < 2; i++)
        {
            streams.Add(await pair.Client.OpenStreamAsync(pair.Token));
            await streams[i].WriteAsync(new byte[1], pair.Token);
        }

        Task<MuxedStream> third = pair.Client.OpenStreamAsync(pair.Token).AsTask();
        Assert.False(third.IsCompleted);
        MuxedStream accepted = (await pair.Server.AcceptStreamAsync(pair.Token))!;
        await accepted.WriteAsync(new byte[1], pair.Token); // carries the acknowledgement
        MuxedStream stream = await third.WaitAsync(pair.Token);

        Task<MuxedStream> fourth = pair.Client.OpenStreamAsync(pair.Token).AsTask();
        Assert.False(fourth.IsCompleted);
        stream.Reset(EndReason.None); // the remote never heard of it: its place is free at once
        await fourth.WaitAsync(pair.Token);

        Task<MuxedStream> fifth = pair.Client.OpenStreamAsync(pair.Token).AsTask();
        await pair.Client.DisposeAsync();
        await Assert.ThrowsAsync<StreamEndedException>(async () => await fifth);
    }

    [Fact]
    public async Task A_bad_option_is_refused_before_anything_starts()
    {
        (MemoryLink link, MemoryLink other) = MemoryLink.CreatePair();
        YamuxOptions good = YamuxOptions.Default;
        YamuxOptions[] bad =
        [
            good with { MaxWindowBytes = YamuxReceiveWindow.InitialBytes - 1 },
            good with { MaxWindowGrowthBytes = -1 },
            good with { MaxUnreadBytes = good.MaxWindowGrowthBytes },
            good with { MaxUnacknowledgedOpens = 0 },
            good with { AcceptBacklog = 0 },
            good with { MaxPendingRefusals = 0 },
            good with { MaxInboundStreams = 0 },
            good with { MaxPendingPongs = 0 },
            good with { MaxDataFrameBytes = 64 * 1024 + 1 },
            good with { BatchBytes = 1024 },
            good with { ReadBufferBytes = 0 },
            good with { KeepAliveInterval = TimeSpan.Zero },
            good with { PingTimeout = TimeSpan.FromDays(2) },
            good with { HalfClosedTimeout = -TimeSpan.FromTicks(1) },
            good with { CloseTimeout = TimeSpan.Zero },
        ];
        foreach (YamuxOptions options in bad)
        {
            Assert.Throws<ArgumentOutOfRangeException>(
                () => { _ = YamuxSession.Start(link, true, options, TimeProvider.System); });
        }

        await link.DisposeAsync();
        await other.DisposeAsync();
    }

    /// <summary>A link whose other side no longer reads.</summary>
    private sealed class MuteLink(MemoryLink inner) : ILink
    {
        private readonly TaskCompletionSource _failed = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task WriteFailed => _failed.Task;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            _failed.TrySetResult();
            return ValueTask.FromException(new IOException("nobody reads"));
        }

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private static async Task<int> OpenCountAsync(YamuxSession session, int expected, CancellationToken token)
    {
        while (session.OpenStreamCount != expected)
        {
            token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        return expected;
    }

    private static async Task WaitOutAsync(ValueTask task)
    {
        try
        {
            await task;
        }
        catch (IOException)
        {
        }
    }

    private static async Task WriteUntilAsync(MuxedStream stream, CancellationToken token)
    {
        var block = new byte[1_000_000];
        try
        {
            while (true)
            {
                await stream.WriteAsync(block, token);
            }
        }
        catch (OperationCanceledException)
        {
        }
    }

    private static async Task EchoAsync(YamuxSession session, CancellationToken token)
    {
        var serving = new List<Task>();
        while (await session.AcceptStreamAsync(token) is { } stream)
        {
            serving.Add(Task.Run(async () =>
            {
                await using MuxedStream owned = stream;
                await owned.WriteAsync(await YamuxPair.ReadAllAsync(owned, token), token);
                await owned.CloseWriteAsync(token);
            }, token));
        }

        await Task.WhenAll(serving);
    }

    private static async Task AskAsync(YamuxSession session, int seed, CancellationToken token)
    {
        byte[] question = YamuxPair.Bytes(1 + (seed * 37 % 5000), seed);
        await using MuxedStream stream = await session.OpenStreamAsync(token);
        await stream.WriteAsync(question, token);
        await stream.CloseWriteAsync(token);
        Assert.Equal(question, await YamuxPair.ReadAllAsync(stream, token));
    }
}
