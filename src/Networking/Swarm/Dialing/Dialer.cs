using System.Diagnostics.CodeAnalysis;
using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Swarm.Peers;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>Gets a connection to a peer: the one that is up, or a new one over its known or found addresses.</summary>
/// <remarks>Safe for several threads. Callers who want the same peer at once share a dial.</remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "A SemaphoreSlim whose wait handle is never asked for holds nothing to dispose.")]
internal sealed class Dialer
{
    private readonly SwarmOptions _options;
    private readonly ConnectionFactory _factory;
    private readonly ConnectionTable _connections;
    private readonly PeerStore _peers;
    private readonly Func<SwarmConnection, Task> _adopt;
    private readonly SwarmMetrics _metrics;
    private readonly ILogger _log;
    private readonly DialBackoff _backoff;
    private readonly AddressResolver _resolver;
    private readonly SemaphoreSlim _slots;
    private readonly DialQueue<object, SwarmConnection> _queue; // by PeerId or by Multiaddr
    private readonly DirectDials _direct = new();

    public Dialer(
        SwarmOptions options,
        ConnectionFactory factory,
        ConnectionTable connections,
        PeerStore peers,
        DialQueue<object, SwarmConnection> queue,
        Func<SwarmConnection, Task> adopt,
        SwarmMetrics metrics,
        ILogger log)
    {
        _options = options;
        _factory = factory;
        _connections = connections;
        _peers = peers;
        _adopt = adopt;
        _metrics = metrics;
        _log = log;
        _backoff = new DialBackoff(options.Time);
        _resolver = new AddressResolver(options.ResolveName);
        _slots = new SemaphoreSlim(options.Limits.MaxConcurrentDials);
        _queue = queue;
    }

    /// <summary>Calls off the dials of direct addresses to a peer and waits until they are gone.</summary>
    public Task CallOffDirectAsync(PeerId peer) => _direct.CallOffAsync(peer);

    /// <summary>A connection has come up, by whoever's dial: whoever waits for that peer has it.</summary>
    public void Opened(SwarmConnection connection)
    {
        if (!connection.IsRelayed)
        {
            _backoff.ForgetThrough(connection.RemotePeer);
        }

        _queue.Complete(connection.RemotePeer, connection);
    }

    /// <summary>Finds addresses when those known do not lead anywhere.</summary>
    public IPeerRouter? Router { get; set; }

    /// <summary>A connection to a peer.</summary>
    /// <exception cref="PeerUnreachableException">No address is known, or none came up.</exception>
    public ValueTask<SwarmConnection> ConnectAsync(PeerId peer, CancellationToken cancellationToken)
    {
        ThrowIfSelf(peer);
        return _connections.Best(peer) is { } open
            ? ValueTask.FromResult(open)
            : new ValueTask<SwarmConnection>(_queue.JoinAsync(peer, ct => DialPeerAsync(peer, ct), cancellationToken));
    }

    /// <summary>A connection to whom an address leads; earlier failures do not hold it back.</summary>
    /// <exception cref="PeerUnreachableException">It did not come up.</exception>
    public ValueTask<SwarmConnection> ConnectAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        PeerId? peer = address.PeerId;
        if (peer is not null)
        {
            ThrowIfSelf(peer);
        }

