using System.Net;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Discovery;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Node.Hosting;

/// <summary>Finds members beside the seeds: those of an earlier life, those on the local network, and those that other members know.</summary>
internal sealed class MemberFinder : IAsyncDisposable
{
    /// <summary>How often the addresses of connected members are looked at anew for the memory.</summary>
    public static readonly TimeSpan MemoryInterval = TimeSpan.FromSeconds(30);

    private readonly Swarm _swarm;
    private readonly AdmittedStreams _streams;
    private readonly PeerExchange _exchange;
    private readonly PeerConnector _connector;
    private readonly PeerCache? _memory;
    private readonly MdnsDiscovery? _mdns;
    private readonly ITimer _timer;

    public MemberFinder(
        DiscoverySection options, string memoryFile, MeshOptions mesh, Swarm swarm, AdmittedStreams streams, RpcEndpoint rpc, TimeProvider time, ILoggerFactory loggers)
    {
        (_swarm, _streams) = (swarm, streams);
        _connector = new PeerConnector(swarm, streams, time);
        _exchange = new PeerExchange(rpc, streams, swarm, loggers);
        _exchange.Found += _connector.Consider;
        _memory = options.RememberPeers ? new PeerCache(memoryFile, new PeerCacheOptions(), time, loggers) : null;
        _timer = time.CreateTimer(_ => Remember(), null, MemoryInterval, MemoryInterval);
        _streams.PeerConnected += Remember;
        if (options.Mdns)
        {
            var service = new MdnsOptions { ServiceName = MdnsServiceName.ForMesh(mesh) };
            _mdns = new MdnsDiscovery(service, swarm.LocalPeer, LanAddresses, time, loggers);
            _mdns.PeerFound += OnFoundOnLan;
        }
    }

    /// <summary>Members of an earlier life, the one seen last first.</summary>
    public IReadOnlyList<CachedPeer> Remembered => _memory?.Peers ?? [];

    /// <summary>Begins to look, once the node listens; not on the local network when it listens on loopback only.</summary>
    public void Start()
    {
        if (LanAddresses().Count > 0)
        {
            _mdns?.Start();
        }
    }

    public async ValueTask DisposeAsync()
    {
        _streams.PeerConnected -= Remember;
        await _timer.DisposeAsync();
        Remember();
        if (_mdns is not null)
        {
            await _mdns.DisposeAsync();
        }

        await _exchange.DisposeAsync();
        await _connector.DisposeAsync();
        if (_memory is not null)
        {
            await _memory.DisposeAsync();
        }
    }

    private List<Multiaddr> LanAddresses() => [.. _swarm.ListenAddresses.Where(IsOnLan)];

    private static bool IsOnLan(Multiaddr address) =>
        !address.IsRelayed && address.TryToTcpEndPoint(out EndPoint? endPoint) && endPoint is IPEndPoint ip && !IPAddress.IsLoopback(ip.Address);

    private void OnFoundOnLan(PeerId peer, IReadOnlyList<Multiaddr> addresses)
    {
        _swarm.AddAddresses(peer, addresses);
        _connector.Consider(peer);
    }

    private void Remember()
    {
        foreach (PeerId peer in _streams.ConnectedPeers)
        {
            Remember(peer);
        }
    }

    private void Remember(PeerId peer)
    {
        if (_memory is null || _swarm.GetPeerInfo(peer) is not { } info)
        {
            return;
        }

        _memory.Seen(peer, info.Addresses);
        foreach (ConnectionInfo dialled in info.Connections.Where(c => c.Direction == ConnectionDirection.Outbound && c.Path == ConnectionPath.Direct))
        {
            _memory.Succeeded(peer, dialled.RemoteAddress);
        }
    }
}
