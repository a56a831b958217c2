using CsCheck;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>A real session against a peer that says whatever it likes.</summary>
public sealed class YamuxHostileTests : IAsyncLifetime
{
    private readonly CancellationTokenSource _deadline = new(YamuxPair.Patience);
    private readonly FakeTimeProvider _time = new();
    private readonly MemoryLink _peer;
    private readonly YamuxSession _session;
    private readonly YamuxFrameReader _reader = new(64 * 1024);

    public YamuxHostileTests()
    {
        (MemoryLink link, _peer) = MemoryLink.CreatePair();
        _session = YamuxSession.Start(link, isClient: false, YamuxOptions.Default, _time);
    }

    private CancellationToken Token => _deadline.Token;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        _peer.Abort();
        await _session.DisposeAsync();
        _reader.Dispose();
        _deadline.Dispose();
    }

    [Theory]
    [InlineData("010000000000000100000000", EndReason.MalformedMessage)] // another version
    [InlineData("000400000000000100000000", EndReason.MalformedMessage)] // another type
    [InlineData("000100000000000000000000", EndReason.MalformedMessage)] // a stream frame for the session
    [InlineData("000000010000000200000000", EndReason.UnexpectedMessage)] // opens our half of the ids
    [InlineData("000000010000000100040001", EndReason.WindowExceeded)] // CVE-2026-32314: SYN body beyond the window
    [InlineData("0000000000000009ffffffff", EndReason.WindowExceeded)] // 4 GiB for nobody
    public async Task A_broken_rule_is_answered_with_go_away_and_the_end(string hex, EndReason reason)
    {
        await SendLastAsync(Convert.FromHexString(hex));
        Assert.Equal(reason, await _session.Completion.WaitAsync(Token));
        YamuxHeader last = default;
        while (await NextAsync() is { } header)
        {
            last = header;
        }

        Assert.Equal(new YamuxHeader(YamuxFrameType.GoAway, YamuxFlags.None, 0, (uint)YamuxGoAwayCode.ProtocolError), last);
    }

    [Fact]
    public async Task The_body_for_a_forgotten_stream_is_read_and_dropped()
    {
        await SendAsync(YamuxFrameType.Data, YamuxFlags.None, 41, YamuxPair.Bytes(100_000, seed: 5));
        await SendAsync(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 1, "alive"u8.ToArray());
        MuxedStream stream = (await _session.AcceptStreamAsync(Token))!;
        Assert.Equal("alive"u8.ToArray(), await YamuxPair.ReadAllAsync(stream, Token));
        Assert.Equal(0, _session.UnreadBytes);
    }

    [Fact]
    public async Task A_stream_nobody_reads_neither_blocks_the_others_nor_holds_more_than_its_window()
    {
        await SendAsync(YamuxFrameType.Data, YamuxFlags.Syn, 1, new byte[YamuxReceiveWindow.InitialBytes]);
        await SendAsync(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 3, "past it"u8.ToArray());
        await _session.AcceptStreamAsync(Token);
        MuxedStream second = (await _session.AcceptStreamAsync(Token))!;
        Assert.Equal("past it"u8.ToArray(), await YamuxPair.ReadAllAsync(second, Token));
        Assert.Equal(YamuxReceiveWindow.InitialBytes, _session.UnreadBytes);
        await SendLastAsync(Convert.FromHexString("000000000000000100000001" + "00"));
        Assert.Equal(EndReason.WindowExceeded, await _session.Completion.WaitAsync(Token));
    }

    [Fact]
    public async Task A_flood_of_openings_without_reading_is_cut_off()
    {
        var options = new YamuxOptions { AcceptBacklog = 10, MaxPendingRefusals = 10, CloseTimeout = TimeSpan.FromMilliseconds(200) };
        (MemoryLink link, MemoryLink peer) = MemoryLink.CreatePair(4096);
        await using YamuxSession session = YamuxSession.Start(link, isClient: false, options, TimeProvider.System);
        var opening = new byte[YamuxHeader.Bytes];
        try
        {
            for (uint id = 1; !session.Completion.IsCompleted; id += 2)
            {
                new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, id, 0).Write(opening);
                await peer.WriteAsync(opening, Token);
                Assert.True(session.OpenStreamCount <= options.AcceptBacklog);
            }
        }
        catch (IOException)
        {
            // Closed while we wrote; its last word may have found no reader, which it did not wait for.
        }

        Assert.Equal(EndReason.TooManyRequests, await session.Completion.WaitAsync(Token));
    }

    [Fact]
    public async Task A_ping_is_answered_while_nobody_reads_any_stream()
    {
        await SendAsync(YamuxFrameType.Data, YamuxFlags.Syn, 1, new byte[100_000]);
        await PingAsync(0xdeadbeef);
    }

    [Fact]
    public async Task A_silent_peer_is_given_up()
    {
        Assert.Equal(YamuxFrameType.Ping, (await NextAsync())!.Value.Type);
        await AdvanceUntilEndedAsync();
        Assert.Equal(EndReason.Timeout, await _session.Completion);
    }

    [Fact]
    public async Task A_stream_half_closed_and_forgotten_is_reset()
    {
        await SendAsync(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 1, new byte[1]);
        MuxedStream stream = (await _session.AcceptStreamAsync(Token))!;
        while (stream.EndReason == EndReason.None)
        {
            _time.Advance(TimeSpan.FromSeconds(5));
            await PingAsync(0xdeadbeef); // a sign of life, heard before time goes on
        }

        Assert.Equal(EndReason.Timeout, stream.EndReason);
    }

    [Fact]
    public async Task A_go_away_refuses_opens_and_the_end_of_a_frame_cut_short_is_a_lost_link()
    {
        MuxedStream stream = await _session.OpenStreamAsync(Token);
        await stream.WriteAsync(new byte[1], Token);
        await _peer.WriteAsync(Convert.FromHexString("000300000000000000000000"), Token);
        Task<MuxedStream> open = _session.OpenStreamAsync(Token).AsTask();
        while (open.IsCompletedSuccessfully)
        {
            Token.ThrowIfCancellationRequested();
            (await open).Reset(EndReason.None);
            open = _session.OpenStreamAsync(Token).AsTask();
        }

        var refused = await Assert.ThrowsAsync<StreamEndedException>(() => open);
        Assert.Equal(EndReason.ClosedByRemote, refused.Reason);
        Assert.Equal(EndReason.None, stream.EndReason);
        await SendLastAsync(new byte[5]);
        await _peer.DisposeAsync();
        Assert.Equal(EndReason.LinkLost, await _session.Completion.WaitAsync(Token));
    }

    [Fact]
    public async Task Any_bytes_end_a_session_in_a_typed_way_and_nothing_throws() =>
        await Gen.Select(Gen.Byte[0, 5], Gen.Byte[0, 20], Gen.UInt[0, 6], Gen.UInt[0, 40], Gen.Byte.Array[0, 60])
            .Array[0, 30].SampleAsync(async frames =>
            {
                (MemoryLink link, MemoryLink peer) = MemoryLink.CreatePair();
                await using YamuxSession session =
                    YamuxSession.Start(link, isClient: false, YamuxOptions.Default, TimeProvider.System);
                try
                {
                    foreach ((byte type, byte flags, uint id, uint length, byte[] junk) in frames)
                    {
                        var header = new byte[YamuxHeader.Bytes];
                        new YamuxHeader((YamuxFrameType)type, (YamuxFlags)flags, id, length).Write(header);
                        await peer.WriteAsync(header, Token);
                        await peer.WriteAsync(type == 0 ? new byte[length] : junk.AsMemory(0, junk.Length % 13 == 12 ? 12 : 0), Token);
                    }
                }
                catch (IOException)
                {
                    // The session has ended before we were done.
                }

                await peer.DisposeAsync();
                Assert.NotEqual(EndReason.None, await session.Completion.WaitAsync(Token));
            }, iter: 100);

    /// <summary>Sends what ends the session, which may be quicker than the write.</summary>
    private async Task SendLastAsync(byte[] bytes)
    {
        try
        {
            await _peer.WriteAsync(bytes, Token);
        }
        catch (IOException)
        {
        }
    }

    /// <summary>Asks, and waits for the answer.</summary>
    private async Task PingAsync(uint value)
    {
        var ping = new YamuxHeader(YamuxFrameType.Ping, YamuxFlags.Syn, 0, value);
        var bytes = new byte[YamuxHeader.Bytes];
        ping.Write(bytes);
        await _peer.WriteAsync(bytes, Token);
        while (await NextAsync() != ping with { Flags = YamuxFlags.Ack })
        {
            Token.ThrowIfCancellationRequested();
            Assert.False(_session.Completion.IsCompleted, "the session ended instead of answering");
        }
    }

    private async Task AdvanceUntilEndedAsync()
    {
        while (!_session.Completion.IsCompleted)
        {
            Token.ThrowIfCancellationRequested();
            _time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }
    }

    private async Task SendAsync(YamuxFrameType type, YamuxFlags flags, uint id, byte[] body)
    {
        var frame = new byte[YamuxHeader.Bytes + body.Length];
        new YamuxHeader(type, flags, id, (uint)body.Length).Write(frame);
        body.CopyTo(frame, YamuxHeader.Bytes);
        await _peer.WriteAsync(frame, Token);
    }

    /// <summary>The next header from the session, or null at the end; bodies are skipped.</summary>
    private async Task<YamuxHeader?> NextAsync()
    {
        while (true)
        {
            YamuxFramePart part = _reader.Next(out YamuxHeader header, out _);
            if (part == YamuxFramePart.Header)
            {
                return header;
            }

            if (part != YamuxFramePart.NeedsMore)
            {
                continue;
            }

            int read = await _peer.ReadAsync(_reader.Free, Token);
            if (read == 0)
            {
                return null;
            }

            _reader.Advance(read);
        }
    }
}
