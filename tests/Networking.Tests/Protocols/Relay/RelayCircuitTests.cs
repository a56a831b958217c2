using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>How circuits share a relay, and what they cost it.</summary>
[Collection(nameof(RelayCircuitTests))]
[CollectionDefinition(nameof(RelayCircuitTests), DisableParallelization = true)]
public sealed class RelayCircuitTests
{
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task A_greedy_circuit_does_not_starve_a_light_one()
    {
        const int trips = 20;
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { IsMember = static _ => true, MaxBytesPerSecond = 200_000 });
        Node b = await net.TargetAsync(2, DrainAsync);
        Node c = await net.TargetAsync(3);
        await using PeerStream greedy = await net.ConnectAsync(await net.JoinAsync(1), b.LocalPeer);
        await using PeerStream light = await net.ConnectAsync(await net.JoinAsync(4), c.LocalPeer);
        Task bulk = OverrunAsync(greedy);
        await Within.UntilAsync(() => net.Server.Status.BytesRelayed > 50_000, "the budget is spent");

        long before = net.Server.Status.BytesRelayed;
        for (int i = 0; i < trips; i++)
        {
            await RelayServerTests.RoundTripAsync(light, 100);
        }

        // by turns of 2 KiB some 4 KiB a round trip; behind the greedy one's windows it were 200 and more
        long perTrip = (net.Server.Status.BytesRelayed - before) / trips;
        Assert.True(perTrip < 64 * 1024, $"{perTrip} bytes went before each round trip of the light circuit");
        greedy.Reset(EndReason.ClosedLocally);
        await bulk.LimitAsync("the end of the bulk");
    }

    [Fact]
    public async Task Who_does_not_read_holds_the_sender_back_not_the_relay()
    {
        const int bytes = 3_000_000;
        const long window = YamuxReceiveWindow.InitialBytes; // does not grow while nobody reads
        var read = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using RelayNet net = await RelayNet.StartAsync(
            o => o with { IsMember = static _ => true, MaxBytesPerSecond = 0 });
        Node b = await net.TargetAsync(2, async (stream, token) =>
        {
            await read.Task;
            await Swarms.EchoAsync(stream, token);
        });
        Node c = await net.TargetAsync(3);
        Node a = await net.JoinAsync(1);
        await using PeerStream stuck = await net.ConnectAsync(a, b.LocalPeer);
        Task trip = RelayServerTests.RoundTripAsync(stuck, bytes);
        await Within.UntilAsync(
            () => net.Server.Status.BytesRelayed > window - (2 * RelayCircuit.ChunkBytes), "the target's window is full");

        await using PeerStream other = await net.ConnectAsync(a, c.LocalPeer);
        await RelayServerTests.RoundTripAsync(other, 100_000); // of the same source, and not held up
        Assert.InRange(net.Server.Status.BytesRelayed - 200_000, window - (2 * RelayCircuit.ChunkBytes), window);

        read.SetResult();
        await trip.LimitAsync("everything arrives after all");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(400_000_000)]
    public async Task Relaying_allocates_nothing_per_chunk(long bytesPerSecond)
    {
        const int chunks = 3000;
        using var budget = new RelayBudget(bytesPerSecond, RelayCircuit.ChunkBytes, TimeProvider.System);
        await RunAsync(budget, 200); // warm
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await RunAsync(budget, chunks);
        long perChunk = (GC.GetTotalAllocatedBytes(precise: true) - before) / (2 * chunks);
        Assert.True(perChunk <= 48, $"{perChunk} bytes allocated per chunk");
    }

    private static async Task RunAsync(RelayBudget budget, int chunks)
    {
        using var a = new Endless(chunks);
        using var b = new Endless(chunks);
        long relayed = 0;
        var circuit = new RelayCircuit(
            a,
            b,
            new CircuitMeter(new LinkLimit(TimeSpan.FromHours(1), null), TimeSpan.FromHours(1)),
            budget,
            TimeProvider.System,
            n => Interlocked.Add(ref relayed, n));
        Assert.Equal(EndReason.Completed, await Task.Run(() => circuit.RunAsync([], [])).LimitAsync("the circuit"));
        Assert.Equal(2L * chunks * RelayCircuit.ChunkBytes, relayed);
        Assert.Equal((a.Given, b.Given), (b.Taken, a.Taken));
        Assert.True(a.IsClosed && b.IsClosed);
    }

    private static async Task DrainAsync(PeerStream stream, CancellationToken token)
    {
        byte[] buffer = new byte[64 * 1024];
        while (await stream.ReadAsync(buffer, token) > 0)
        {
        }
    }

    private static async Task OverrunAsync(PeerStream stream)
    {
        byte[] chunk = new byte[16 * 1024];
        try
        {
            while (true)
            {
                await stream.WriteAsync(chunk, None);
            }
        }
        catch (IOException)
        {
            // Reset by the test.
        }
    }

    /// <summary>Gives so many chunks and takes whatever comes, without allocating.</summary>
    private sealed class Endless(int chunks) : PeerStream
    {
        private int _left = chunks;

        public long Given { get; private set; }

        public long Taken { get; private set; }

        public bool IsClosed { get; private set; }

        public override PeerId RemotePeer => TestPeers.Id(1);

        public override ProtocolId Protocol => RelayProtocols.Hop;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            int given = _left-- > 0 ? buffer.Length : 0;
            Given += given;
            return new ValueTask<int>(given);
        }

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default)
        {
            Taken += buffer.Length;
            return ValueTask.CompletedTask;
        }

        public override ValueTask CloseWriteAsync(CancellationToken cancellationToken)
        {
            IsClosed = true;
            return ValueTask.CompletedTask;
        }

        public override void Reset(EndReason reason) => throw new InvalidOperationException("nothing breaks here");
    }
}
