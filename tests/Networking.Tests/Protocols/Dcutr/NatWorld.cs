using System.Net;
using System.Threading.Channels;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

/// <summary>TCP between hosts behind NATs, in memory: dials that nobody answers hang, and two that meet open one link.</summary>
/// <remarks>A host's public IP is 11.0.0.n, its port 4001; inside it is 192.168.net.n. Safe for several threads.</remarks>
internal sealed class NatWorld
{
    private const int ListenPort = 4001;

    private readonly Lock _lock = new();
    private readonly List<Host> _hosts = [];
    private readonly Dictionary<(IPEndPoint From, IPEndPoint To), TaskCompletionSource<ITransportLink>> _pending = [];
    private readonly List<(IPEndPoint From, IPEndPoint To)> _dials = [];
    private int _nextPort = 20_000;

    /// <summary>Every dial so far, as the public network sees it.</summary>
    public IReadOnlyList<(IPEndPoint From, IPEndPoint To)> Dials
    {
        get
        {
            lock (_lock)
            {
                return [.. _dials];
            }
        }
    }

    /// <summary>Dials that have no answer now.</summary>
    public int PendingCount
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count;
            }
        }
    }

    /// <summary>Adds a host.</summary>
    /// <param name="number">1 to 254.</param>
    /// <param name="kind">What is in front of it.</param>
    /// <param name="net">Hosts with the same one are behind the same router, whose address is 11.0.0.net.</param>
    /// <param name="lag">How much later than it could everything that was sent to it is read.</param>
    public Host AddHost(int number, NatKind kind, int? net = null, TimeSpan lag = default)
    {
        var host = new Host(this, number, kind, net ?? number) { Lag = lag };
        lock (_lock)
        {
            _hosts.Add(host);
        }

        return host;
    }

    private (Link Near, Link Far) Pair(IPEndPoint source, IPEndPoint to)
    {
        (Link near, Link far) = Link.Pair(source, to);
        (near.Lag, far.Lag) = (LagOf(source), LagOf(to));
        return (near, far);

        TimeSpan LagOf(IPEndPoint end) => _hosts.FirstOrDefault(h => h.Outside.Address.Equals(end.Address))?.Lag ?? TimeSpan.Zero;
    }

    private async ValueTask<ITransportLink> DialAsync(Host from, IPEndPoint to, DialOrigin origin, CancellationToken cancellationToken)
    {
        TaskCompletionSource<ITransportLink> mine;
        IPEndPoint source;
        lock (_lock)
        {
            bool isLocal = to.Address.GetAddressBytes() is [192, 168, var net, _] && net == from.Net;
            source = isLocal ? new IPEndPoint(from.Inside, ListenPort) : from.SourceOf(origin, () => _nextPort++);
            _dials.Add((source, to));
            if (_pending.Remove((to, source), out TaskCompletionSource<ITransportLink>? theirs))
            {
                (Link near, Link far) = Pair(source, to);
                theirs.SetResult(far);
                return near;
            }

            Host? target = _hosts.FirstOrDefault(h => h.LetsIn(to, isLocal));
            if (target is not null)
            {
                (Link near, Link far) = Pair(source, to);
                return target.Accept(far) ? near : throw new IOException("refused");
            }

            if (_pending.ContainsKey((source, to)))
            {
                throw new IOException("the pair of addresses is taken");
            }

            _pending[(source, to)] = mine = new(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        return await WaitAsync(source, to, mine, cancellationToken);
    }

    private async Task<ITransportLink> WaitAsync(
        IPEndPoint source, IPEndPoint to, TaskCompletionSource<ITransportLink> mine, CancellationToken cancellationToken)
    {
        try
        {
            return await mine.Task.WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            lock (_lock)
            {
                if (!_pending.Remove((source, to)))
                {
                    mine.Task.Result.Abort(); // met at the same moment
                }
            }

            throw;
        }
    }

    internal enum NatKind
    {
        /// <summary>Everybody gets in; a full cone is that too, once its port is mapped.</summary>
        Open,

        /// <summary>Only whom we dial from the same port, at this moment, gets in; the port is the same towards all.</summary>
        PortRestricted,

        /// <summary>Another port for each dial; nobody gets in but answers.</summary>
        Symmetric,
    }

    /// <summary>One host: the transport of its swarm.</summary>
    internal sealed class Host(NatWorld world, int number, NatKind kind, int net) : ITransport, ITransportListener
    {
        private readonly Channel<ITransportLink> _arriving = Channel.CreateBounded<ITransportLink>(64);

        public int Net => net;

        public IPAddress Inside { get; } = new([192, 168, (byte)net, (byte)number]);

        public IPEndPoint Outside { get; } = new(new IPAddress([11, 0, 0, (byte)net]), ListenPort);

        /// <summary>Where it listens.</summary>
        public Multiaddr Address { get; } = Multiaddr.Parse($"/ip4/192.168.{net}.{number}/tcp/{ListenPort}");

        /// <summary>How much later than it could everything that was sent to it is read.</summary>
        public TimeSpan Lag { get; init; }

        /// <summary>Where others see it.</summary>
        public Multiaddr PublicAddress => Multiaddr.FromTcpEndPoint(Outside);

        public bool Handles(Multiaddr address) => address.TryToTcpEndPoint(out _);

        public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken) => new(this);

        public ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken) =>
            DialAsync(address, DialOrigin.Preferred, cancellationToken);

        public ValueTask<ITransportLink> DialAsync(Multiaddr address, DialOrigin origin, CancellationToken cancellationToken)
        {
            Assert.True(address.TryToTcpEndPoint(out EndPoint? to));
            return world.DialAsync(this, (IPEndPoint)to, origin, cancellationToken);
        }

        public async ValueTask<ITransportLink?> AcceptAsync(CancellationToken cancellationToken) =>
            await _arriving.Reader.WaitToReadAsync(cancellationToken) && _arriving.Reader.TryRead(out ITransportLink? link) ? link : null;

        public bool Accept(ITransportLink link) => _arriving.Writer.TryWrite(link);

        public bool LetsIn(IPEndPoint to, bool isLocal) => isLocal
            ? to.Address.Equals(Inside)
            : kind == NatKind.Open && to.Equals(Outside);

        public IPEndPoint SourceOf(DialOrigin origin, Func<int> freshPort) =>
            kind == NatKind.Symmetric || origin == DialOrigin.Ephemeral ? new(Outside.Address, freshPort()) : Outside;

        public ValueTask DisposeAsync()
        {
            _arriving.Writer.TryComplete();
            return default;
        }
    }

    internal sealed class Link(MemoryLink inner, IPEndPoint local, IPEndPoint remote) : ITransportLink
    {
        public Multiaddr LocalAddress { get; } = Multiaddr.FromTcpEndPoint(local);

        public Multiaddr RemoteAddress { get; } = Multiaddr.FromTcpEndPoint(remote);

        public IPAddress? RemoteIp => remote.Address;

        public bool FromListenPort => true;

        public LinkLimit? Limit { get; init; }

        public TimeSpan Lag { get; set; }

        public static (Link First, Link Second) Pair(IPEndPoint first, IPEndPoint second, LinkLimit? limit = null)
        {
            (MemoryLink near, MemoryLink far) = MemoryLink.CreatePair();
            return (new Link(near, first, second) { Limit = limit }, new Link(far, second, first) { Limit = limit });
        }

        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            int read = await inner.ReadAsync(buffer, cancellationToken);
            if (Lag > TimeSpan.Zero)
            {
                await Task.Delay(Lag, TimeProvider.System, cancellationToken);
            }

            return read;
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => inner.WriteAsync(bytes, cancellationToken);

        public void Abort() => inner.Abort();

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