        return peer is not null && _connections.Best(peer) is { } open
            ? ValueTask.FromResult(open)
            : new ValueTask<SwarmConnection>(
                _queue.JoinAsync(address, ct => DialAddressAsync(address, ct), cancellationToken));
    }

    private async Task<SwarmConnection> DialAddressAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_options.Timeouts.Dial, _options.Time, cancellationToken);
        return await DialAllAsync(address.PeerId, [address], honourBackoff: false, limit).ConfigureAwait(false);
    }

    private async Task<SwarmConnection> DialPeerAsync(PeerId peer, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_options.Timeouts.Dial, _options.Time, cancellationToken);
        IReadOnlyList<Multiaddr> known = _peers.AddressesOf(peer);
        try
        {
            return await DialAllAsync(peer, known, honourBackoff: true, limit).ConfigureAwait(false);
        }
        catch (PeerUnreachableException) when (Router is not null && !limit.Passed)
        {
            IReadOnlyList<Multiaddr> found = await FindAsync(peer, limit).ConfigureAwait(false);
            List<Multiaddr> more = [.. found.Select(a => a.WithoutPeerId()).OfType<Multiaddr>().Except(known)];
            if (more.Count == 0)
            {
                throw;
            }

            _peers.AddAddresses(peer, more);
            return await DialAllAsync(peer, more, honourBackoff: true, limit).ConfigureAwait(false);
        }
    }

    private async Task<IReadOnlyList<Multiaddr>> FindAsync(PeerId peer, Deadline limit)
    {
        try
        {
            return await Router!.FindPeerAsync(peer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.Passed)
        {
            return [];
        }
    }

    private async Task<SwarmConnection> DialAllAsync(
        PeerId? peer, IReadOnlyList<Multiaddr> addresses, bool honourBackoff, Deadline limit)
    {
        List<Multiaddr> ranked = AddressRanking.Rank(addresses, _options.Limits.MaxAddressesPerDial);
        List<Multiaddr>[] resolved = await Task.WhenAll(ranked.Select(a => ResolveAsync(a, limit)))
            .ConfigureAwait(false);
        List<Multiaddr> all = [.. resolved.SelectMany(a => a).Distinct().Take(_options.Limits.MaxAddressesPerDial)];
        PeerDial Dial(IEnumerable<Multiaddr> some) => new(
            [.. some],
            (address, token) => DialOneAsync(peer, address, honourBackoff, token),
            _options.Limits.MaxConcurrentDialsPerPeer,
            _options.Timeouts.DialStagger,
            _options.Time);
        var race = new DialRace(
            peer, Dial(all.Where(a => !a.IsRelayed)), Dial(_factory.InOrder(peer, [.. all.Where(a => a.IsRelayed)])), _direct, _options);
        try
        {
            return await race.RunAsync(limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException e) when (limit.Passed)
        {
            string who = peer is null ? string.Join(", ", addresses) : peer.ToString();
            throw new PeerUnreachableException(
                peer, EndReason.Timeout, $"cannot reach {who}: nothing came up within {_options.Timeouts.Dial}", e);
        }
    }

    private async Task<List<Multiaddr>> ResolveAsync(Multiaddr address, Deadline limit)
    {
        try
        {
            return [.. await _resolver.ResolveAsync(address, limit.Token).ConfigureAwait(false)];
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            return [address]; // as it stands it fails at its own turn, with its name in the message
        }
    }

    private async Task<DialOutcome> DialOneAsync(
        PeerId? peer, Multiaddr address, bool honourBackoff, CancellationToken cancellationToken)
    {
        // Of the peers behind one relay one may be there and another not.
        Multiaddr place = address.IsRelayed && peer is not null ? RelayedAddress.To(address, peer) ?? address : address;
        if (honourBackoff && _backoff.WaitFor(place) is { Wait: var wait, Reason: var earlier }
            && wait > TimeSpan.Zero)
        {
            return new DialOutcome(
                address, null, earlier, $"failed before ({earlier}), left alone for {wait.TotalSeconds:F0} s", null);
        }

        using var limit = new Deadline(_options.Timeouts.DialAddress, _options.Time, cancellationToken);
        try
        {
            SwarmConnection connection = await DialInTurnAsync(peer, address, limit.Token).ConfigureAwait(false);
            _metrics.Dialled();
            _backoff.Succeeded(place);
            await _adopt(connection).ConfigureAwait(false);
            return new DialOutcome(address, connection, EndReason.None, string.Empty, null);
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            if (!cancellationToken.IsCancellationRequested)
            {
                _backoff.Failed(place, reason);
                _metrics.DialFailed(reason);
                SwarmLog.DialFailed(_log, place, reason, e.Message);
            }

            return Failed(address, reason, e);
        }
    }

    private async Task<SwarmConnection> DialInTurnAsync(
        PeerId? peer, Multiaddr address, CancellationToken cancellationToken)
    {
        if (address.TryToTcpEndPoint(out EndPoint? endPoint) && endPoint is DnsEndPoint name)
        {
            throw new UpgradeException(EndReason.LinkLost, $"the name {name.Host} does not resolve");
        }

        if (address.IsRelayed)
        {
            // The dial of the relay under it takes a place: with one of its own it could wait for itself.
            return await _factory.DialAsync(address, peer, cancellationToken).ConfigureAwait(false);
        }

        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            return await _factory.DialAsync(address, peer, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _slots.Release();
        }
    }

    private DialOutcome Failed(Multiaddr address, EndReason reason, Exception e)
    {
        string message = reason == EndReason.Timeout ? $"no answer within {_options.Timeouts.DialAddress}" : e.Message;
        return new DialOutcome(address, null, reason, message, e);
    }

    private void ThrowIfSelf(PeerId peer)
    {
        if (peer == _options.Identity.PeerId)
        {
            throw new PeerUnreachableException(peer, EndReason.SelfDial, "cannot reach this node from itself");
        }
    }
}
