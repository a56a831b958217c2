using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Ping;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Makes this node reachable through relays: holds slots on some, and takes the circuits that they bring.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2, the client's side. Which relays, and when, is the <see cref="ReservationPlan"/>'s to
/// decide; this carries it out. Safe for several threads.
/// </remarks>
internal sealed class RelayClient : IAsyncDisposable
{
    private static readonly TimeSpan LongestWait = TimeSpan.FromDays(1);
    private readonly ISwarmNetwork _network;
    private readonly RelayClientOptions _options;
    private readonly ILogger _log;
    private readonly Lock _lock = new();
    private readonly ReservationPlan _plan;
    private readonly Dictionary<PeerId, SwarmConnection> _slotConnections = [];
    private readonly CircuitAcceptor _acceptor;
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly TaskGroup _tasks;
    private readonly ITimer _timer;
    private IDisposable? _stopProtocol;
    private bool _isClosed;

    /// <param name="network">The swarm.</param>
    /// <param name="options">Limits and times, validated.</param>
    public RelayClient(ISwarmNetwork network, RelayClientOptions options)
    {
        _network = network;
        _options = options;
        _log = network.LoggerFactory.CreateLogger<RelayClient>();
        _plan = new ReservationPlan(options, new Random(RandomNumberGenerator.GetInt32(int.MaxValue)));
        _acceptor = new CircuitAcceptor(network, options, IsOurRelay, _log);
        _tasks = new TaskGroup(e => RelayClientLog.Unexpected(_log, e));
        _timer = network.Time.CreateTimer(
            static client => ((RelayClient)client!).Step(new ReservationEvent.TimePassed()), this,
            Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The <see cref="Reservations"/> changed. Handlers must not block; they may run within any call.</summary>
    public event Action? Changed;

    /// <summary>The slots held, the oldest first, while they are needed; a snapshot.</summary>
    public IReadOnlyList<RelayReservation> Reservations
    {
        get
        {
            lock (_lock)
            {
                return _plan.Reservations;
            }
        }
    }

    /// <summary>Circuits to this node that are open now.</summary>
    public int InboundCircuitCount => _acceptor.OpenCount;

    /// <summary>Begins: serves the stop protocol, and looks for relays among the connected peers.</summary>
    /// <exception cref="InvalidOperationException">It was started before.</exception>
    public void Start()
    {
        _stopProtocol = _network.Handle(
            RelayProtocols.Stop, _acceptor.ServeAsync, _options.MaxCircuitsPerRelay + CircuitAcceptor.RefusalRoom);
        _network.Opened += Look;
        _network.Identified += OnIdentified;
        _network.Closed += OnClosed;
        foreach (SwarmConnection connection in _network.Connections)
        {
            Look(connection);
        }
    }

    /// <summary>Says whether slots are wanted: while this node is not, or may not be, reachable from everywhere. When they
    /// are no longer, they are told of no more and lapse.</summary>
    public void SetNeeded(bool isNeeded) => Step(new ReservationEvent.NeedChanged(isNeeded));

    /// <summary>Ends what runs in the background. Circuits that are open stay, until their connections end.</summary>
    public async ValueTask DisposeAsync()
    {
        _network.Opened -= Look;
        _network.Identified -= OnIdentified;
        _network.Closed -= OnClosed;
        lock (_lock)
        {
            _isClosed = true;
        }

        _stopProtocol?.Dispose();
        await _timer.DisposeAsync().ConfigureAwait(false);
        await _closing.CancelAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
    }

    /// <summary>Whether circuits through a relay are ours to take: it holds a slot for us, or is being asked for one.</summary>
    internal bool IsOurRelay(PeerId peer)
    {
        lock (_lock)
        {
            return _plan.Accepts(peer);
        }
    }

    private void OnIdentified(SwarmConnection connection)
    {
        Look(connection);
        if (_network.Speaks(connection.RemotePeer, RelayProtocols.Hop) == false
            && _options.Relays.Any(r => r.PeerId == connection.RemotePeer))
        {
            RelayClientLog.NoRelay(_log, connection.RemotePeer.ToShortString());
        }
    }

    private void Look(SwarmConnection connection)
    {
        PeerId peer = connection.RemotePeer;
        if (_network.Speaks(peer, RelayProtocols.Hop) is not { } relays)
        {
            return; // identify will tell
        }

        Step(relays && RelayConnections.Find(_network, peer) is { } direct
            ? new ReservationEvent.RelayUp(peer, RelayNetwork.Of(direct.RemoteAddress), direct.RoundTripTime)
            : new ReservationEvent.RelayDown(peer));
    }

    private void OnClosed(SwarmConnection connection)
    {
        PeerId peer = connection.RemotePeer;
        if (RelayConnections.Find(_network, peer) is null)
        {
            Step(new ReservationEvent.RelayDown(peer));
        }
        else if (HeldOver(connection))
        {
            Step(new ReservationEvent.RelayMoved(peer)); // whether the slot went with the connection is up to the relay
        }
    }

    private bool HeldOver(SwarmConnection connection)
    {
        lock (_lock)
        {
            return _slotConnections.GetValueOrDefault(connection.RemotePeer) == connection;
        }
    }

    private void Step(ReservationEvent @event)
    {
        IReadOnlyList<ReservationEffect> effects;
        IReadOnlyList<RelayReservation> before;
        IReadOnlyList<RelayReservation> after;
        lock (_lock)
        {
            if (_isClosed)
            {
                return;
            }

            DateTimeOffset now = _network.Time.GetUtcNow();
            before = _plan.Reservations;
            effects = _plan.Step(@event, now);
            after = _plan.Reservations;
            SetTimer(now);
        }

        foreach (ReservationEffect effect in effects)
        {
            if (effect is ReservationEffect.Announce)
            {
                Report(before, after);
                Changed?.Invoke();
            }
            else
            {
                _tasks.TryRun(() => CarryOutAsync(effect));
            }
        }
    }

    private void SetTimer(DateTimeOffset now)
    {
        TimeSpan wait = _plan.NextWake is { } next ? next - now : Timeout.InfiniteTimeSpan;
        _timer.Change(wait < LongestWait ? wait : LongestWait, Timeout.InfiniteTimeSpan);
    }

    private void Report(IReadOnlyList<RelayReservation> before, IReadOnlyList<RelayReservation> after)
    {
        foreach (RelayReservation gone in before.ExceptBy(after.Select(r => r.Relay), r => r.Relay))
        {
            RelayClientLog.Lost(_log, gone.Relay.ToShortString());
        }

        foreach (RelayReservation held in after.Except(before))
        {
            if (before.Any(r => r.Relay == held.Relay))
            {
                RelayClientLog.Renewed(_log, held.Relay.ToShortString(), held.Expires);
            }
            else
            {
                RelayClientLog.Reserved(
                    _log, held.Relay.ToShortString(), held.Expires, held.Limit?.ToString() ?? "none");
            }
        }
    }

    private Task CarryOutAsync(ReservationEffect effect) => effect switch
    {
        ReservationEffect.Ask ask => AskAsync(ask.Relay),
        ReservationEffect.Connect connect => ConnectAsync(connect.Relay),
        ReservationEffect.Measure measure => MeasureAsync(measure.Relay),
        _ => Task.CompletedTask,
    };

    private async Task AskAsync(PeerId relay)
    {
        ReservationFailure failure = ReservationFailure.Broken;
        using var limit = new Deadline(_options.ReserveTimeout, _network.Time, _closing.Token);
        try
        {
            SwarmConnection connection = RelayConnections.Find(_network, relay)
                ?? throw new UpgradeException(EndReason.LinkLost, "the connection has ended");
            HopMessage answer = await ExchangeAsync(connection, limit.Token).ConfigureAwait(false);
            failure = RelayRefusal.ToFailure(answer.Status);
            RelaySlot slot = Check(answer, connection);
            Keep(connection, slot);
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            bool isRuleBroken = reason is >= EndReason.MalformedMessage or EndReason.ProtocolNotSupported;
            failure = isRuleBroken ? ReservationFailure.Denied : failure;
            RelayClientLog.NotReserved(_log, relay.ToShortString(), failure, e.Message);
            Step(new ReservationEvent.SlotRefused(relay, failure));
        }
    }

    private async Task<HopMessage> ExchangeAsync(SwarmConnection connection, CancellationToken cancellationToken)
    {
        long asked = _network.Time.GetTimestamp();
        HopExchange exchange = await HopExchange.AskAsync(_network, connection, HopMessage.Reserve, cancellationToken)
            .ConfigureAwait(false);
        await using (exchange.Stream.ConfigureAwait(false))
        {
            if (connection.RoundTripTime is null)
            {
                connection.Measured(_network.Time.GetElapsedTime(asked));
            }

            await exchange.Stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
            return exchange.Answer;
        }
    }

    /// <exception cref="IOException">Refused, or a slot of no use.</exception>
    private RelaySlot Check(HopMessage answer, SwarmConnection connection)
    {
        if (answer.Status != RelayStatusCode.Ok)
        {
            throw new UpgradeException(EndReason.LimitReached, $"the relay answered {answer.Status}");
        }

        PeerId relay = connection.RemotePeer;
        bool isDialable = connection.Direction == ConnectionDirection.Outbound;
        var check = new ReservationAnswer(
            _options, _network.Identity.PeerId, relay, connection.RemoteAddress, isDialable);
        try
        {
            return check.Read(answer, _network.AddressesOf(relay), _network.Time.GetUtcNow());
        }
        catch (ProtocolViolationException violation)
        {
            _network.Broke(connection, violation);
            throw new UpgradeException(violation.Reason, violation.Message, violation);
        }
    }

    private void Keep(SwarmConnection connection, RelaySlot slot)
    {
        PeerId relay = connection.RemotePeer;
        lock (_lock)
        {
            _slotConnections[relay] = connection;
            foreach (PeerId other in _slotConnections.Keys.Where(k => !_plan.Accepts(k)).ToList())
            {
                _slotConnections.Remove(other);
            }
        }

        if (connection.RoundTripTime is { } roundTrip)
        {
            Step(new ReservationEvent.Measured(relay, roundTrip));
        }

        Step(connection.IsClosing
            ? new ReservationEvent.SlotRefused(relay, ReservationFailure.Broken)
            : new ReservationEvent.SlotGranted(relay, slot));
    }

    private async Task ConnectAsync(PeerId relay)
    {
        try
        {
            using var limit = new Deadline(_options.DialTimeout, _network.Time, _closing.Token);
            IEnumerable<Multiaddr> named = _options.Relays.Where(r => r.PeerId == relay);
            await RelayConnections.GetAsync(_network, relay, named, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            RelayClientLog.NotReached(_log, relay.ToShortString(), e.Message);
        }

        Step(new ReservationEvent.ConnectEnded(relay));
    }

    private async Task MeasureAsync(PeerId relay)
    {
        try
        {
            using var limit = new Deadline(PingProtocol.PingLimit, _network.Time, _closing.Token);
            if (RelayConnections.Find(_network, relay) is not { } connection)
            {
                return;
            }

            SwarmStream stream = await connection.OpenStreamAsync(PingProtocol.Id, optimistic: true, limit.Token)
                .ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                TimeSpan roundTrip = await PingProtocol.PingAsync(stream, _network.Time, limit.Token)
                    .ConfigureAwait(false);
                await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
                connection.Measured(roundTrip);
                Step(new ReservationEvent.Measured(relay, roundTrip));
            }
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            // Unmeasured, it is taken for a far one.
        }
    }
}
