using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Makes connections of raw links: multistream, Noise, muxer, under the limits.</summary>
/// <remarks>
/// Source: libp2p specs, connections. What it fails at it cleans up: the link is aborted and the count given back.
/// Safe for several threads.
/// </remarks>
internal sealed class ConnectionFactory
{
    private readonly SwarmOptions _options;
    private readonly StreamServer _server;
    private readonly ResourceGate _gate;
    private readonly PeerScores _scores;
    private readonly SwarmMetrics _metrics;
    private readonly IReadOnlyList<ITransport> _transports;
    private readonly MultistreamSelect _select;
    private readonly NoiseSecurity _noise;
    private ICircuitTransport? _circuits;
    private long _lastId;

    public ConnectionFactory(
        SwarmOptions options, StreamServer server, ResourceGate gate, PeerScores scores, SwarmMetrics metrics)
    {
        _options = options;
        _server = server;
        _gate = gate;
        _scores = scores;
        _metrics = metrics;
        _transports = options.Transports ?? [new TcpTransport(options.ReusePort, options.Time) { SilenceLimit = options.Timeouts.Silence }];
        _select = new MultistreamSelect(
            new MultistreamOptions { Timeout = options.Timeouts.DialAddress }, options.Time);
        _noise = new NoiseSecurity(options.Identity, options.Noise, options.Time);
    }

    /// <summary>An address is about to be dialled, whatever comes of it. Raised by whoever dials: handlers must not
    /// block.</summary>
    public event Action<Multiaddr>? Dialling;

    /// <summary>The transport for an address; null when there is none.</summary>
    public ITransport? TransportFor(Multiaddr address) => address.IsRelayed
        ? Volatile.Read(ref _circuits)
        : _transports.FirstOrDefault(t => t.Handles(address));

    /// <summary>In which order to try ways through relays.</summary>
    public IReadOnlyList<Multiaddr> InOrder(PeerId? target, IReadOnlyList<Multiaddr> relayed) =>
        target is not null && Volatile.Read(ref _circuits) is { } circuits ? circuits.InOrder(target, relayed) : relayed;

    /// <summary>Takes the transport of relayed addresses; null takes it away.</summary>
    public void UseCircuits(ICircuitTransport? circuits) => Volatile.Write(ref _circuits, circuits);

    /// <summary>Counts an inbound link before anything is spent on it.</summary>
    public ResourceLimit TryAccept(ITransportLink link, out ResourceGate.ConnectionTicket? ticket)
    {
        ResourceLimit limit = _gate.TryAccept(link.RemoteIp, out ticket);
        if (limit != ResourceLimit.None)
        {
            _metrics.Refused(limit);
        }

        return limit;
    }

