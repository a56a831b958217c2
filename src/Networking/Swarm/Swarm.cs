using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Identify;
using P2PLearn.Networking.Protocols.Perf;
using P2PLearn.Networking.Protocols.Ping;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Swarm.Dialing;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>A libp2p node: listens, dials by peer id, keeps connections, and opens and serves streams over
/// them.</summary>
/// <remarks>
/// Each connection is TCP (or another transport), Noise, yamux; identify runs on it in both directions as soon as it is
/// up. All work in the background is owned: <see cref="DisposeAsync"/> ends and awaits it. Safe for several threads.
/// </remarks>
public sealed class Swarm : IPeerStreams, IAsyncDisposable
{
    /// <summary>Name of the meter with the swarm's instruments.</summary>
    public const string MeterName = SwarmMetrics.MeterName;

    private readonly SwarmOptions _options;
    private readonly ILogger _log;
    private readonly SwarmMetrics _metrics = new();
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly TaskGroup _tasks;
    private readonly ProtocolTable _protocols;
    private readonly PeerScores _scores;
    private readonly PeerStore _peers;
    private readonly ConnectionTable _connections;
    private readonly ConnectionFactory _factory;
    private readonly ConnectionKeeper _keeper;
    private readonly LocalAddresses _addresses;
    private readonly Dialer _dialer;
    private readonly LimitedUse _limited;
    private readonly IdentifyService _identify;
    private readonly IdentifyPusher _pusher;
    private Task? _disposal;

