using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Transports;

public sealed class TcpTransportTests
{
    private static readonly Multiaddr Loopback = Multiaddr.Parse("/ip4/127.0.0.1/tcp/0");
    private static readonly Multiaddr Everywhere = Multiaddr.Parse("/ip4/0.0.0.0/tcp/0");

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/0")]
    [InlineData("/ip6/::1/tcp/0")]
    public async Task Bytes_go_both_ways_and_an_end_is_an_end(string address)
    {
        Assert.SkipWhen(address.Contains("ip6", StringComparison.Ordinal) && !Socket.OSSupportsIPv6, "no IPv6 here");
        var transport = Create();
        await using ITransportListener listener = await transport.ListenAsync(Multiaddr.Parse(address), default);
        (ITransportLink near, ITransportLink far) = await PairAsync(transport, listener, listener.Address);

        await near.WriteAsync(new byte[] { 1, 2, 3 }, default);
        Assert.Equal([1, 2, 3], await ReadAsync(far, 3));
        await far.WriteAsync(new byte[] { 4 }, default);
        Assert.Equal([4], await ReadAsync(near, 1));
        await near.DisposeAsync();
        Assert.Equal(0, await far.ReadAsync(new byte[1], default).LimitAsync("the end"));
        await far.DisposeAsync();

        Assert.Equal(near.LocalAddress, far.RemoteAddress);
        Assert.Equal(near.RemoteAddress, far.LocalAddress);
        Assert.Equal(IPAddress.Parse(address.Split('/')[2]), far.RemoteIp);
    }

    [Fact]
    public async Task An_aborted_link_fails_on_both_sides_as_an_io_error()
    {
        var transport = Create();
        await using ITransportListener listener = await transport.ListenAsync(Loopback, default);
        (ITransportLink near, ITransportLink far) = await PairAsync(transport, listener, listener.Address);
        Task<int> pending = near.ReadAsync(new byte[1], default).AsTask();

        near.Abort();
        near.Abort();
        await near.DisposeAsync();

        await Assert.ThrowsAsync<IOException>(() => pending.LimitAsync("the pending read"));
        await Assert.ThrowsAsync<IOException>(() => near.WriteAsync(new byte[1], default).AsTask());
        await Assert.ThrowsAsync<IOException>(() => far.ReadAsync(new byte[1], default).LimitAsync("the reset"));
        far.Abort();
    }

    [Fact]
    public async Task A_port_belongs_to_one_listener_even_with_port_reuse()
    {
        await using ITransportListener listener = await Create().ListenAsync(Everywhere, default);

        AddressInUseException e = await Assert.ThrowsAsync<AddressInUseException>(
            () => Create().ListenAsync(listener.Address, default).AsTask());
        Assert.Equal(listener.Address, e.Address);

        await listener.DisposeAsync();
        await using ITransportListener again = await Create().ListenAsync(listener.Address, default);
    }

    [Fact]
    public async Task A_dial_leaves_from_the_listen_port_and_falls_back_when_the_pair_is_taken()
    {
        Assert.SkipUnless(OwnAddress() is not null, "no interface but loopback here");
        var dialler = Create();
        await using ITransportListener own = await dialler.ListenAsync(Everywhere, default);
        var remote = Create();
        await using ITransportListener listener = await remote.ListenAsync(Everywhere, default);
        Multiaddr target = Multiaddr.FromTcpEndPoint(new IPEndPoint(OwnAddress()!, PortOf(listener.Address)));

        (ITransportLink first, ITransportLink firstFar) = await PairAsync(dialler, listener, target);
        (ITransportLink second, ITransportLink secondFar) = await PairAsync(dialler, listener, target);

        Assert.True(first.FromListenPort);
        Assert.Equal(PortOf(own.Address), PortOf(firstFar.RemoteAddress));
        Assert.False(second.FromListenPort); // same addresses and ports: the system refuses, so an ephemeral port
        Assert.NotEqual(PortOf(own.Address), PortOf(secondFar.RemoteAddress));
        foreach (ITransportLink link in new[] { first, firstFar, second, secondFar })
        {
            link.Abort();
        }
    }

