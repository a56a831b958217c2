using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.TestKit;

/// <summary>Many nodes in one process, each an <see cref="IPeerStreams"/>, with links that a test cuts, heals, blocks and slows.</summary>
/// <remarks>
/// A connection comes up with <see cref="Connect"/> or the first stream and stays until it is cut, dropped or one of its nodes is disposed.
/// Streams are bounded byte pipes; without a delay on their link they take no time. Safe for several threads.
/// </remarks>
public sealed class Fabric(TimeProvider? time = null, int streamBufferBytes = Fabric.DefaultStreamBufferBytes) : IAsyncDisposable
{
    /// <summary>Bytes in flight in one direction of a stream before its writer waits: yamux's first window.</summary>
    public const int DefaultStreamBufferBytes = 256 * 1024;

    private readonly Lock _gate = new();
    private readonly Dictionary<PeerId, FabricNode> _nodes = [];
    private readonly Dictionary<PeerId, Dictionary<PeerId, FabricLink>> _links = []; // each link stands under both of its ends
    private PeerId[]? _relays;

    /// <summary>The clock that delays run on.</summary>
    public TimeProvider Time { get; } = time ?? TimeProvider.System;

    /// <summary>Adds the node of <see cref="TestPeers.Id"/>.</summary>
    public FabricNode AddNode(int index) => AddNode(TestPeers.Id(index));

    /// <summary>Adds a node; one that was disposed may come back under its old id.</summary>
    /// <exception cref="ArgumentException">A living node has this id.</exception>
    public FabricNode AddNode(PeerId peer)
    {
        var node = new FabricNode(this, peer);
        lock (_gate)
        {
            _nodes.Add(peer, node);
        }

        return node;
    }

    /// <summary>Adds nodes 0 … count−1.</summary>
    public IReadOnlyList<FabricNode> AddNodes(int count) => [.. Enumerable.Range(0, count).Select(AddNode)];

    /// <summary>Lets <paramref name="from"/> dial <paramref name="to"/>. Nothing happens when they are connected.</summary>
    /// <exception cref="PeerUnreachableException">Cut, blocked, or no such node.</exception>
    public void Connect(PeerId from, PeerId to)
    {
        bool isNew;
        lock (_gate)
        {
            isNew = ConnectLocked(from, to);
        }

        if (isNew)
        {
            TellBoth(from, to, true);
        }
    }

    /// <summary>Breaks the link: streams reset, peers disconnected, dials fail until <see cref="Heal"/>.</summary>
    public void Cut(PeerId a, PeerId b) => Drop(a, b, cut: true);

    /// <summary>Breaks the connection once, as a router's restart does; either side may dial again at once.</summary>
    public void Disconnect(PeerId a, PeerId b) => Drop(a, b, cut: false);

    /// <summary>Undoes <see cref="Cut"/>. Nothing connects until somebody dials.</summary>
    public void Heal(PeerId a, PeerId b)
    {
        lock (_gate)
        {
            LinkOf(a, b).IsCut = false;
        }
    }

    /// <summary>Cuts every link between the two groups.</summary>
    public void Partition(IEnumerable<PeerId> left, IEnumerable<PeerId> right) => ForPairs(left, right, Cut);

    /// <summary>Heals every link between the two groups.</summary>
    public void HealPartition(IEnumerable<PeerId> left, IEnumerable<PeerId> right) => ForPairs(left, right, Heal);

    /// <summary>As if <paramref name="to"/> were behind a NAT: <paramref name="from"/> cannot dial it, but uses a connection that is there.</summary>
    public void BlockDial(PeerId from, PeerId to)
    {
        lock (_gate)
        {
            LinkOf(from, to).MayNotDial.Add(from);
        }
    }

    /// <summary>Undoes <see cref="BlockDial"/>.</summary>
    public void AllowDial(PeerId from, PeerId to)
    {
        lock (_gate)
        {
            LinkOf(from, to).MayNotDial.Remove(from);
        }
    }

    /// <summary>As if both nodes were behind NATs that no hole punch opens: neither dials the other, and what is connected breaks.</summary>
    public void Block(PeerId a, PeerId b)
    {
        BlockDial(a, b);
        BlockDial(b, a);
        Disconnect(a, b);
    }

