using System.Collections.Concurrent;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Mesh;

/// <summary>A whole node of a mesh: swarm, admission and RPC, and what tells members of each other.</summary>
internal sealed class Place : IAsyncDisposable
{
    private readonly PeerExchange? _exchange;

    private Place(Node swarm, bool routes, bool exchanges)
    {
        Swarm = swarm;
        Streams = new AdmittedStreams(swarm, Meshes.Home, TimeProvider.System, NullLoggerFactory.Instance);
        Rpc = new RpcEndpoint(Streams, new RpcOptions(), TimeProvider.System);
        Streams.Handle(Meshes.Echo, Swarms.EchoAsync);
        swarm.PeerRouter = routes ? new MeshPeerRouter(Rpc, Streams, swarm) : null;
        _exchange = exchanges ? new PeerExchange(Rpc, Streams, swarm, NullLoggerFactory.Instance) : null;
        if (_exchange is not null)
        {
            _exchange.Found += Heard.Enqueue;
        }
    }

    /// <summary>Whom the exchange has told of, in order.</summary>
    public ConcurrentQueue<PeerId> Heard { get; } = [];

    public Node Swarm { get; }

    public AdmittedStreams Streams { get; }

    public RpcEndpoint Rpc { get; }

    public MeshPeerRouter Router => (MeshPeerRouter)Swarm.PeerRouter!;

    public PeerId Id => Swarm.LocalPeer;

    public static async Task<Place> ListenAsync(int number, bool routes = false, bool exchanges = false) =>
        new(await Swarms.ListenAsync(number), routes, exchanges);

    /// <summary>Connects and waits until both have admitted each other and exchanged their records.</summary>
    public async Task JoinAsync(Place other)
    {
        await Swarms.ConnectAsync(Swarm, other.Swarm);
        await Streams.AdmitAsync(other.Id, default).LimitAsync("the admission");
        await Within.UntilAsync(() => other.Streams.ConnectedPeers.Contains(Id), "the other side admits too");
        await Within.UntilAsync(() => other.Swarm.TryGetPeerRecord(Id, out _), "the other side knows the record");
    }

    public async ValueTask DisposeAsync()
    {
        await (_exchange?.DisposeAsync() ?? default);
        await Rpc.DisposeAsync();
        await Streams.DisposeAsync();
        await Swarm.DisposeAsync();
    }
}
