using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Identify;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Swarm.Dialing;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm;

/// <summary>The swarm's parts as NAT traversal uses them.</summary>
internal sealed class SwarmNetwork : ISwarmNetwork
{
    private readonly SwarmOptions _options;
    private readonly ConnectionTable _connections;
    private readonly ConnectionFactory _factory;
    private readonly ConnectionKeeper _keeper;
    private readonly Dialer _dialer;
    private readonly PeerStore _peers;
    private readonly ProtocolTable _protocols;
    private readonly TaskGroup _tasks;
    private readonly CancellationToken _closing;
    private readonly Action<SwarmConnection, ProtocolViolationException> _broke;
    private readonly Action<PeerId, EndReason> _penalize;
    private readonly OrderedEvents _events;

    public SwarmNetwork(
        SwarmOptions options,
        ConnectionTable connections,
        ConnectionFactory factory,
        ConnectionKeeper keeper,
        Dialer dialer,
        IdentifyService identify,
        PeerStore peers,
        ProtocolTable protocols,
        LocalAddresses addresses,
        TaskGroup tasks,
        Action<SwarmConnection, ProtocolViolationException> broke,
        Action<PeerId, EndReason> penalize,
        ILogger log,
        CancellationToken closing)
    {
        (_options, _connections, _factory, _keeper, _dialer) = (options, connections, factory, keeper, dialer);
        (_peers, _protocols, LocalAddresses, _tasks) = (peers, protocols, addresses, tasks);
        (_broke, _penalize, _closing) = (broke, penalize, closing);
        _events = new OrderedEvents(e => SwarmLog.Unexpected(log, e));
        keeper.Opened += c => Tell(() => Opened?.Invoke(c));
        keeper.Closed += c => Tell(() => Closed?.Invoke(c));
        identify.Identified += c => Tell(() => Identified?.Invoke(c));
    }

    /// <inheritdoc/>
    public event Action<SwarmConnection>? Opened;

    /// <inheritdoc/>
    public event Action<SwarmConnection>? Identified;

    /// <inheritdoc/>
    public event Action<SwarmConnection>? Closed;

    /// <inheritdoc/>
    public event Action<Multiaddr>? Dialling
    {
        add => _factory.Dialling += value;
        remove => _factory.Dialling -= value;
    }

    /// <inheritdoc/>
    public event Action? AddressesChanged;

    /// <inheritdoc/>
    public KeyPair Identity => _options.Identity;

    /// <inheritdoc/>
    public TimeProvider Time => _options.Time;

    /// <inheritdoc/>
    public ILoggerFactory LoggerFactory => _options.LoggerFactory;

    /// <inheritdoc/>
    public LocalAddresses LocalAddresses { get; }

    /// <inheritdoc/>
    public IReadOnlyList<SwarmConnection> Connections => _connections.All;

    /// <inheritdoc/>
    public IReadOnlyList<SwarmConnection> ConnectionsOf(PeerId peer) => _connections.Of(peer);

    /// <inheritdoc/>
    public IReadOnlyList<Multiaddr> AddressesOf(PeerId peer) => _peers.AddressesOf(peer);

    /// <inheritdoc/>
    public bool? Speaks(PeerId peer, ProtocolId protocol) => _peers.Speaks(peer, protocol.Value);

    /// <inheritdoc/>
    public IDisposable Handle(ProtocolId protocol, StreamHandler handler, int maxStreamsPerPeer) =>
        _protocols.Add(protocol, handler, maxStreamsPerPeer);

    /// <inheritdoc/>
    public ValueTask<SwarmConnection> ConnectAsync(PeerId peer, CancellationToken cancellationToken) =>
        _dialer.ConnectAsync(peer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<SwarmConnection> ConnectAsync(Multiaddr address, CancellationToken cancellationToken) =>
        _dialer.ConnectAsync(address, cancellationToken);

    /// <inheritdoc/>
    public ValueTask<ITransportLink> DialLinkAsync(
        Multiaddr address, DialOrigin origin, CancellationToken cancellationToken) =>
        _factory.DialLinkAsync(address, origin, cancellationToken);

    /// <inheritdoc/>
    public async Task<SwarmConnection> AdoptAsync(
        ITransportLink link, LinkTerms terms, CancellationToken cancellationToken)
    {
        SwarmConnection connection = await _factory.UpgradeAsync(link, terms, cancellationToken).ConfigureAwait(false);
        await _keeper.AdoptAsync(connection).ConfigureAwait(false);
        return connection;
    }

    /// <inheritdoc/>
    public Task CallOffDialsAsync(PeerId peer) => _dialer.CallOffDirectAsync(peer);

    /// <inheritdoc/>
    public IDisposable InterceptAccepts(Func<ITransportLink, bool> claim) => _keeper.Intercept(claim);

    /// <inheritdoc/>
    public void UseCircuits(ICircuitTransport? circuits) => _factory.UseCircuits(circuits);

    /// <inheritdoc/>
    public bool TryRun(Func<CancellationToken, Task> work) => _tasks.TryRun(() => work(_closing));

    /// <inheritdoc/>
    public void Broke(SwarmConnection connection, ProtocolViolationException violation) => _broke(connection, violation);

    /// <inheritdoc/>
    public void Penalize(PeerId peer, EndReason reason) => _penalize(peer, reason);

    /// <summary>Our own addresses changed.</summary>
    public void TellAddressesChanged() => Tell(() => AddressesChanged?.Invoke());

    private void Tell(Action notify)
    {
        _events.Post(notify);
        _events.Deliver();
    }
}