    /// <summary>
    /// From now on a pair that has no direct way is connected through a third node that both reach, the lowest first. It breaks with either
    /// of its two legs.
    /// </summary>
    /// <param name="relays">Who may carry others; none given: every node.</param>
    public void EnableRelays(params PeerId[] relays)
    {
        lock (_gate)
        {
            _relays = [.. relays];
        }
    }

    /// <summary>The node that carries the connection of a pair; null when it is direct or there is none.</summary>
    public PeerId? RelayOf(PeerId a, PeerId b)
    {
        lock (_gate)
        {
            return LinkOf(a, b).Relay;
        }
    }

    /// <summary>As if a hole punch had succeeded: new streams go direct, those over the relay work on and are told.</summary>
    public void GoDirect(PeerId a, PeerId b)
    {
        lock (_gate)
        {
            FabricLink link = LinkOf(a, b);
            link.IsCut = false;
            link.MayNotDial.Clear();
            link.Relay = null;
        }

        Supersede(a, b);
    }

    /// <summary>Slows both directions of a link from now on.</summary>
    /// <param name="a">One end.</param>
    /// <param name="b">The other end.</param>
    /// <param name="delay">One way; zero: none.</param>
    /// <param name="bytesPerSecond">Each way, shared by all streams of the link; null: unlimited.</param>
    public void Slow(PeerId a, PeerId b, TimeSpan delay, long? bytesPerSecond = null)
    {
        lock (_gate)
        {
            LinkOf(a, b).Slow(delay, bytesPerSecond);
        }
    }

    /// <summary>Bytes that streams carried from one node to the other so far.</summary>
    public long BytesSent(PeerId from, PeerId to)
    {
        lock (_gate)
        {
            return LinkOf(from, to).From(from).Bytes;
        }
    }

    /// <summary>Bytes that streams carried away from a node so far.</summary>
    public long BytesSent(PeerId from)
    {
        lock (_gate)
        {
            return LinksOf(from).Values.Sum(link => link.From(from).Bytes);
        }
    }

    /// <summary>Fires <see cref="PeerStream.Superseded"/> of all streams between two nodes, as if a better path had come up.</summary>
    public void Supersede(PeerId a, PeerId b)
    {
        FabricStream[] streams;
        lock (_gate)
        {
            streams = [.. LinkOf(a, b).Streams];
        }

        foreach (FabricStream stream in streams)
        {
            stream.Supersede();
        }
    }