    /// <summary>Makes a swarm that neither listens nor dials yet.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public Swarm(SwarmOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _options = options;
        _log = options.LoggerFactory.CreateLogger<Swarm>();
        _tasks = new TaskGroup(e => SwarmLog.Unexpected(_log, e));
        _scores = new PeerScores(options.Scores, options.Time);
        _peers = new PeerStore(options.Peers, options.Time);
        var events = new PeerEvents(
            _peers, p => PeerConnected?.Invoke(p), p => PeerDisconnected?.Invoke(p), e => SwarmLog.Unexpected(_log, e));
        _connections = new ConnectionTable(LocalPeer, events);
        _addresses = new LocalAddresses(options.Identity, options.Time, OnAddressesChanged);
        _identify = new IdentifyService(DescribeSelf, _peers, options.Timeouts, options.Time, _log);
        _pusher = new IdentifyPusher(_identify, _connections, _peers, options.Timeouts.PushDelay, options.Time);
        _protocols = new ProtocolTable(_pusher.Changed);
        var server = new StreamServer(_protocols, options, _metrics, _log, Broke);
        _limited = server.Limited;
        Gate = new ResourceGate(options.Limits, options.Time);
        _factory = new ConnectionFactory(options, server, Gate, _scores, _metrics);
        _keeper = new ConnectionKeeper(
            options, _factory, _connections, _identify, _tasks, _metrics, _log, _closing.Token);
        var dials = new DialQueue<object, SwarmConnection>(_tasks, _closing.Token);
        _dialer = new Dialer(options, _factory, _connections, _peers, dials, _keeper.AdoptAsync, _metrics, _log);
        _keeper.Opened += _dialer.Opened;
        Network = new SwarmNetwork(
            options, _connections, _factory, _keeper, _dialer, _identify, _peers, _protocols, _addresses, _tasks, Broke, Penalize, _log,
            _closing.Token);
        ServeStandardProtocols();
        Nat = options.Nat is { } nat ? new NatService(Network, nat) : null;
        _tasks.TryRun(() => _pusher.RunAsync(_closing.Token));
    }

    /// <inheritdoc/>
    public event Action<PeerId>? PeerConnected;

    /// <inheritdoc/>
    public event Action<PeerId>? PeerDisconnected;

    /// <inheritdoc/>
    public PeerId LocalPeer => _options.Identity.PeerId;

    /// <inheritdoc/>
    public IReadOnlyCollection<PeerId> ConnectedPeers => _connections.Peers;

    /// <summary>Where others can dial us, each ending in our peer id; wildcards are expanded to the addresses of the
    /// interfaces.</summary>
    public IReadOnlyList<Multiaddr> ListenAddresses => _addresses.Current;

    /// <summary>Our addresses under our signature; a newer one each time they change.</summary>
    public SignedEnvelope LocalPeerRecord => _addresses.Record;

    /// <summary>Asked for addresses when a peer cannot be reached with those known.</summary>
    public IPeerRouter? PeerRouter
    {
        get => _dialer.Router;
        set => _dialer.Router = value;
    }

    /// <summary>What the swarm has done so far.</summary>
    public SwarmCounters Counters => _metrics.Snapshot();

    /// <summary>How this node is reached and reaches others; null without <see cref="SwarmOptions.Nat"/>.</summary>
    public NatService? Nat { get; }

    /// <summary>The swarm as NAT traversal sees it.</summary>
    internal SwarmNetwork Network { get; }

    /// <summary>What is counted against the limits.</summary>
    internal ResourceGate Gate { get; }

    /// <summary>All open connections, a snapshot.</summary>
    public IReadOnlyList<ConnectionInfo> Connections => [.. _connections.All.Select(c => c.ToInfo())];

    /// <summary>Starts to listen.</summary>
    /// <param name="address">For example <c>/ip4/0.0.0.0/tcp/4001</c>; port 0 takes a free one.</param>
    /// <param name="cancellationToken">Ends the attempt.</param>
    /// <returns>The address bound, with its port and our peer id; possibly still a wildcard.</returns>
    /// <exception cref="AddressInUseException">Something listens there already.</exception>
    /// <exception cref="NotSupportedException">No transport handles the address.</exception>
    /// <exception cref="IOException">The system refused for another reason.</exception>
    public async ValueTask<Multiaddr> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        ObjectDisposedException.ThrowIf(_closing.IsCancellationRequested, this);
        ITransport transport = _factory.TransportFor(address)
            ?? throw new NotSupportedException($"cannot listen on {address}: no transport for it");
        ITransportListener listener = await transport.ListenAsync(address, cancellationToken).ConfigureAwait(false);
        _addresses.Add(listener);
        if (!_tasks.TryRun(() => _keeper.AcceptAsync(listener)))
        {
            await listener.DisposeAsync().ConfigureAwait(false);
            ObjectDisposedException.ThrowIf(true, this);
        }

        SwarmLog.Listening(_log, listener.Address);
        Nat?.Start();
        return listener.Address.WithPeerId(LocalPeer);
    }

    /// <summary>Connects to an address, unless a connection with the peer it names is up.</summary>
    /// <param name="address">With or without <c>/p2p/…</c>; without it whoever is there will do. Earlier failures do
    /// not hold it back.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Who is there.</returns>
    /// <exception cref="PeerUnreachableException">Why not, for each address that the name stood for.</exception>
    public async ValueTask<PeerId> ConnectAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        SwarmConnection connection = await _dialer.ConnectAsync(address, cancellationToken).ConfigureAwait(false);
        return connection.RemotePeer;
    }

    /// <summary>Connects to a peer by its known addresses, or those that the router finds, unless a connection is
    /// up.</summary>
    /// <exception cref="PeerUnreachableException">No address is known, or none could be dialled.</exception>
    public async ValueTask ConnectAsync(PeerId peer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        await _dialer.ConnectAsync(peer, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<PeerStream> OpenStreamAsync(
        PeerId peer, ProtocolId protocol, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        while (true)
        {
            SwarmConnection connection = await GetConnectionAsync(peer, protocol, cancellationToken).ConfigureAwait(false);
            bool optimistic = _peers.Speaks(peer, protocol.Value) == true;
            try
            {
                return await connection.OpenStreamAsync(protocol, optimistic, cancellationToken).ConfigureAwait(false);
            }
            catch (IOException) when (connection.IsClosing)
            {
                // It ended under our hands: the next turn takes another one or dials, which fails in its own way.
            }
        }
    }

    /// <inheritdoc/>
    public IDisposable Handle(ProtocolId protocol, StreamHandler handler) =>
        Handle(protocol, handler, _options.Limits.MaxStreamsPerProtocol);

    /// <summary>Serves inbound streams of a protocol until the returned registration is disposed.</summary>
    /// <param name="protocol">The protocol.</param>
    /// <param name="handler">Serves a stream.</param>
    /// <param name="maxStreamsPerPeer">Streams of it that one peer may have open here; further ones are reset.</param>
    /// <exception cref="InvalidOperationException">The protocol has a handler already.</exception>
    public IDisposable Handle(ProtocolId protocol, StreamHandler handler, int maxStreamsPerPeer)
    {
        ArgumentNullException.ThrowIfNull(handler);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(maxStreamsPerPeer);
        return _protocols.Add(protocol, handler, maxStreamsPerPeer);
    }

    /// <inheritdoc/>
    public void Penalize(PeerId peer, EndReason reason)
    {
        ArgumentNullException.ThrowIfNull(peer);
        if (_scores.Penalize(peer, reason))
        {
            SwarmLog.Banned(_log, peer.ToShortString());
            foreach (SwarmConnection connection in _connections.Of(peer))
            {
                connection.Close(EndReason.NotAdmitted);
            }
        }
    }

    /// <summary>What is known of a peer; null when nothing is.</summary>
    public PeerInfo? GetPeerInfo(PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        IReadOnlyList<SwarmConnection> connections = _connections.Of(peer);
        return _peers.InfoOf(peer) is not { } info
            ? null
            : info with
            {
                Connections = [.. connections.Select(c => c.ToInfo())],
                ObservedAddress = connections.Select(c => c.ObservedAddress).FirstOrDefault(a => a is not null),
                RoundTripTime = connections.Select(c => c.RoundTripTime).FirstOrDefault(r => r is not null),
                Score = _scores.ScoreOf(peer),
            };
    }

    /// <summary>Takes a peer's signed addresses from any source; those of a peer that is not connected are few and
    /// expire.</summary>
    /// <param name="envelope">Untrusted bytes of a signed peer record.</param>
    /// <returns>False when the record does not hold.</returns>
    public bool TryAddPeerRecord(ReadOnlySpan<byte> envelope) =>
        _peers.AddRecord(envelope, sender: null) == EnvelopeCheck.Valid;

    /// <summary>The newest signed record of a peer's addresses, to be passed on; this node's own too.</summary>
    /// <param name="peer">Whose.</param>
    /// <param name="envelope">The bytes of the signed envelope; they do not change.</param>
    /// <returns>False when none is known.</returns>
    public bool TryGetPeerRecord(PeerId peer, out ReadOnlyMemory<byte> envelope)
    {
        ArgumentNullException.ThrowIfNull(peer);
        byte[]? known = peer == LocalPeer ? LocalPeerRecord.ToProtobuf() : _peers.RecordOf(peer);
        envelope = known;
        return known is not null;
    }

    /// <summary>Adds addresses of a peer that nobody signed.</summary>
    public void AddAddresses(PeerId peer, IEnumerable<Multiaddr> addresses)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(addresses);
        _peers.AddAddresses(peer, addresses);
    }

    /// <summary>Measures a round trip to a peer.</summary>
    /// <exception cref="PeerUnreachableException">The peer cannot be reached.</exception>
    /// <exception cref="IOException">The echo is wrong, or the stream broke.</exception>
    public async ValueTask<TimeSpan> PingAsync(PeerId peer, CancellationToken cancellationToken)
    {
        PeerStream stream = await OpenStreamAsync(peer, PingProtocol.Id, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            TimeSpan roundTrip = await PingProtocol.PingAsync(stream, _options.Time, cancellationToken)
                .ConfigureAwait(false);
            ((SwarmStream)stream).Connection.Measured(roundTrip);
            await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
            return roundTrip;
        }
    }

    /// <summary>Closes the connections with a peer.</summary>
    public async ValueTask DisconnectAsync(PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        IReadOnlyList<SwarmConnection> connections = _connections.Of(peer);
        foreach (SwarmConnection connection in connections)
        {
            connection.Close(EndReason.ClosedLocally);
        }

        await Task.WhenAll(connections.Select(c => c.Ended)).ConfigureAwait(false);
    }

    /// <summary>Closes listeners, dials and connections, and waits for everything in the background. Harmless when
    /// repeated.</summary>
    public ValueTask DisposeAsync()
    {
        lock (_closing)
        {
            _disposal ??= CloseAsync();
        }

        return new ValueTask(_disposal);
    }

    private async Task CloseAsync()
    {
        if (Nat is not null)
        {
            await Nat.DisposeAsync().ConfigureAwait(false); // says goodbye to relays and routers while there are connections
        }

        await _closing.CancelAsync().ConfigureAwait(false);
        await _addresses.DisposeAsync().ConfigureAwait(false);
        // from here on nothing new starts, so every connection is in the table or on its way out
        Task background = _tasks.CloseAsync();
        foreach (SwarmConnection connection in _connections.All)
        {
            connection.Close(EndReason.ClosedLocally);
        }

        await background.ConfigureAwait(false);
        _metrics.Dispose();
    }

    /// <summary>A connection that the protocol may use; a direct one is waited for when only a limited one is there.</summary>
    private async ValueTask<SwarmConnection> GetConnectionAsync(
        PeerId peer, ProtocolId protocol, CancellationToken cancellationToken)
    {
        SwarmConnection connection = await _dialer.ConnectAsync(peer, cancellationToken).ConfigureAwait(false);
        return _limited.Allows(protocol.Value, connection.Limit)
            ? connection
            : await WaitForDirectAsync(peer, protocol, cancellationToken).ConfigureAwait(false);
    }

    private async Task<SwarmConnection> WaitForDirectAsync(
        PeerId peer, ProtocolId protocol, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_options.Timeouts.DirectWait, _options.Time, cancellationToken);
        var found = new TaskCompletionSource<SwarmConnection>(TaskCreationOptions.RunContinuationsAsynchronously);
        void Look(SwarmConnection? opened)
        {
            if (_connections.Best(peer, c => _limited.Allows(protocol.Value, c.Limit)) is { } usable)
            {
                found.TrySetResult(usable);
            }
        }

        _keeper.Opened += Look;
        try
        {
            Look(null);
            return await found.Task.WaitAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.Passed)
        {
            throw new PeerUnreachableException(
                peer, EndReason.LimitedConnection, $"peer {peer} is connected over a relay only, which {protocol} may not use");
        }
        finally
        {
            _keeper.Opened -= Look;
        }
    }

    private void OnAddressesChanged()
    {
        _pusher.Changed();
        Network?.TellAddressesChanged();
    }

    private void ServeStandardProtocols()
    {
        Handle(IdentifyService.Id, _identify.AnswerAsync, IdentifyService.MaxStreamsPerPeer);
        Handle(IdentifyService.PushId, _identify.TakePushAsync, IdentifyService.MaxStreamsPerPeer);
        Handle(
            PingProtocol.Id, (s, ct) => PingProtocol.AnswerAsync(s, _options.Time, ct), PingProtocol.MaxStreamsPerPeer);
        if (_options.EnablePerf)
        {
            Handle(
                PerfProtocol.Id,
                (s, ct) => PerfProtocol.AnswerAsync(s, _options.Time, ct),
                PerfProtocol.MaxStreamsPerPeer);
        }
    }

    private void Broke(SwarmConnection connection, ProtocolViolationException violation)
    {
        SwarmLog.RuleBroken(_log, connection.RemotePeer.ToShortString(), violation.Reason, violation.Message);
        Penalize(connection.RemotePeer, violation.Reason);
        if (violation.Scope == ViolationScope.Connection)
        {
            connection.Close(violation.Reason);
        }
    }

    private IdentifyRecord DescribeSelf(Multiaddr observed) => new()
    {
        PublicKey = _options.Identity.PublicKey.Protobuf.ToArray(),
        ListenAddresses = [.. ListenAddresses.Select(a => a.WithoutPeerId()!)],
        Protocols = _protocols.Names,
        ObservedAddress = observed,
        ProtocolVersion = _options.ProtocolVersion,
        AgentVersion = _options.AgentVersion,
        SignedPeerRecord = LocalPeerRecord.ToProtobuf(),
    };
}
