using System.Buffers;
using System.Diagnostics;
using System.Globalization;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Bench;

/// <summary>Yamux alone: two sessions in one process over an in-memory link, without encryption.</summary>
/// <remarks>Each row runs for about a second after a warm-up of the same kind. MB are 10^6 bytes, each way counted once.</remarks>
internal static class YamuxThroughput
{
    private static readonly TimeSpan RowTime = TimeSpan.FromSeconds(1);

    public static async Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        foreach (int bytes in new[] { 128, 4 * 1024, 64 * 1024, 1024 * 1024 })
        {
            await BulkAsync(bytes, streams: 1);
        }

        await BulkAsync(64 * 1024, streams: 16);
        foreach (int bytes in new[] { 128, 256 * 1024 })
        {
            foreach (int atOnce in new[] { 1, 16, 64 })
            {
                await EchoAsync(bytes, atOnce, newStreams: false);
                await EchoAsync(bytes, atOnce, newStreams: true);
            }
        }
    }

    private static async Task BulkAsync(int bytes, int streams)
    {
        await using var world = new World(DrainAsync);
        await MeasureAsync($"one way, {bytes} B writes, {streams} stream(s)", streams, async (until, _) =>
        {
            var block = new byte[bytes];
            await using MuxedStream stream = await world.Client.OpenStreamAsync(default);
            long count = 0;
            for (; !until(); count++)
            {
                await stream.WriteAsync(block, default);
            }

            await stream.CloseWriteAsync(default);
            await stream.ReadAsync(new byte[1], default); // the other side has read everything
            return (count, count * bytes);
        });
    }

    private static async Task EchoAsync(int bytes, int atOnce, bool newStreams)
    {
        await using var world = new World(EchoAsync);
        string kind = newStreams ? "new stream" : "kept stream";
        await MeasureAsync($"echo {bytes} B, {kind}, {atOnce} at once", atOnce, async (until, _) =>
        {
            var block = new byte[bytes];
            long count = 0;
            MuxedStream stream = await world.Client.OpenStreamAsync(default);
            for (; !until(); count++)
            {
                await AskAsync(stream, block);
                if (newStreams)
                {
                    await stream.CloseWriteAsync(default);
                    await stream.DisposeAsync();
                    stream = await world.Client.OpenStreamAsync(default);
                }
            }

            await stream.DisposeAsync();
            return (count, count * bytes);
        });
    }

    private static async Task MeasureAsync(string name, int tasks, Func<Func<bool>, int, Task<(long Count, long Bytes)>> body)
    {
        await RunAsync(tasks, RowTime / 2, body);
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        (double seconds, long count, long bytes) = await RunAsync(tasks, RowTime, body);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-40} {bytes / seconds / 1e6,8:0} MB/s {count / seconds,10:0}/s {(double)allocated / count,8:0.0} B allocated each"));
    }

    private static async Task<(double Seconds, long Count, long Bytes)> RunAsync(
        int tasks, TimeSpan time, Func<Func<bool>, int, Task<(long Count, long Bytes)>> body)
    {
        var watch = Stopwatch.StartNew();
        (long Count, long Bytes)[] results = await Task.WhenAll(
            Enumerable.Range(0, tasks).Select(i => Task.Run(() => body(() => watch.Elapsed > time, i))));
        return (watch.Elapsed.TotalSeconds, results.Sum(result => result.Count), results.Sum(result => result.Bytes));
    }

    private static async Task AskAsync(MuxedStream stream, byte[] block)
    {
        ValueTask write = stream.WriteAsync(block, default);
        int read = 0;
        while (read < block.Length)
        {
            read += await stream.ReadAsync(block.AsMemory(read), default);
        }

        await write;
    }

    private static async Task DrainAsync(MuxedStream stream)
    {
        var buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, default) > 0)
        {
        }

        await stream.CloseWriteAsync(default);
    }

    private static async Task EchoAsync(MuxedStream stream)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(64 * 1024);
        int read;
        while ((read = await stream.ReadAsync(buffer, default)) > 0)
        {
            await stream.WriteAsync(buffer.AsMemory(0, read), default);
        }

        ArrayPool<byte>.Shared.Return(buffer);
        await stream.CloseWriteAsync(default);
    }

    private sealed class World : IAsyncDisposable
    {
        private readonly YamuxSession _server;
        private readonly Task _serving;

        public World(Func<MuxedStream, Task> serve)
        {
            (MemoryLink first, MemoryLink second) = MemoryLink.CreatePair();
            Client = YamuxSession.Start(first, isClient: true, YamuxOptions.Default, TimeProvider.System);
            _server = YamuxSession.Start(second, isClient: false, YamuxOptions.Default, TimeProvider.System);
            _serving = Task.Run(() => ServeAsync(serve));
        }

        public YamuxSession Client { get; }

        public async ValueTask DisposeAsync()
        {
            await Client.DisposeAsync();
            await _server.DisposeAsync();
            await _serving;
        }

        private async Task ServeAsync(Func<MuxedStream, Task> serve)
        {
            var open = new List<Task>();
            while (await _server.AcceptStreamAsync(default) is { } stream)
            {
                open.RemoveAll(task => task.IsCompleted);
                open.Add(Task.Run(() => ServeOneAsync(stream, serve)));
            }

            await Task.WhenAll(open);
        }

        private static async Task ServeOneAsync(MuxedStream stream, Func<MuxedStream, Task> serve)
        {
            await using MuxedStream owned = stream;
            try
            {
                await serve(owned);
            }
            catch (IOException)
            {
                // The client has ended the stream or the session.
            }
        }
    }
}
