using System.Buffers;
using System.Collections.Concurrent;
using Akka.Actor;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;
using LogLevel = Microsoft.Extensions.Logging.LogLevel;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class TransportTests
{
    [Fact]
    public async Task A_peer_that_goes_is_one_quiet_line_in_the_log()
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(2);

        await hosts[1].StopAsync();
        await Within.UntilAsync(() => hosts[0].Snapshot.Members.Count == 1, "the leaver is removed");

        Assert.Empty(mesh.Log.At(LogLevel.Error));
        Assert.Empty(mesh.Log.At(LogLevel.Warning));
        Assert.Contains(mesh.Log.At(LogLevel.Information), line => line.Contains("membership link with", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_stream_that_does_not_name_itself_is_closed_after_the_limit()
    {
        await using TestMesh mesh = new();
        ClusterHost host = mesh.Start(0, TestMesh.Options() with
        {
            Transport = new P2PTransportOptions { HandshakeLimit = TimeSpan.FromMilliseconds(200) },
        });
        await host.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        PeerStream silent = await OpenAsync(mesh, 9);

        await Assert.ThrowsAnyAsync<IOException>(() => ReadAllAsync(silent)).LimitAsync("the silent stream to be reset");
        Assert.Empty(mesh.Node(0).Penalties);
    }

    [Fact]
    public async Task A_frame_beyond_the_limit_ends_the_stream_before_its_body_comes()
    {
        await using TestMesh mesh = new();
        ClusterHost host = mesh.Start(0);
        await host.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        PeerStream stream = await OpenAsync(mesh, 9);
        byte[] prefix = new byte[FrameCodec.PrefixBytes];
        FrameCodec.WritePrefix(prefix, new P2PTransportOptions().MaxFrameBytes + 1);

        await stream.WriteAsync(FrameBuilder.Open(AssociationId.Create()), CancellationToken.None);
        await stream.WriteAsync(prefix, CancellationToken.None);

        await Assert.ThrowsAnyAsync<IOException>(() => ReadAllAsync(stream)).LimitAsync("the stream to be reset");
        Assert.Contains(mesh.Node(0).Penalties, penalty => penalty.Reason == EndReason.MessageTooLarge);
    }

    [Fact]
    public async Task A_stream_that_begins_with_something_else_than_a_handshake_is_refused()
    {
        await using TestMesh mesh = new();
        ClusterHost host = mesh.Start(0);
        await host.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        PeerStream stream = await OpenAsync(mesh, 9);

        await stream.WriteAsync(FrameBuilder.Open(AssociationId.Create()), CancellationToken.None);
        await stream.WriteAsync(FrameBuilder.Data(FrameBuilder.Control(3)), CancellationToken.None);

        await Assert.ThrowsAnyAsync<IOException>(() => ReadAllAsync(stream)).LimitAsync("the stream to be reset");
        Assert.Equal(1, host.Counters.RefusedOrigins);
        Assert.Contains(mesh.Node(0).Penalties, penalty => penalty.Reason == EndReason.UnexpectedMessage);
    }

    [Fact]
    public async Task Garbage_after_the_handshake_ends_the_association()
    {
        await using TestMesh mesh = new();
        ClusterHost host = mesh.Start(0);
        await host.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        PeerStream stream = await OpenAsync(mesh, 9);

        await stream.WriteAsync(FrameBuilder.Open(AssociationId.Create()), CancellationToken.None);
        await stream.WriteAsync(FrameBuilder.Data(FrameBuilder.Associate(TestMesh.Peer(9))), CancellationToken.None);
        await stream.WriteAsync(FrameBuilder.Data([0xff, 0xff, 0xff]), CancellationToken.None);

        await Assert.ThrowsAnyAsync<IOException>(() => ReadAllAsync(stream)).LimitAsync("the stream to be reset");
        Assert.Contains(mesh.Node(0).Penalties, penalty => penalty.Reason == EndReason.MalformedMessage);
    }

    [Fact]
    public async Task One_peer_has_a_bounded_number_of_inbound_associations()
    {
        await using TestMesh mesh = new();
        ClusterHost host = mesh.Start(0, TestMesh.Options() with { Transport = new P2PTransportOptions { MaxInboundPerPeer = 2 } });
        await host.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("founding");
        PeerStream first = await OpenAsync(mesh, 9);
        PeerStream second = await OpenAsync(mesh, 9);
        PeerStream third = await OpenAsync(mesh, 9);

        // Which of the three comes last is the scheduler's choice; one of them is refused.
        Task<Exception?>[] reads = [.. ((PeerStream[])[first, second, third]).Select(stream => Record.ExceptionAsync(() => ReadAllAsync(stream)).AsTask())];
        Task<Exception?> refused = await Task.WhenAny(reads).LimitAsync("one stream to be reset");

        Assert.IsAssignableFrom<IOException>(await refused);
        Assert.Equal(1, reads.Count(read => read.IsCompleted));
    }

    [Fact]
    public async Task A_flood_over_a_slow_link_does_not_drown_heartbeats()
    {
        await using TestMesh mesh = new();
        (ClusterHost[] hosts, ConcurrentQueue<int> received) = await FormWithSinkAsync(mesh, new P2PTransportOptions());
        mesh.Fabric.Slow(TestMesh.Peer(0), TestMesh.Peer(1), TimeSpan.Zero, bytesPerSecond: 2_000_000);
        using ClusterSubscription changes = hosts[0].Subscribe();

        Flood(hosts[0], messages: 60); // 12 MB: 6 s of the link, beyond the heartbeat pause of 4 s
        await Within.UntilAsync(() => received.Count >= 55, "the flood to pass");

        Assert.True(hosts[0].Counters.RefusedWrites > 0);
        Assert.Equal(2, TestMesh.UpCount(hosts[0]));
        while (changes.Changes.TryRead(out ClusterChange? change))
        {
            Assert.NotEqual(ClusterChangeKind.UnreachableMember, change.Kind);
        }
    }

    [Fact]
    public async Task The_same_flood_into_a_queue_without_a_bound_makes_the_pair_unreachable()
    {
        await using TestMesh mesh = new();
        (ClusterHost[] hosts, _) = await FormWithSinkAsync(
            mesh, new P2PTransportOptions { MaxQueuedBytes = int.MaxValue, MaxQueuedFrames = 100_000 });
        mesh.Fabric.Slow(TestMesh.Peer(0), TestMesh.Peer(1), TimeSpan.Zero, bytesPerSecond: 2_000_000);
        using ClusterSubscription changes = hosts[0].Subscribe();
        using ClusterSubscription otherSide = hosts[1].Subscribe();

        Flood(hosts[0], messages: 120);

        Task<bool> unreachable = await Task.WhenAny(IsSeenAsync(changes), IsSeenAsync(otherSide)).LimitAsync("somebody is unreachable");
        Assert.True(await unreachable);
        Assert.Equal(0, hosts[0].Counters.RefusedWrites);

        static async Task<bool> IsSeenAsync(ClusterSubscription changes)
        {
            await foreach (ClusterChange change in changes.Changes.ReadAllAsync())
            {
                if (change.Kind == ClusterChangeKind.UnreachableMember)
                {
                    return true;
                }
            }

            return false;
        }
    }

    private static async Task<(ClusterHost[] Hosts, ConcurrentQueue<int> Received)> FormWithSinkAsync(TestMesh mesh, P2PTransportOptions transport)
    {
        ConcurrentQueue<int> received = new();
        ClusterHost[] hosts = await mesh.FormAsync(
            2,
            i => (i == 0 ? TestMesh.Options() : TestMesh.Options(0)) with
            {
                Transport = transport,
                Rules = FirewallRules.For(["/user/sink"], []),
            },
            system => system.ActorOf(Props.Create(() => new Sink(received)), "sink"));
        return (hosts, received);
    }

    private static void Flood(ClusterHost host, int messages)
    {
        IActorRef sink = ((ExtendedActorSystem)host.System!).Provider.ResolveActorRef(AkkaAddress.Of(TestMesh.Peer(1)) + "/user/sink");
        for (int i = 0; i < messages; i++)
        {
            sink.Tell(new byte[200_000]);
        }
    }

    private static Task<PeerStream> OpenAsync(TestMesh mesh, int from) =>
        mesh.Node(from).OpenStreamAsync(TestMesh.Peer(0), P2PTransport.Protocol, CancellationToken.None).AsTask().LimitAsync("the stream to open");

    private static async Task ReadAllAsync(PeerStream stream)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(1024);
        while (await stream.ReadAsync(buffer, CancellationToken.None) > 0)
        {
        }

        throw new IOException("the remote closed its side");
    }

    private sealed class Sink : ReceiveActor
    {
        public Sink(ConcurrentQueue<int> received) => Receive<byte[]>(bytes => received.Enqueue(bytes.Length));
    }
}
