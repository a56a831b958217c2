using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>A circuit as a link costs nothing beside its stream.</summary>
public sealed class CircuitLinkTests
{
    private static readonly ProtocolId Protocol = new("/test/1.0.0");
    private static readonly Multiaddr Address = Multiaddr.Parse("/memory/1");
    private static readonly CancellationToken None = CancellationToken.None;

    [Fact]
    public async Task Reading_and_writing_allocate_no_more_than_the_stream_does()
    {
        await using var fabric = new Fabric();
        FabricNode near = fabric.AddNode(1);
        FabricNode far = fabric.AddNode(2);
        fabric.Connect(near.LocalPeer, far.LocalPeer);
        far.Handle(Protocol, (stream, token) => stream.CopyToAsync(Stream.Null, token));
        await using PeerStream stream = await near.OpenStreamAsync(far.LocalPeer, Protocol, None).LimitAsync("a stream");
        await using var link = new CircuitLink(stream, default, Address, Address, null);
        byte[] bytes = new byte[64];

        // the stream may have work of its own to do: the least of several tries is compared
        long plain = Enumerable.Range(0, 20).Min(_ => Allocated(() => stream.WriteAsync(bytes, None)));
        long linked = Enumerable.Range(0, 20).Min(_ => Allocated(() => link.WriteAsync(bytes, None)));

        Assert.True(linked <= plain, $"{linked} bytes where the stream alone takes {plain}");
    }

    private static long Allocated(Func<ValueTask> write)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        write().AsTask().GetAwaiter().GetResult();
        return GC.GetAllocatedBytesForCurrentThread() - before;
    }
}