    [Fact]
    public async Task Loopback_and_switched_off_reuse_dial_from_ephemeral_ports()
    {
        var reusing = Create();
        await using ITransportListener own = await reusing.ListenAsync(Everywhere, default);
        await using ITransportListener listener = await Create().ListenAsync(Everywhere, default);
        Multiaddr loopback = Multiaddr.Parse($"/ip4/127.0.0.1/tcp/{PortOf(listener.Address)}");

        (ITransportLink near, ITransportLink far) = await PairAsync(reusing, listener, loopback);
        Assert.False(near.FromListenPort);
        Assert.True(far.FromListenPort); // accepted on it

        var plain = new TcpTransport(reusePort: false, TimeProvider.System);
        await using ITransportListener ignored = await plain.ListenAsync(Everywhere, default);
        IPAddress address = OwnAddress() ?? IPAddress.Loopback;
        (ITransportLink other, _) = await PairAsync(
            plain, listener, Multiaddr.FromTcpEndPoint(new IPEndPoint(address, PortOf(listener.Address))));
        Assert.False(other.FromListenPort);
        near.Abort();
        other.Abort();
    }

    [Fact]
    public async Task Closing_a_listener_ends_its_accept()
    {
        ITransportListener listener = await Create().ListenAsync(Loopback, default);
        Task<ITransportLink?> accepting = listener.AcceptAsync(default).AsTask();

        await listener.DisposeAsync();
        await listener.DisposeAsync();

        Assert.Null(await accepting.LimitAsync("the accept"));
        Assert.Null(await listener.AcceptAsync(default).LimitAsync("another accept"));
    }

    [Fact]
    public async Task A_refused_dial_names_the_address()
    {
        ITransportListener listener = await Create().ListenAsync(Loopback, default);
        await listener.DisposeAsync();

        IOException e = await Assert.ThrowsAsync<IOException>(
            () => Create().DialAsync(listener.Address, default).LimitAsync("the refusal"));

        Assert.StartsWith($"cannot connect to {listener.Address}: ", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_is_not_this_machines_cannot_be_listened_on()
    {
        IOException e = await Assert.ThrowsAsync<IOException>(
            () => Create().ListenAsync(Multiaddr.Parse("/ip4/192.0.2.1/tcp/0"), default).AsTask());

        Assert.StartsWith("cannot listen on /ip4/192.0.2.1/tcp/0: ", e.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("/ip4/127.0.0.1/tcp/1", true)]
    [InlineData("/dns4/node.example/tcp/1", true)]
    [InlineData("/ip4/127.0.0.1/udp/1/quic-v1", false)]
    [InlineData("/ip4/127.0.0.1/tcp/1/ws", false)]
    [InlineData("/memory/1", false)]
    public void Tcp_handles_plain_tcp(string address, bool handles) =>
        Assert.Equal(handles, Create().Handles(Multiaddr.Parse(address)));

    [Fact]
    public void A_wildcard_expands_to_addresses_of_the_machine_and_any_other_to_itself()
    {
        Multiaddr address = Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001");

        Assert.Equal([address], InterfaceAddresses.Expand(address));
        Assert.Equal([Multiaddr.Parse("/memory/1")], InterfaceAddresses.Expand(Multiaddr.Parse("/memory/1")));
        IReadOnlyList<Multiaddr> expanded = InterfaceAddresses.Expand(Multiaddr.Parse("/ip4/0.0.0.0/tcp/4001"));
        Assert.NotEmpty(expanded);
        Assert.DoesNotContain(Multiaddr.Parse("/ip4/0.0.0.0/tcp/4001"), expanded);
    }

    private static TcpTransport Create() => new(reusePort: true, TimeProvider.System);

    private static IPAddress? OwnAddress() => NetworkInterface.GetAllNetworkInterfaces()
        .Where(n => n.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown)
        .SelectMany(n => n.GetIPProperties().UnicastAddresses)
        .Select(u => u.Address)
        .FirstOrDefault(a => a.AddressFamily == AddressFamily.InterNetwork && !IPAddress.IsLoopback(a));

    private static int PortOf(Multiaddr address) =>
        address.TryToTcpEndPoint(out EndPoint? endPoint) ? ((IPEndPoint)endPoint).Port : throw new FormatException();

    private static async Task<(ITransportLink Near, ITransportLink Far)> PairAsync(
        TcpTransport dialler, ITransportListener listener, Multiaddr address)
    {
        Task<ITransportLink?> accepting = listener.AcceptAsync(default).AsTask();
        ITransportLink near = await dialler.DialAsync(address, default).LimitAsync("the dial");
        return (near, (await accepting.LimitAsync("the accept"))!);
    }

    private static async Task<byte[]> ReadAsync(ITransportLink link, int count)
    {
        byte[] buffer = new byte[count];
        for (int filled = 0; filled < count;)
        {
            int read = await link.ReadAsync(buffer.AsMemory(filled), default).LimitAsync("bytes");
            Assert.NotEqual(0, read);
            filled += read;
        }

        return buffer;
    }
}
