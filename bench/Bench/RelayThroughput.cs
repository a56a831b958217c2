using System.Globalization;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Perf;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using Node = P2PLearn.Networking.Swarm.Swarm;

namespace P2PLearn.Bench;

/// <summary>
/// /perf between two swarms, directly and through a relay, over loopback TCP, Noise and yamux, all in one process: a relayed byte
/// is encrypted three times and decrypted three times by the same cores.
/// </summary>
internal static class RelayThroughput
{
    private const ulong Bytes = 300_000_000;
    private const int Pings = 200;
    private static readonly Multiaddr Loopback = Multiaddr.Parse("/ip4/127.0.0.1/tcp/0");

    public static async Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        using KeyPair relayKey = KeyPair.Generate();
        using KeyPair targetKey = KeyPair.Generate();
        await using Node relay = Create(relayKey);
        await using Node target = Create(targetKey);
        await relay.ListenAsync(Loopback, default);
        await target.ListenAsync(Loopback, default);
        await using var server = new RelayServer(
            relay.Network,
            new RelayServerOptions { IsMember = static _ => true, MemberLimit = null, MaxBytesPerSecond = 0 });
        server.SetActive(true);
        await using var client = new RelayClient(target.Network, new RelayClientOptions());
        client.Start();
        client.SetNeeded(true);
        await target.ConnectAsync(relay.ListenAddresses[0], default);
        while (client.Reservations.Count == 0)
        {
            await Task.Delay(1);
        }

        Multiaddr circuit = relay.ListenAddresses[0].Encapsulate(Multiaddr.Parse($"/p2p-circuit/p2p/{target.LocalPeer}"));
        for (int i = 0; i < 3; i++)
        {
            await MeasureAsync("direct", target.ListenAddresses[0], target.LocalPeer);
            await MeasureAsync("relayed", circuit, target.LocalPeer);
        }

        Print($"relayed in all: {server.Status.BytesRelayed / 1e6:F0} MB");
    }

    private static async Task MeasureAsync(string name, Multiaddr way, PeerId target)
    {
        using KeyPair key = KeyPair.Generate();
        await using Node node = Create(key);
        node.Network.UseCircuits(new CircuitTransport(node.Network, new RelayClientOptions()));
        await node.ConnectAsync(way, default);
        TimeSpan ping = TimeSpan.MaxValue;
        for (int i = 0; i < Pings; i++)
        {
            TimeSpan one = await node.PingAsync(target, default);
            ping = one < ping ? one : ping;
        }

        long before = GC.GetTotalAllocatedBytes();
        PerfResult result = await PerfProtocol.MeasureAsync(node, target, Bytes, Bytes, TimeProvider.System, default);
        long allocated = GC.GetTotalAllocatedBytes() - before;
        ulong perMegabyte = (ulong)allocated / (2 * Bytes / 1_000_000);
        Print($"{name,-8} up {Rate(result.Upload)} MB/s, down {Rate(result.Download)} MB/s, fastest ping {ping.TotalMicroseconds:F0} us");
        Print($"         {perMegabyte} bytes allocated per MB");
    }

    private static Node Create(KeyPair key) => new(new SwarmOptions { Identity = key, EnablePerf = true });

    private static string Rate(TimeSpan time) =>
        (Bytes / time.TotalSeconds / 1e6).ToString("F0", CultureInfo.InvariantCulture);

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));
}
