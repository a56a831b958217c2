using System.Collections.Concurrent;
using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

/// <summary>A whole node behind a NAT of a <see cref="NatWorld"/>, with hole punching.</summary>
internal sealed class Puncher : IAsyncDisposable
{
    private static readonly IPEndPoint RelayEnd = new(IPAddress.Parse("11.0.0.250"), 1);
    private readonly ConcurrentQueue<HolePunchReport> _reports = new();

    private Puncher(NatWorld.Host host, Node node, HolePuncher holes)
    {
        Host = host;
        Node = node;
        Holes = holes;
        holes.Attempted += _reports.Enqueue;
    }

    public NatWorld.Host Host { get; }

    public Node Node { get; }

    public HolePuncher Holes { get; }

    public PeerId Id => Node.LocalPeer;

    public IReadOnlyCollection<HolePunchReport> Reports => _reports;

    /// <summary>A node that knows its public address, unless told otherwise.</summary>
    public static async Task<Puncher> StartAsync(
        NatWorld.Host host,
        int number,
        DcutrOptions? options = null,
        Func<IReadOnlyList<Multiaddr>>? knows = null,
        Func<SwarmOptions, SwarmOptions>? change = null,
        Action<Node, SwarmConnection>? onOpened = null,
        Task? mayDial = null)
    {
        Node node = Swarms.Create(number, o => (change ?? (p => p))(o with { Transports = [host] }));
        var holes = new HolePuncher(
            node.Network,
            options ?? new DcutrOptions(),
            knows ?? (() => [host.PublicAddress]),
            AddressRule.PublicInternet,
            _ => mayDial ?? Task.CompletedTask);
        var puncher = new Puncher(host, node, holes);
        if (onOpened is not null)
        {
            node.Network.Opened += c => onOpened(node, c); // before it is told to the hole puncher
        }

        await node.ListenAsync(host.Address, CancellationToken.None).LimitAsync("listening");
        holes.Start();
        return puncher;
    }

    /// <summary>Connects to another node as if over a relay, which passes limited amounts.</summary>
    public async Task<(SwarmConnection Ours, SwarmConnection Theirs)> DialOverRelayAsync(Puncher to)
    {
        var theirs = new TaskCompletionSource<SwarmConnection>();
        to.Node.Network.Opened += Look;
        SwarmConnection ours = await DialOverRelayAsync(Node, to);
        try
        {
            return (ours, await theirs.Task.LimitAsync("the relayed connection"));
        }
        finally
        {
            to.Node.Network.Opened -= Look;
        }

        void Look(SwarmConnection connection)
        {
            if (connection.IsRelayed && connection.RemotePeer == Id)
            {
                theirs.TrySetResult(connection);
            }
        }
    }

    /// <summary>Connects any node.</summary>
    public static async Task<SwarmConnection> DialOverRelayAsync(Node from, Puncher to)
    {
        (NatWorld.Link near, NatWorld.Link far) = NatWorld.Link.Pair(RelayEnd, RelayEnd, new LinkLimit(TimeSpan.FromMinutes(2), 1 << 20));
        Task<SwarmConnection> theirs = to.Node.Network.AdoptAsync(far, LinkTerms.Inbound(ConnectionPath.Relayed), CancellationToken.None);
        SwarmConnection ours = await from.Network.AdoptAsync(near, LinkTerms.Outbound(ConnectionPath.Relayed, to.Id), CancellationToken.None)
            .LimitAsync("the relayed connection");
        await theirs.LimitAsync("the relayed connection");
        return ours;
    }

    /// <summary>Waits for a direct connection.</summary>
    public async Task<ConnectionInfo> DirectAsync(Puncher to)
    {
        ConnectionInfo? Find() => Node.Connections.FirstOrDefault(c => c.Peer == to.Id && !c.IsRelayed);
        await Within.UntilAsync(() => Find() is not null, "the direct connection is up");
        return Find()!;
    }

    /// <summary>Waits for a report.</summary>
    public async Task<HolePunchReport> ReportAsync()
    {
        await Within.UntilAsync(() => !_reports.IsEmpty, "a try was reported");
        return _reports.First();
    }

    public async ValueTask DisposeAsync()
    {
        await Holes.DisposeAsync();
        await Node.DisposeAsync();
    }
}
