using System.Globalization;
using System.Net;
using System.Threading.Channels;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>Links within the process: <c>/memory/7</c>. All parties share one instance; each instance is a network of
/// its own.</summary>
/// <remarks>For tests of the whole stack and for simulations. Safe for several threads.</remarks>
public sealed class MemoryTransport : ITransport
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, Listener> _listeners = [];
    private ulong _nextPort = 1;

    /// <inheritdoc/>
    public bool Handles(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.Components[0].Protocol == MultiaddrProtocol.Memory;
    }

    /// <summary>Listens; port 0 takes the next free one.</summary>
    public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        lock (_lock)
        {
            ulong port = PortOf(address);
            while (port == 0 || (PortOf(address) == 0 && _listeners.ContainsKey(port)))
            {
                port = _nextPort++;
            }

            var listener = new Listener(this, port);
            return _listeners.TryAdd(port, listener)
                ? ValueTask.FromResult<ITransportListener>(listener)
                : throw new AddressInUseException(address);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        Listener? listener;
        Multiaddr local;
        lock (_lock)
        {
            _listeners.TryGetValue(PortOf(address), out listener);
            local = AddressOf(_nextPort++);
        }

        if (listener is null)
        {
            throw new IOException($"cannot connect to {address}: nobody listens");
        }

        (MemoryLink near, MemoryLink far) = MemoryLink.CreatePair();
        try
        {
            await listener.EnqueueAsync(new Link(far, listener.Address, local), cancellationToken)
                .ConfigureAwait(false);
        }
        catch (ChannelClosedException e)
        {
            throw new IOException($"cannot connect to {address}: nobody listens any more", e);
        }

        return new Link(near, local, listener.Address);
    }

    private static ulong PortOf(Multiaddr address) =>
        ulong.Parse(address.Components[0].Value!, CultureInfo.InvariantCulture);

    private static Multiaddr AddressOf(ulong port) =>
        Multiaddr.Parse(string.Create(CultureInfo.InvariantCulture, $"/memory/{port}"));

    private sealed class Listener(MemoryTransport network, ulong port) : ITransportListener
    {
        // As many as a TCP listener's backlog; a dialler beyond that waits.
        private readonly Channel<ITransportLink> _arriving = Channel.CreateBounded<ITransportLink>(
            new BoundedChannelOptions(TcpTransportListener.Backlog)
            {
                SingleReader = true,
                FullMode = BoundedChannelFullMode.Wait,
            });

        public Multiaddr Address { get; } = AddressOf(port);

        public ValueTask EnqueueAsync(ITransportLink link, CancellationToken cancellationToken) =>
            _arriving.Writer.WriteAsync(link, cancellationToken);

        public async ValueTask<ITransportLink?> AcceptAsync(CancellationToken cancellationToken) =>
            await _arriving.Reader.WaitToReadAsync(cancellationToken).ConfigureAwait(false)
                && _arriving.Reader.TryRead(out ITransportLink? link)
                ? link
                : null;

        public ValueTask DisposeAsync()
        {
            lock (network._lock)
            {
                network._listeners.Remove(port);
            }

            _arriving.Writer.TryComplete();
            while (_arriving.Reader.TryRead(out ITransportLink? link))
            {
                link.Abort();
            }

            return ValueTask.CompletedTask;
        }
    }

    private sealed class Link(MemoryLink inner, Multiaddr local, Multiaddr remote) : ITransportLink
    {
        public Multiaddr LocalAddress => local;

        public Multiaddr RemoteAddress => remote;

        public IPAddress? RemoteIp => null;

        public bool FromListenPort => false;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
            inner.WriteAsync(bytes, cancellationToken);

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
