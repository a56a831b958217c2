using System.Diagnostics;
using System.Globalization;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Perf;
using P2PLearn.Networking.Swarm;
using Node = P2PLearn.Networking.Swarm.Swarm;

namespace P2PLearn.Bench;

/// <summary>
/// Two swarms in two processes over loopback TCP, Noise and yamux: dialling, a stream for each request, and /perf.
/// Arguments: none, or
/// <c>serve</c> for the other process, which this one starts by itself.
/// </summary>
internal static class SwarmThroughput
{
    private const int Dials = 200;
    private const ulong PerfBytes = 500_000_000;
    private static readonly TimeSpan RowTime = TimeSpan.FromSeconds(2);
    private static readonly ProtocolId Echo = new("/bench/echo/1.0.0");

    public static async Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        if (args.Contains("serve"))
        {
            await ServeAsync();
            return;
        }

        using Process server = StartServer();
        Multiaddr address = Multiaddr.Parse((await server.StandardOutput.ReadLineAsync())!);
        await DialsAsync(address);
        using KeyPair key = KeyPair.Generate();
        await using Node node = Create(key);
        PeerId peer = await node.ConnectAsync(address, default);
        while (node.GetPeerInfo(peer)?.Protocols is null)
        {
            await Task.Delay(1);
        }

        foreach (int bytes in new[] { 128, 256 * 1024 })
        {
            foreach (int atOnce in new[] { 1, 16, 64 })
            {
                await RequestsAsync(node, peer, bytes, atOnce);
            }
        }

        for (int i = 0; i < 3; i++)
        {
            PerfResult result = await PerfProtocol.MeasureAsync(
                node, peer, PerfBytes, PerfBytes, TimeProvider.System, default);
            Print($"/perf upload {Rate(result.Upload)} MB/s, download {Rate(result.Download)} MB/s");
        }

        server.StandardInput.Close();
        await server.WaitForExitAsync();
    }

    private static Node Create(KeyPair key)
    {
        var node = new Node(new SwarmOptions
        {
            Identity = key,
            EnablePerf = true,
            Limits = new() { InboundBurstPerIp = 100_000, MaxConnectionsPerIp = 1_000 },
        });
        node.Handle(Echo, async (stream, token) =>
        {
            byte[] buffer = System.Buffers.ArrayPool<byte>.Shared.Rent(64 * 1024);
            int read;
            while ((read = await stream.ReadAsync(buffer, token)) > 0)
            {
                await stream.WriteAsync(buffer.AsMemory(0, read), token);
            }

            await stream.CloseWriteAsync(token);
            System.Buffers.ArrayPool<byte>.Shared.Return(buffer);
        });
        return node;
    }

    private static async Task ServeAsync()
    {
        using KeyPair key = KeyPair.Generate();
        await using Node node = Create(key);
        Console.WriteLine(await node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default));
        while (await Console.In.ReadLineAsync() is not null)
        {
        }
    }

    private static Process StartServer()
    {
        string[] own = Environment.GetCommandLineArgs();
        var info = new ProcessStartInfo(
            Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
        {
            info.ArgumentList.Add(own[0]);
        }

        foreach (string argument in own.Skip(1).Append("serve"))
        {
            info.ArgumentList.Add(argument);
        }

        return Process.Start(info)!;
    }

    private static async Task DialsAsync(Multiaddr address)
    {
        var times = new List<double>();
        for (int i = 0; i < Dials; i++)
        {
            using KeyPair key = KeyPair.Generate();
            await using Node node = Create(key);
            long start = Stopwatch.GetTimestamp();
            await node.ConnectAsync(address, default);
            times.Add(Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        times.RemoveRange(0, Dials / 10); // while the compiler warms up
        times.Sort();
        Print($"dial until ready: median {times[times.Count / 2]:F2} ms, fastest {times[0]:F2} ms, of {times.Count}");
    }

    private static async Task RequestsAsync(Node node, PeerId peer, int bytes, int atOnce)
    {
        byte[] request = new byte[bytes];
        await Task.WhenAll(Enumerable.Range(0, atOnce).Select(_ => AskAsync(node, peer, request)));
        long allocated = GC.GetTotalAllocatedBytes();
        long start = Stopwatch.GetTimestamp();
        long[] counts = await Task.WhenAll(Enumerable.Range(0, atOnce).Select(async _ =>
        {
            long count = 0;
            for (; Stopwatch.GetElapsedTime(start) < RowTime; count++)
            {
                await AskAsync(node, peer, request);
            }

            return count;
        }));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        long total = counts.Sum();
        long each = (GC.GetTotalAllocatedBytes() - allocated) / total;
        Print($"{bytes,7} B, new stream, {atOnce,2} at once: {total / seconds,7:F0}/s, {each} B allocated each");
    }

    private static async Task AskAsync(Node node, PeerId peer, byte[] request)
    {
        await using PeerStream stream = await node.OpenStreamAsync(peer, Echo, default);
        Task writing = SendAsync(stream, request);
        byte[] answer = System.Buffers.ArrayPool<byte>.Shared.Rent(request.Length);
        await stream.ReadExactlyAsync(answer.AsMemory(0, request.Length));
        await writing;
        if (await stream.ReadAsync(answer) != 0)
        {
            throw new InvalidDataException("more came back than was sent");
        }

        System.Buffers.ArrayPool<byte>.Shared.Return(answer);
    }

    private static async Task SendAsync(PeerStream stream, byte[] request)
    {
        await stream.WriteAsync(request);
        await stream.CloseWriteAsync(default);
    }

    private static string Rate(TimeSpan time) =>
        (PerfBytes / 1e6 / time.TotalSeconds).ToString("F0", CultureInfo.InvariantCulture);

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
