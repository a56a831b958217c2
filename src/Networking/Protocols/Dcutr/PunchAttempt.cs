using System.Diagnostics.CodeAnalysis;
using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>One synchronised dial: collects the links that come of it, dialled or accepted, and makes a connection of
/// the first that will do.</summary>
/// <remarks>
/// From its making on it claims accepted links of the peer's addresses. The answering side, which speaks first, tries one
/// link after the other, so that both sides keep the same one; the opening side listens on all. When its time is over it
/// dials no more, and what is half made finishes. <see cref="Stop"/> ends all waiting; handshakes under way finish even
/// then, since the other side may count on them. Safe for several threads.
/// </remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "A source without a timer and a semaphore whose wait handle is never asked for hold nothing.")]
internal sealed class PunchAttempt
{
    private const int MaxClaimedLinks = 8;

    private readonly PunchContext _context;
    private readonly PunchSide _side;
    private readonly IReadOnlyList<Multiaddr> _addresses;
    private readonly HashSet<IPAddress> _ips;
    private readonly TaskGroup _tasks;
    private readonly CancellationTokenSource _stop = new();
    private readonly CancellationTokenSource _stopDialling = new();
    private readonly SemaphoreSlim _turn = new(1, 1);
    private readonly TaskCompletionSource _won = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private TimeSpan _roundTrip;
    private volatile bool _isDialling;
    private int _collisions;
    private int _claimed;

    /// <param name="context">Shared.</param>
    /// <param name="peer">With whom.</param>
    /// <param name="side">Ours in the exchange.</param>
    /// <param name="addresses">The peer's, checked.</param>
    /// <param name="collisions">How often both sides spoke first.</param>
    public PunchAttempt(
        PunchContext context, PeerId peer, PunchSide side, IReadOnlyList<Multiaddr> addresses, int collisions)
    {
        _context = context;
        Peer = peer;
        _side = side;
        _addresses = addresses;
        _ips = [.. addresses.Select(PunchAddresses.IpOf)];
        _collisions = collisions;
        _tasks = new TaskGroup(e => PunchLog.Unexpected(context.Log, e));
        context.Add(this);
    }

    /// <summary>With whom.</summary>
    public PeerId Peer { get; }

    /// <summary>How often a link came up and both sides took themselves for the initiator.</summary>
    public int Collisions => _collisions;

    /// <summary>A link came up and broke within its handshakes.</summary>
    public bool HadLink { get; private set; }

    /// <summary>Everything of it has ended. After <see cref="Stop"/>.</summary>
    public Task Ended => _tasks.CloseAsync();

    /// <summary>Takes an accepted link when it is, or may be, the peer's.</summary>
    /// <returns>False: it is not ours.</returns>
    public bool TryClaim(ITransportLink link, PunchLinkOrigin origin)
    {
        bool matches = origin == PunchLinkOrigin.Expected
            ? _addresses.Contains(link.RemoteAddress)
            : link.RemoteIp is { } ip && _ips.Contains(ip);
        return matches
            && !_stop.IsCancellationRequested
            && Interlocked.Increment(ref _claimed) <= MaxClaimedLinks
            && _tasks.TryRun(() => UseAsync(link, origin));
    }

