using System.Diagnostics;
using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Protocols.Perf;
using P2PLearn.Networking.Swarm;
using Node = P2PLearn.Networking.Swarm.Swarm;

namespace P2PLearn.Bench;

/// <summary>
/// 100 MB to joiners that all begin at once, over loopback TCP, Noise and yamux, all in one process, stores on the disk: time, and how many
/// copies the seeder sends. Arguments: number of joiners (8), megabytes (100).
/// </summary>
internal static class BlockSpread
{
    public static async Task RunAsync(string[] args)
    {
        ArgumentNullException.ThrowIfNull(args);
        int joinerCount = args.Length > 0 ? int.Parse(args[0], CultureInfo.InvariantCulture) : 8;
        int bytes = 1_000_000 * (args.Length > 1 ? int.Parse(args[1], CultureInfo.InvariantCulture) : 100);
        byte[] model = new byte[bytes];
        new Random(1).NextBytes(model);
        IReadOnlyList<BlockPart> parts = BlockSplitter.Split(model, []);
        BlockRef[] blocks = [.. parts.Select(p => new BlockRef(p.Cid, p.Size))];
        string folder = Directory.CreateTempSubdirectory("p2plearn-bench-").FullName;
        try
        {
            await using Peer seeder = await Peer.StartAsync(folder, 0);
            long began = Stopwatch.GetTimestamp();
            await Task.WhenAll(parts.Select(p => seeder.Store.PutAsync(Block.Create(model.AsMemory(p.Offset, p.Size)), default).AsTask()));
            Print($"stored {bytes / 1e6:F0} MB in {blocks.Length} blocks: {Stopwatch.GetElapsedTime(began).TotalSeconds:F2} s");
            await PerfAsync(seeder, bytes);
            await SpreadAsync(folder, seeder, 1, 1, blocks);
            await SpreadAsync(folder, seeder, joinerCount, 100, blocks);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What the line carries: the ideal of one copy.</summary>
    private static async Task PerfAsync(Peer seeder, int bytes)
    {
        using KeyPair key = KeyPair.Generate();
        await using Node node = new(new SwarmOptions { Identity = key });
        await node.ConnectAsync(seeder.Node.ListenAddresses[0], default);
        for (int i = 0; i < 2; i++)
        {
            PerfResult result = await PerfProtocol.MeasureAsync(node, seeder.Id, 0, (ulong)bytes, TimeProvider.System, default);
            Print($"/perf: one copy in {result.Download.TotalSeconds:F2} s");
        }
    }

    private static async Task SpreadAsync(string folder, Peer seeder, int count, int first, BlockRef[] blocks)
    {
        Peer[] joiners = await Task.WhenAll(Enumerable.Range(first, count).Select(i => Peer.StartAsync(folder, i)));
        Peer[] all = [seeder, .. joiners];
        foreach (Peer joiner in joiners)
        {
            foreach (Peer other in all.TakeWhile(p => p != joiner))
            {
                await joiner.Node.ConnectAsync(other.Node.ListenAddresses[0], default);
            }
        }

        long sent = seeder.Node.Counters.BytesOut;
        long began = Stopwatch.GetTimestamp();
        await Task.WhenAll(joiners.Select(j => j.Fetcher.FetchAsync(blocks, ListAsync(all.Where(p => p != j)), null, default)));
        double seconds = Stopwatch.GetElapsedTime(began).TotalSeconds;
        double total = blocks.Sum(b => (double)b.Size);
        Print($"{count} joiners: {seconds:F2} s, {total * count / 1e6 / seconds:F0} MB/s in all; the seeder sent {(seeder.Node.Counters.BytesOut - sent) / total:F2} copies");
        foreach (Peer joiner in joiners)
        {
            await joiner.DisposeAsync();
        }
    }

    private static async IAsyncEnumerable<PeerId> ListAsync(
        IEnumerable<Peer> peers, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Task.Yield();
        foreach (Peer peer in peers)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return peer.Id;
        }
    }

    private static void Print(FormattableString line) => Console.WriteLine(line.ToString(CultureInfo.InvariantCulture));

    private sealed class Peer : IAsyncDisposable
    {
        private readonly KeyPair _key;

        private Peer(FileBlockStore store, int number)
        {
            _key = KeyPair.Generate();
            Node = new Node(new SwarmOptions
            {
                Identity = _key, EnablePerf = true, Limits = new() { InboundBurstPerIp = 100_000, MaxConnectionsPerIp = 1_000 },
            });
            Store = store;
            Bitswap = new BitswapService(Node, store, new BitswapOptions(), TimeProvider.System, NullLoggerFactory.Instance);
            Fetcher = new BlockFetcher(Bitswap, store, new FetchOptions(), number, TimeProvider.System, NullLoggerFactory.Instance);
        }

        public Node Node { get; }

        public FileBlockStore Store { get; }

        public BitswapService Bitswap { get; }

        public BlockFetcher Fetcher { get; }

        public PeerId Id => Node.LocalPeer;

        public static async Task<Peer> StartAsync(string folder, int number)
        {
            FileBlockStore store = await FileBlockStore.OpenAsync(
                Path.Combine(folder, $"{number}"), new BlockStoreOptions(), TimeProvider.System, NullLoggerFactory.Instance, default);
            var peer = new Peer(store, number);
            await peer.Node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default);
            return peer;
        }

        public async ValueTask DisposeAsync()
        {
            await Bitswap.DisposeAsync();
            await Node.DisposeAsync();
            await Store.DisposeAsync();
            _key.Dispose();
        }
    }
}