    /// <summary>Dials one address and upgrades the link.</summary>
    /// <exception cref="IOException">Refused, unreachable, not the peer expected, or a limit is reached.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule of the handshakes.</exception>
    public async Task<SwarmConnection> DialAsync(
        Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
    {
        ITransport transport = TransportFor(address)
            ?? throw new UpgradeException(EndReason.ProtocolNotSupported, "no transport for this address");
        if (expected is not null)
        {
            ThrowIfUnwanted(expected);
        }

        ResourceGate.ConnectionTicket ticket = TakeTicket();
        ITransportLink link;
        try
        {
            // whom to reach through a relay is said by the address alone
            Multiaddr whole = !address.IsRelayed || expected is null ? address
                : RelayedAddress.To(address, expected) ?? throw new UpgradeException(EndReason.ProtocolNotSupported, "the address is too long");
            Dialling?.Invoke(whole);
            link = await transport.DialAsync(whole, cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            ticket.Dispose();
            throw;
        }

        ConnectionPath path = address.IsRelayed ? ConnectionPath.Relayed : ConnectionPath.Direct;
        return await UpgradeAsync(link, ticket, LinkTerms.Outbound(path, expected), cancellationToken)
            .ConfigureAwait(false);
    }

    /// <summary>Makes a raw link to exactly this address.</summary>
    /// <exception cref="IOException">Refused, unreachable, broken, or the port asked for is not to be had.</exception>
    public ValueTask<ITransportLink> DialLinkAsync(
        Multiaddr address, DialOrigin origin, CancellationToken cancellationToken)
    {
        ITransport transport = TransportFor(address)
            ?? throw new UpgradeException(EndReason.ProtocolNotSupported, "no transport for this address");
        Dialling?.Invoke(address);
        return transport.DialAsync(address, origin, cancellationToken);
    }

    /// <summary>Upgrades a raw link that somebody else made; it belongs to the connection then, or is ended.</summary>
    /// <exception cref="IOException">The link ended, a limit is reached, or the peer is not expected, refused or
    /// ourselves.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule of the handshakes.</exception>
    public async Task<SwarmConnection> UpgradeAsync(
        ITransportLink raw, LinkTerms terms, CancellationToken cancellationToken)
    {
        ResourceGate.ConnectionTicket? ticket;
        ResourceLimit limit = terms.Direction == ConnectionDirection.Inbound
            ? _gate.TryAccept(raw.RemoteIp, out ticket)
            : _gate.TryDial(out ticket);
        if (ticket is null)
        {
            raw.Abort();
            throw Refused(limit);
        }

        return await UpgradeAsync(raw, ticket, terms, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Upgrades a raw link; both it and the ticket belong to the connection then, or are ended.</summary>
    /// <exception cref="IOException">The link ended, or the peer is not expected, refused or ourselves.</exception>
    /// <exception cref="ProtocolViolationException">The remote broke a rule of the handshakes.</exception>
    public async Task<SwarmConnection> UpgradeAsync(
        ITransportLink raw,
        ResourceGate.ConnectionTicket ticket,
        LinkTerms terms,
        CancellationToken cancellationToken)
    {
        var link = new MeteredLink(raw, _metrics);
        ConnectionRole role = terms.Role;
        try
        {
            NoiseChannel channel = await SecureAsync(link, role, terms.Expected, cancellationToken)
                .ConfigureAwait(false);
            PeerId remote = channel.RemotePeer;
            ThrowIfUnwanted(remote);
            ILink muxable = await AgreeOnMuxerAsync(channel, role, cancellationToken).ConfigureAwait(false);
            ResourceLimit limit = ticket.TryBindPeer(remote);
            if (limit != ResourceLimit.None)
            {
                throw Refused(limit);
            }

            var session = YamuxSession.Start(muxable, role == ConnectionRole.Dialer, _options.Yamux, _options.Time);
            var upgraded = new UpgradedLink(raw, link, session, remote, terms);
            return new SwarmConnection(Interlocked.Increment(ref _lastId), upgraded, ticket, _server);
        }
        catch
        {
            link.Abort();
            ticket.Dispose();
            throw;
        }
    }

    private ResourceGate.ConnectionTicket TakeTicket()
    {
        ResourceLimit limit = _gate.TryDial(out ResourceGate.ConnectionTicket? ticket);
        return ticket ?? throw Refused(limit);
    }

    private IReadOnlyList<string> EarlyMuxers => _options.EarlyMuxerNegotiation ? [YamuxSession.ProtocolId] : [];

    private async Task<NoiseChannel> SecureAsync(
        ILink link, ConnectionRole role, PeerId? expected, CancellationToken cancellationToken)
    {
        if (role == ConnectionRole.Dialer)
        {
            // One candidate: the proposal and the first handshake message travel together.
            ILink hopeful = _select.Propose(link, NoiseSecurity.ProtocolName);
            return await _noise.SecureOutboundAsync(hopeful, expected, EarlyMuxers, cancellationToken)
                .ConfigureAwait(false);
        }

        (_, ILink agreed) = await _select.AcceptAsync(
            link, p => p == NoiseSecurity.ProtocolName, cancellationToken).ConfigureAwait(false);
        return await _noise.SecureInboundAsync(agreed, expected, EarlyMuxers, cancellationToken).ConfigureAwait(false);
    }

    private async Task<ILink> AgreeOnMuxerAsync(
        NoiseChannel channel, ConnectionRole role, CancellationToken cancellationToken)
    {
        if (channel.NegotiatedMuxer is not null)
        {
            return channel; // we offered yamux alone, so it is yamux
        }

        (_, ILink agreed) = role == ConnectionRole.Dialer
            ? await _select.SelectAsync(channel, [YamuxSession.ProtocolId], cancellationToken).ConfigureAwait(false)
            : await _select.AcceptAsync(channel, p => p == YamuxSession.ProtocolId, cancellationToken)
                .ConfigureAwait(false);
        return agreed;
    }

    private void ThrowIfUnwanted(PeerId remote)
    {
        if (remote == _options.Identity.PeerId)
        {
            throw new UpgradeException(EndReason.SelfDial, "that is this node itself");
        }

        if (_scores.IsBanned(remote))
        {
            throw new UpgradeException(
                EndReason.NotAdmitted, $"{remote} broke too many rules and is refused for a while");
        }
    }

    private UpgradeException Refused(ResourceLimit limit)
    {
        _metrics.Refused(limit);
        return new UpgradeException(EndReason.LimitReached, $"limit {limit} is reached");
    }
}
