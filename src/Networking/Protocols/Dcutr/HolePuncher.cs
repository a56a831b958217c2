using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Replaces relayed connections by direct ones: dials back peers that can be dialled, and punches holes with the
/// others.</summary>
/// <remarks>
/// Source: libp2p specs, DCUtR. A dialled B over a relay: B begins, A answers, and A takes the initiator's part on whatever
/// link comes of it. The swarm itself moves streams and retires the relayed connection once a direct one is up. Safe for
/// several threads.
/// </remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "A source without a timer and a semaphore whose wait handle is never asked for hold nothing.")]
internal sealed class HolePuncher : IAsyncDisposable
{
    private readonly ISwarmNetwork _network;
    private readonly DcutrOptions _options;
    private readonly Func<CancellationToken, Task> _mayDial;
    private readonly PunchContext _context;
    private readonly PunchResponder _responder;
    private readonly SemaphoreSlim _slots;
    private readonly TaskGroup _tasks;
    private readonly CancellationTokenSource _closing = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<PeerId, PunchSession> _sessions = [];
    private IDisposable? _registration;
    private IDisposable? _interception;

    /// <param name="network">The swarm.</param>
    /// <param name="options">Limits.</param>
    /// <param name="punchAddresses">Our own observed, mapped and public direct addresses now, best first.</param>
    /// <param name="publicRule">Which addresses count as public.</param>
    /// <param name="mayDial">Waited for before a peer that came over a relay is dialled.</param>
    public HolePuncher(
        ISwarmNetwork network,
        DcutrOptions options,
        Func<IReadOnlyList<Multiaddr>> punchAddresses,
        AddressRule publicRule,
        Func<CancellationToken, Task> mayDial)
    {
        options.Validate();
        (_network, _mayDial) = (network, mayDial);
        _options = options;
        _context = new PunchContext(network, options, punchAddresses, publicRule);
        _responder = new PunchResponder(_context, MayAnswer, r => Attempted?.Invoke(r));
        _slots = new SemaphoreSlim(options.MaxOpenedAtOnce);
        _tasks = new TaskGroup(e => PunchLog.Unexpected(_context.Log, e));
    }

    /// <summary>What came of a try. The answering side tells of successes only, since it cannot know whether the other
    /// tries again. Handlers must not block.</summary>
    public event Action<HolePunchReport>? Attempted;

    /// <summary>Begins to answer, and to look after the relayed connections that peers make to us.</summary>
    public void Start()
    {
        _registration = _network.Handle(DcutrOptions.Protocol, _responder.AnswerAsync, DcutrOptions.MaxStreamsPerPeer);
        _interception = _network.InterceptAccepts(_context.Claim);
        _network.Opened += OnOpened;
        _network.Identified += OnIdentified;
        _network.Closed += OnClosed;
        _network.AddressesChanged += OnAddressesChanged;
        foreach (SwarmConnection connection in _network.Connections)
        {
            OnOpened(connection);
        }
    }

    /// <summary>Our own punch addresses may have changed, without those that the swarm tells: what failed for want of one
    /// is tried again.</summary>
    public void OnAddressesChanged()
    {
        foreach (PunchSession session in Sessions())
        {
            session.OnAddressesChanged();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _network.Opened -= OnOpened;
        _network.Identified -= OnIdentified;
        _network.Closed -= OnClosed;
        _network.AddressesChanged -= OnAddressesChanged;
        _interception?.Dispose();
        _registration?.Dispose();
        await _closing.CancelAsync().ConfigureAwait(false);
        await _responder.DisposeAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
    }

    private PunchSession[] Sessions()
    {
        lock (_lock)
        {
            return [.. _sessions.Values];
        }
    }

    private PunchSession? SessionWith(PeerId peer)
    {
        lock (_lock)
        {
            return _sessions.GetValueOrDefault(peer);
        }
    }

    private void OnOpened(SwarmConnection connection)
    {
        if (!connection.IsRelayed)
        {
            _responder.OnDirect(connection);
            SessionWith(connection.RemotePeer)?.OnDirect(connection.Path);
            _tasks.TryRun(() => SurplusConnections.CloseAsync(_context, connection, _closing.Token));
        }
        else if (_options.Enabled && connection.Direction == ConnectionDirection.Inbound)
        {
            Begin(connection);
        }
    }

    private void Begin(SwarmConnection relayed)
    {
        PunchSession session;
        lock (_lock)
        {
            session = new PunchSession(_context, relayed, _slots, r => Attempted?.Invoke(r));
            if (!_sessions.TryAdd(relayed.RemotePeer, session))
            {
                return;
            }
        }

        if (!_tasks.TryRun(() => RunAsync(session)))
        {
            Forget(session);
        }
    }

    private async Task RunAsync(PunchSession session)
    {
        try
        {
            await _mayDial(_closing.Token).ConfigureAwait(false);
            await session.RunAsync(_closing.Token).ConfigureAwait(false);
        }
        finally
        {
            Forget(session);
        }
    }

    private void Forget(PunchSession session)
    {
        lock (_lock)
        {
            _sessions.Remove(session.Relayed.RemotePeer);
        }
    }

    private void OnIdentified(SwarmConnection connection)
    {
        if (connection.IsRelayed)
        {
            SessionWith(connection.RemotePeer)?.OnIdentified();
        }
        else
        {
            OnAddressesChanged(); // it said where it sees us
        }
    }

    private void OnClosed(SwarmConnection connection)
    {
        if (!connection.IsRelayed)
        {
            return;
        }

        if (SessionWith(connection.RemotePeer) is { } session && session.Relayed == connection)
        {
            session.Stop();
        }

        _responder.OnRelayLost(connection.RemotePeer);
    }

    /// <summary>Both sides may have dialled the other over a relay and begun: the try of the smaller peer id goes on.</summary>
    private bool MayAnswer(PeerId peer)
    {
        if (SessionWith(peer) is not { IsRunning: true } ours)
        {
            return true;
        }

        bool weGoOn = _network.Identity.PeerId < peer;
        if (!weGoOn)
        {
            ours.Stop();
        }

        return !weGoOn;
    }
}