    /// <summary>Dials all addresses until a connection is up, the time is over or it is stopped.</summary>
    /// <param name="roundTrip">Over the relay.</param>
    /// <param name="dial">Makes a link to an address, from the listen port.</param>
    /// <param name="cancellationToken">Stops it.</param>
    /// <returns>Whether a connection came of it.</returns>
    public async Task<bool> RunAsync(
        TimeSpan roundTrip,
        Func<Multiaddr, CancellationToken, Task<ITransportLink>> dial,
        CancellationToken cancellationToken)
    {
        _roundTrip = roundTrip;
        _isDialling = true;
        PunchLog.Dialling(_context.Log, Peer.ToShortString(), _addresses.Count, _side, roundTrip.TotalMilliseconds);
        foreach (Multiaddr address in _addresses)
        {
            _tasks.TryRun(() => DialAsync(dial, address));
        }

        using var limit = new Deadline(_context.Options.AttemptTimeout, _context.Time, cancellationToken);
        try
        {
            await _won.Task.WaitAsync(limit.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return false;
        }
        finally
        {
            _context.Remove(this);
            await _stopDialling.CancelAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends dialling and waiting. Harmless when repeated.</summary>
    public void Stop()
    {
        _context.Remove(this);
        _stopDialling.Cancel();
        _stop.Cancel();
    }

    /// <remarks>Once: after a link that broke, routers let no other between these addresses through for a while.</remarks>
    private async Task DialAsync(Func<Multiaddr, CancellationToken, Task<ITransportLink>> dial, Multiaddr address)
    {
        ITransportLink link = await dial(address, _stopDialling.Token).ConfigureAwait(false);
        await UseAsync(link, PunchLinkOrigin.Dialled).ConfigureAwait(false);
    }

    private async Task UseAsync(ITransportLink link, PunchLinkOrigin origin)
    {
        PunchLog.LinkUp(_context.Log, Peer.ToShortString(), origin, link.RemoteAddress);
        var heard = new HeardLink(link);
        bool handedOver = false;
        try
        {
            ConnectionRole role = await AgreeOnRoleAsync(heard, origin).ConfigureAwait(false);
            handedOver = true;
            await UpgradeAsync(heard, origin, role).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is { } reason)
        {
            HadLink |= !_stop.IsCancellationRequested;
            PunchLog.LinkFailed(_context.Log, Peer.ToShortString(), link.RemoteAddress, reason, e.Message);
        }
        finally
        {
            if (!handedOver)
            {
                link.Abort();
            }
        }
    }

    private async Task<ConnectionRole> AgreeOnRoleAsync(HeardLink link, PunchLinkOrigin origin)
    {
        TimeSpan wait = PunchRoles.ProposeAfter(_side, origin, _roundTrip, _collisions, _context.Options.RoleMargin);
        try
        {
            return wait > TimeSpan.Zero && await link.HearAsync(wait, _context.Time, _stop.Token).ConfigureAwait(false)
                ? ConnectionRole.Listener
                : ConnectionRole.Dialer;
        }
        catch (OperationCanceledException) when (origin == PunchLinkOrigin.Nearby)
        {
            return ConnectionRole.Listener; // our peer has another connection by now: this may be its neighbour
        }
    }

    private async Task UpgradeAsync(HeardLink link, PunchLinkOrigin origin, ConnectionRole role)
    {
        bool inTurn = role == ConnectionRole.Dialer && _side == PunchSide.Answerer;
        bool hasTurn = false;
        using var limit = new Deadline(_context.Options.UpgradeTimeout, _context.Time, CancellationToken.None);
        try
        {
            if (inTurn)
            {
                hasTurn = await TakeTurnAsync().ConfigureAwait(false);
            }

            await AdoptAsync(link, origin, role, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            link.Abort();
            throw;
        }
        finally
        {
            if (hasTurn)
            {
                _turn.Release();
            }
        }
    }

    /// <summary>Waits until the link before has failed, or has taken longer than it should.</summary>
    private async Task<bool> TakeTurnAsync()
    {
        using var hold = new Deadline((2 * _roundTrip) + PunchRoles.NearbyLinkWait, _context.Time, _stop.Token);
        try
        {
            await _turn.WaitAsync(hold.Token).ConfigureAwait(false);
            return true;
        }
        catch (OperationCanceledException) when (!_stop.IsCancellationRequested)
        {
            return false;
        }
    }

    private async Task AdoptAsync(
        HeardLink link, PunchLinkOrigin origin, ConnectionRole role, CancellationToken cancellationToken)
    {
        bool isDialled = origin == PunchLinkOrigin.Dialled;
        bool isDialledBack = _side == PunchSide.Answerer && role == ConnectionRole.Listener && !_isDialling; // no SYNC yet
        bool isPeers = isDialled || role == ConnectionRole.Dialer;
        var terms = new LinkTerms(
            isDialled ? ConnectionDirection.Outbound : ConnectionDirection.Inbound,
            role,
            isDialledBack ? ConnectionPath.Reversed : ConnectionPath.Punched,
            isPeers ? Peer : null) // who dialled us and speaks may be anybody
        {
            PathIsOf = Peer,
        };
        try
        {
            SwarmConnection connection = await _context.Network.AdoptAsync(link, terms, cancellationToken)
                .ConfigureAwait(false);
            if (connection.RemotePeer == Peer)
            {
                _won.TrySetResult();
                Stop();
            }
        }
        catch (ProtocolViolationException) when (role == ConnectionRole.Dialer)
        {
            Interlocked.Increment(ref _collisions); // it took our proposal for its answer, and we its
            throw;
        }
    }
}
