using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Interop.Tests;

/// <summary>TCP over loopback under public names: any 11.x.x.x is dialled at 127.0.0.1, on the port given.</summary>
/// <remarks>js-libp2p tests and dials no private address, and this machine has no other.</remarks>
/// <param name="self">What we are called.</param>
/// <param name="others">What everybody else is called who dials us.</param>
internal sealed class RenamedTransport(string self, string others) : ITransport
{
    private static readonly IPAddress Loopback = IPAddress.Loopback;
    private readonly TcpTransport _tcp = new(reusePort: false, TimeProvider.System);

    public bool Handles(Multiaddr address) => _tcp.Handles(address);

    public async ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) =>
        new Listener(this, await _tcp.ListenAsync(Rename(address, Loopback), cancellationToken));

    public async ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ITransportLink link = await _tcp.DialAsync(Rename(address, Loopback), cancellationToken);
        return new Link(link, Rename(link.LocalAddress, IPAddress.Parse(self)), address.WithoutPeerId()!);
    }

    private static Multiaddr Rename(Multiaddr address, IPAddress ip)
    {
        address.TryToTcpEndPoint(out EndPoint? end);
        return Multiaddr.FromTcpEndPoint(new IPEndPoint(ip, ((IPEndPoint)end!).Port));
    }

    private static IPAddress IpOf(Multiaddr address) => new(address.Components[0].Bytes);

    private Link Accepted(ITransportLink link) => new(
        link, Rename(link.LocalAddress, IPAddress.Parse(self)), Rename(link.RemoteAddress, IPAddress.Parse(others)));

    private sealed class Listener(RenamedTransport transport, ITransportListener inner) : ITransportListener
    {
        public Multiaddr Address { get; } = Rename(inner.Address, IPAddress.Parse(transport.Self));

        public async ValueTask<ITransportLink?> AcceptAsync(CancellationToken cancellationToken) =>
            await inner.AcceptAsync(cancellationToken) is { } link ? transport.Accepted(link) : null;

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }

    private string Self => self;

    private sealed class Link(ITransportLink inner, Multiaddr local, Multiaddr remote) : ITransportLink
    {
        public Multiaddr LocalAddress => local;

        public Multiaddr RemoteAddress => remote;

        public IPAddress? RemoteIp { get; } = IpOf(remote);

        public bool FromListenPort => inner.FromListenPort;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
            inner.WriteAsync(bytes, cancellationToken);

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
