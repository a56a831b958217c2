using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Transports;

public sealed class MemoryTransportTests
{
    private static readonly Multiaddr Any = Multiaddr.Parse("/memory/0");

    [Fact]
    public async Task Whole_nodes_talk_over_memory()
    {
        var network = new MemoryTransport();
        await using Node a = Swarms.Create(1, o => o with { Transports = [network] });
        await using Node b = Swarms.Create(2, o => o with { Transports = [network] });
        b.Handle(new ProtocolId("/test/echo/1.0.0"), Swarms.EchoAsync);
        Multiaddr address = await b.ListenAsync(Any, default);

        PeerId reached = await a.ConnectAsync(address, default).LimitAsync("connecting");

        Assert.Equal(b.LocalPeer, reached);
        Assert.Equal([9], await Swarms.AskAsync(a, b.LocalPeer, new ProtocolId("/test/echo/1.0.0"), [9]));
    }

    [Fact]
    public async Task A_port_has_one_listener_and_is_free_after_it()
    {
        var network = new MemoryTransport();
        ITransportListener listener = await network.ListenAsync(Multiaddr.Parse("/memory/7"), default);
        await Assert.ThrowsAsync<AddressInUseException>(
            () => network.ListenAsync(Multiaddr.Parse("/memory/7"), default).AsTask());
        await using ITransportListener other = await network.ListenAsync(Any, default);
        Assert.NotEqual(listener.Address, other.Address);

        await listener.DisposeAsync();

        Assert.Null(await listener.AcceptAsync(default).LimitAsync("the accept"));
        await Assert.ThrowsAsync<IOException>(() => network.DialAsync(Multiaddr.Parse("/memory/7"), default).AsTask());
        await using ITransportListener again = await network.ListenAsync(Multiaddr.Parse("/memory/7"), default);
    }

    [Fact]
    public async Task Links_that_nobody_accepted_break_with_their_listener()
    {
        var network = new MemoryTransport();
        ITransportListener listener = await network.ListenAsync(Any, default);
        ITransportLink link = await network.DialAsync(listener.Address, default);

        await listener.DisposeAsync();

        await Assert.ThrowsAnyAsync<IOException>(() => link.ReadAsync(new byte[1], default).LimitAsync("the break"));
    }

    [Fact]
    public async Task Networks_are_apart()
    {
        await using ITransportListener listener = await new MemoryTransport().ListenAsync(Any, default);

        await Assert.ThrowsAsync<IOException>(
            () => new MemoryTransport().DialAsync(listener.Address, default).AsTask());
    }
}
