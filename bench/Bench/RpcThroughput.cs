using System.Diagnostics;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Bench;

/// <summary>RPC between two processes over Noise, yamux and TCP on loopback: unary echo, and bulk one way.</summary>
internal static class RpcThroughput
{
    private const int BulkMessageBytes = 4 << 20;
    private static readonly TimeSpan BulkTime = TimeSpan.FromSeconds(3);

    public static async Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        using KeyPair identity = KeyPair.Generate();
        await using var swarm = new Swarm(new SwarmOptions { Identity = identity });
        await using var rpc = new RpcEndpoint(swarm, new RpcOptions(), TimeProvider.System);
        if (args.Contains(ThroughputTable.ServeArgument))
        {
            await ServeAsync(swarm, rpc);
            return;
        }

        (Process process, string address) = await ThroughputTable.StartServerAsync("rpc");
        using (process)
        {
            await MeasureAsync(swarm, rpc, address);
            process.StandardInput.Close();
            await process.WaitForExitAsync();
        }
    }

    private static async Task ServeAsync(Swarm swarm, RpcEndpoint rpc)
    {
        Multiaddr address = await swarm.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default);
        RpcUnaryHandler echo = static (request, _) => ValueTask.FromResult(RpcPayload.Wrap(request.Body));
        rpc.Map("echo", echo);
        rpc.Map("echo-inline", echo, new RpcMethodOptions { RunInline = true });
        rpc.Map("allocated", static (_, _) =>
            ValueTask.FromResult(RpcPayload.Copy(BitConverter.GetBytes(GC.GetTotalAllocatedBytes(precise: true)))));
        rpc.MapStream("sink", SinkAsync, new RpcMethodOptions { MaxRequestBytes = BulkMessageBytes, MaxStreamBytes = long.MaxValue });
        await ThroughputTable.ServeUntilClosedAsync(address.ToString());
    }

    private static async Task SinkAsync(RpcCall call, CancellationToken cancellationToken)
    {
        byte[] own = new byte[BulkMessageBytes];
        long bytes = 0;
        int length;
        while ((length = await call.NextAsync(cancellationToken)) >= 0)
        {
            await call.ReadExactlyAsync(own.AsMemory(0, length), cancellationToken);
            bytes += length;
        }

        await call.WriteAsync(BitConverter.GetBytes(bytes), cancellationToken);
    }

    private static async Task MeasureAsync(Swarm swarm, RpcEndpoint rpc, string address)
    {
        PeerId peer = await swarm.ConnectAsync(Multiaddr.Parse(address), default);
        foreach (string method in new[] { "echo", "echo-inline" })
        {
            Console.WriteLine(method);
            await ThroughputTable.MeasureAsync(
                async request =>
                {
                    using RpcPayload answer = await rpc.CallAsync(peer, method, request, default);
                },
                async () =>
                {
                    using RpcPayload answer = await rpc.CallAsync(peer, "allocated", default, default);
                    return BitConverter.ToInt64(answer.Span);
                });
        }

        for (int i = 0; i < 2; i++)
        {
            await MeasureBulkAsync(rpc, peer);
        }
    }

    private static async Task MeasureBulkAsync(RpcEndpoint rpc, PeerId peer)
    {
        byte[] message = new byte[BulkMessageBytes];
        var watch = Stopwatch.StartNew();
        await using RpcCall call = await rpc.OpenAsync(peer, "sink", default, default);
        while (watch.Elapsed < BulkTime)
        {
            await call.WriteAsync(message, default);
        }

        using RpcPayload answer = await call.FinishAsync(8, default);
        double megabytes = BitConverter.ToInt64(answer.Span) / 1e6;
        ThroughputTable.Print($"one way, {BulkMessageBytes} B messages: {megabytes / watch.Elapsed.TotalSeconds:0} MB/s");
    }
}