    /// <summary>Streams open between two nodes, counted once for both ends.</summary>
    public int OpenStreamCount(PeerId a, PeerId b)
    {
        lock (_gate)
        {
            return (LinkOf(a, b).Streams.Count + 1) / 2;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        FabricNode[] nodes;
        lock (_gate)
        {
            nodes = [.. _nodes.Values];
        }

        foreach (FabricNode node in nodes)
        {
            await node.DisposeAsync();
        }
    }

    internal IReadOnlyCollection<PeerId> ConnectedTo(PeerId peer)
    {
        lock (_gate)
        {
            return [.. LinksOf(peer).Where(link => link.Value.IsConnected).Select(link => link.Key)];
        }
    }

    internal ValueTask<PeerStream> OpenAsync(FabricNode from, PeerId to, ProtocolId protocol, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Connect(from.LocalPeer, to);
        FabricNode target;
        StreamHandler handler;
        FabricStream local, remote;
        lock (_gate)
        {
            FabricLink link = LinkOf(from.LocalPeer, to);
            target = _nodes.GetValueOrDefault(to) ?? throw Unreachable(to, "it is gone");
            if (!link.IsConnected)
            {
                throw Unreachable(to, "the connection was lost");
            }

            handler = target.HandlerOf(protocol) ?? throw new ProtocolNotSupportedException(to, protocol);
            (local, remote) = CreateStream(link, from.LocalPeer, to, protocol);
        }

        target.Serve(handler, remote);
        return ValueTask.FromResult<PeerStream>(local);
    }

    internal void Remove(FabricNode node)
    {
        lock (_gate)
        {
            if (_nodes.GetValueOrDefault(node.LocalPeer) == node)
            {
                _nodes.Remove(node.LocalPeer);
            }
        }

        foreach (PeerId peer in ConnectedTo(node.LocalPeer))
        {
            Disconnect(node.LocalPeer, peer);
        }
    }

    private static void ForPairs(IEnumerable<PeerId> left, IEnumerable<PeerId> right, Action<PeerId, PeerId> act)
    {
        PeerId[] rights = [.. right];
        foreach (PeerId a in left)
        {
            foreach (PeerId b in rights)
            {
                act(a, b);
            }
        }
    }

    private static PeerUnreachableException Unreachable(PeerId peer, string why) =>
        new(peer, EndReason.LinkLost, $"cannot reach {peer.ToShortString()}: {why}");

    private bool ConnectLocked(PeerId from, PeerId to)
    {
        if (from == to)
        {
            throw Unreachable(to, "a node does not dial itself");
        }

        FabricLink link = LinkOf(from, to);
        if (link.IsConnected)
        {
            return false;
        }

        string? why = !_nodes.ContainsKey(from) ? "this node has stopped"
            : !_nodes.ContainsKey(to) ? "no such node"
            : link.IsCut ? "the link is cut"
            : link.MayNotDial.Contains(from) ? "it cannot be dialled from here"
            : null;
        if (why is not null)
        {
            bool bothLive = _nodes.ContainsKey(from) && _nodes.ContainsKey(to);
            link.Relay = (bothLive ? FindRelay(from, to) : null) ?? throw Unreachable(to, why);
        }

        return link.IsConnected = true;
    }

    private PeerId? FindRelay(PeerId from, PeerId to)
    {
        if (_relays is null)
        {
            return null;
        }

        IEnumerable<PeerId> candidates = _relays.Length > 0 ? _relays : _nodes.Keys.Order();
        return candidates.FirstOrDefault(relay => relay != from && relay != to && _nodes.ContainsKey(relay)
            && LinkOf(from, relay) is { Relay: null } first && first.MayConnect(from)
            && LinkOf(to, relay) is { Relay: null } second && second.MayConnect(to));
    }

    private void Drop(PeerId a, PeerId b, bool cut)
    {
        bool wasConnected;
        FabricStream[] streams;
        FabricLink[] carried;
        lock (_gate)
        {
            FabricLink link = LinkOf(a, b);
            link.IsCut |= cut;
            wasConnected = link.IsConnected;
            link.IsConnected = false;
            link.Relay = null;
            streams = [.. link.Streams];
            link.Streams.Clear();
            carried = [.. LinksOf(a).Values.Where(other => other.Relay == b), .. LinksOf(b).Values.Where(other => other.Relay == a)];
        }

        foreach (FabricStream stream in streams)
        {
            stream.Reset(EndReason.LinkLost);
        }

        if (wasConnected)
        {
            TellBoth(a, b, false);
        }

        foreach (FabricLink link in carried)
        {
            Drop(link.Low, link.High, cut: false);
        }
    }

    private void TellBoth(PeerId a, PeerId b, bool up)
    {
        FabricNode? first, second;
        lock (_gate)
        {
            first = _nodes.GetValueOrDefault(a);
            second = _nodes.GetValueOrDefault(b);
        }

        first?.Tell(b, up);
        second?.Tell(a, up);
    }

    private (FabricStream Local, FabricStream Remote) CreateStream(FabricLink link, PeerId from, PeerId to, ProtocolId protocol)
    {
        var forth = new FabricPipe(link.From(from), streamBufferBytes, Time);
        var back = new FabricPipe(link.From(to), streamBufferBytes, Time);
        var local = new FabricStream(to, protocol, back, forth, link.Relay is not null, Forget);
        var remote = new FabricStream(from, protocol, forth, back, link.Relay is not null, Forget);
        link.Streams.Add(local);
        link.Streams.Add(remote);
        return (local, remote);

        void Forget(FabricStream stream)
        {
            lock (_gate)
            {
                link.Streams.Remove(stream);
            }
        }
    }

    private FabricLink LinkOf(PeerId a, PeerId b)
    {
        Dictionary<PeerId, FabricLink> links = LinksOf(a);
        if (!links.TryGetValue(b, out FabricLink? link))
        {
            links[b] = LinksOf(b)[a] = link = a < b ? new FabricLink(a, b) : new FabricLink(b, a);
        }

        return link;
    }

    /// <summary>The links of a node by the other end; those that nobody has asked for yet are missing.</summary>
    private Dictionary<PeerId, FabricLink> LinksOf(PeerId peer)
    {
        if (!_links.TryGetValue(peer, out Dictionary<PeerId, FabricLink>? links))
        {
            _links[peer] = links = [];
        }

        return links;
    }
}
