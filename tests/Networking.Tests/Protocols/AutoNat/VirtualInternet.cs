using System.Collections.Concurrent;
using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Protocols.AutoNat;

/// <summary>Hosts with IP addresses, and NATs, within the process: what loopback cannot show.</summary>
/// <remarks>A dial that is filtered fails at once, where a real one would be silent.</remarks>
internal sealed class VirtualInternet
{
    private readonly Lock _lock = new();
    private readonly Dictionary<IPEndPoint, Listener> _listeners = [];
    private readonly Dictionary<IPAddress, VirtualNat> _nats = [];
    private int _nextPort = 40_000;

    /// <summary>Who dialled whom, as seen at the target, whether it got through or not.</summary>
    public ConcurrentQueue<(IPEndPoint From, IPEndPoint To)> Dials { get; } = [];

    public VirtualNat AddNat(string publicIp, NatMapping mapping, NatFilter filter)
    {
        var nat = new VirtualNat(IPAddress.Parse(publicIp), mapping, filter);
        _nats.Add(nat.PublicIp, nat);
        return nat;
    }

    /// <summary>The network card of one machine.</summary>
    public ITransport AddHost(string ip, VirtualNat? nat = null) => new Host(this, IPAddress.Parse(ip), nat);

    public int DialsTo(string ip, int? port = null) =>
        Dials.Count(d => d.To.Address.ToString() == ip && (port is null || d.To.Port == port));

    /// <summary>A machine is gone; its address is free.</summary>
    public void Forget(string ip)
    {
        lock (_lock)
        {
            foreach (IPEndPoint gone in _listeners.Keys.Where(l => l.Address.ToString() == ip).ToList())
            {
                _listeners.Remove(gone);
            }
        }
    }

    private int NextPort() => Interlocked.Increment(ref _nextPort);

    private Listener? Find(IPEndPoint from, IPEndPoint to)
    {
        lock (_lock)
        {
            IPEndPoint? target = _nats.TryGetValue(to.Address, out VirtualNat? nat) ? nat.LetIn(from, to.Port) : to;
            return target is null ? null : _listeners.GetValueOrDefault(target);
        }
    }

    private static IPEndPoint EndPointOf(Multiaddr address)
    {
        address.TryToTcpEndPoint(out EndPoint? end);
        return (IPEndPoint)end!;
    }

    private sealed class Host(VirtualInternet internet, IPAddress ip, VirtualNat? nat) : ITransport
    {
        private IPEndPoint? _listening;

        public bool Handles(Multiaddr address) => address.TryToTcpEndPoint(out EndPoint? end) && end is IPEndPoint;

        public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
        {
            IPEndPoint end = EndPointOf(address);
            Assert.Equal(ip, end.Address);
            var listener = new Listener(address);
            lock (internet._lock)
            {
                internet._listeners.Add(end, listener);
            }

            _listening = end;
            return ValueTask.FromResult<ITransportListener>(listener);
        }

        public ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken) =>
            DialAsync(address, DialOrigin.Preferred, cancellationToken);

        public ValueTask<ITransportLink> DialAsync(
            Multiaddr address, DialOrigin origin, CancellationToken cancellationToken)
        {
            IPEndPoint to = EndPointOf(address);
            bool fromListenPort = origin != DialOrigin.Ephemeral && _listening is not null;
            IPEndPoint local = fromListenPort ? _listening! : new IPEndPoint(ip, internet.NextPort());
            IPEndPoint seen;
            lock (internet._lock)
            {
                seen = nat?.LetOut(local, to, internet.NextPort) ?? local;
            }

            internet.Dials.Enqueue((seen, to));
            if (internet.Find(seen, to) is not { } listener)
            {
                throw new IOException($"nobody answers at {to}");
            }

            (MemoryLink near, MemoryLink far) = MemoryLink.CreatePair();
            listener.Arriving.Add(new Link(far, listener.EndPoint, seen, fromListenPort: true));
            listener.Arrived.Release();
            return ValueTask.FromResult<ITransportLink>(new Link(near, local, to, fromListenPort));
        }
    }

    private sealed class Listener(Multiaddr address) : ITransportListener
    {
        public IPEndPoint EndPoint { get; } = EndPointOf(address);

        public ConcurrentBag<ITransportLink> Arriving { get; } = [];

        public SemaphoreSlim Arrived { get; } = new(0);

        public Multiaddr Address { get; } = address;

        public async ValueTask<ITransportLink?> AcceptAsync(CancellationToken cancellationToken)
        {
            await Arrived.WaitAsync(cancellationToken);
            return Arriving.TryTake(out ITransportLink? link) ? link : null;
        }

        public ValueTask DisposeAsync()
        {
            Arrived.Release();
            return ValueTask.CompletedTask;
        }
    }

    private sealed class Link(MemoryLink inner, IPEndPoint local, IPEndPoint remote, bool fromListenPort) : ITransportLink
    {
        public Multiaddr LocalAddress { get; } = Multiaddr.FromTcpEndPoint(local);

        public Multiaddr RemoteAddress { get; } = Multiaddr.FromTcpEndPoint(remote);

        public IPAddress? RemoteIp => remote.Address;

        public bool FromListenPort => fromListenPort;

        public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
            inner.ReadAsync(buffer, cancellationToken);

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
            inner.WriteAsync(bytes, cancellationToken);

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}

/// <summary>Whom a virtual NAT lets in.</summary>
public enum NatFilter
{
    Everybody,
    ContactedAddresses,
    ContactedPorts,
}

/// <summary>A NAT of a <see cref="VirtualInternet"/>, whose lock guards it.</summary>
internal sealed class VirtualNat(IPAddress publicIp, NatMapping mapping, NatFilter filter)
{
    private readonly Dictionary<(IPEndPoint Local, IPEndPoint? Remote), int> _ports = [];
    private readonly Dictionary<int, IPEndPoint> _locals = [];
    private readonly HashSet<(int Port, IPEndPoint Remote)> _contacted = [];

    public IPAddress PublicIp => publicIp;

    /// <summary>What the outside sees of a dial.</summary>
    public IPEndPoint LetOut(IPEndPoint local, IPEndPoint remote, Func<int> nextPort)
    {
        (IPEndPoint, IPEndPoint?) key = (local, mapping == NatMapping.EndpointIndependent ? null : remote);
        if (!_ports.TryGetValue(key, out int port))
        {
            _ports.Add(key, port = nextPort());
            _locals.Add(port, local);
        }

        _contacted.Add((port, remote));
        return new IPEndPoint(publicIp, port);
    }

    /// <summary>Where a dial from outside goes on; null when it is dropped.</summary>
    public IPEndPoint? LetIn(IPEndPoint from, int port) => filter switch
    {
        NatFilter.Everybody => _locals.GetValueOrDefault(port),
        NatFilter.ContactedAddresses when _contacted.Any(c => c.Remote.Address.Equals(from.Address)) =>
            _locals.GetValueOrDefault(port),
        NatFilter.ContactedPorts when _contacted.Contains((port, from)) => _locals.GetValueOrDefault(port),
        _ => null,
    };
}
