using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Relays for others: gives out slots, and joins circuits to those that hold one.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2, "Hop protocol". What may be is decided by the <see cref="RelayLedger"/>; here are
/// the streams. Safe for several threads. A request lives in the handler of its hop stream, and so does its circuit: the
/// connections own them, and <see cref="DisposeAsync"/> ends and awaits what is left.
/// </remarks>
internal sealed class RelayServer : IAsyncDisposable
{
    /// <summary>How often at most <see cref="Changed"/> is told.</summary>
    public static readonly TimeSpan ChangePause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly ISwarmNetwork _network;
    private readonly RelayServerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly long _start;
    private readonly RelayLedger _ledger;
    private readonly RelayBudget _budget;
    private readonly RelayCounters _counters = new();
    private readonly HashSet<RelayCircuit> _circuits = [];
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ITimer _changes;
    private readonly ITimer _expiry;
    private IDisposable? _registration;
    private int _serving;
    private bool _changePending;
    private bool _disposed;

    /// <param name="network">The swarm; not owned.</param>
    /// <param name="options">The limits.</param>
    public RelayServer(ISwarmNetwork network, RelayServerOptions options)
    {
        options.Validate();
        _network = network;
        _options = options;
        _time = network.Time;
        _start = _time.GetTimestamp();
        _log = network.LoggerFactory.CreateLogger<RelayServer>();
        _ledger = new RelayLedger(options);
        _budget = new RelayBudget(options.MaxBytesPerSecond, RelayCircuit.ChunkBytes, _time);
        _changes = Timer(static s => s.TellChanged());
        _expiry = Timer(static s => s.Expire());
        network.Closed += OnClosed;
    }

    /// <summary>The status changed; told at most once in <see cref="ChangePause"/>, and not for every byte. Handlers must not
    /// block.</summary>
    public event Action? Changed;

    /// <summary>What this relay does now.</summary>
    public RelayServerStatus Status
    {
        get
        {
            lock (_lock)
            {
                _ledger.Expire(Now);
                return new RelayServerStatus(
                    _ledger.IsOpen,
                    _ledger.ReservationCount,
                    _options.MaxReservations,
                    _ledger.CircuitCount,
                    _options.MaxCircuits,
                    _counters.BytesRelayed,
                    _counters.Refused()) { CircuitEnds = _counters.CircuitEnds() };
            }
        }
    }

    /// <summary>What is counted; for tests.</summary>
    internal int LedgerEntryCount
    {
        get
        {
            lock (_lock)
            {
                return _ledger.EntryCount;
            }
        }
    }

    private TimeSpan Now => _time.GetElapsedTime(_start);

    /// <summary>Begins or ends to serve: identify tells the peers. Ending takes the reservations back and lets circuits
    /// finish. Harmless when repeated.</summary>
    public void SetActive(bool active)
    {
        IDisposable? gone = null;
        lock (_lock)
        {
            if (active == _ledger.IsOpen || (active && _disposed))
            {
                return;
            }

            if (active)
            {
                _ledger.Open();
                // a stream for each circuit of a source, and for requests that are still being looked at
                _registration = _network.Handle(
                    RelayProtocols.Hop, ServeAsync, _options.MaxCircuitsPerMember + _options.MaxRequestsPerPeer);
                RelayServerLog.Activated(_log, _options.MaxReservations, _options.MaxCircuits);
            }
            else
            {
                _ledger.Close();
                (gone, _registration) = (_registration, null);
                RelayServerLog.Deactivated(_log, _ledger.CircuitCount);
            }

            NoteChange();
        }

        gone?.Dispose();
    }

    /// <summary>Ends everything, circuits too. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        SetActive(false);
        RelayCircuit[] circuits;
        lock (_lock)
        {
            _disposed = true;
            circuits = [.. _circuits];
            if (_serving == 0)
            {
                _drained.TrySetResult();
            }
        }

        _network.Closed -= OnClosed;
        await _closing.CancelAsync().ConfigureAwait(false);
        foreach (RelayCircuit circuit in circuits)
        {
            circuit.End(EndReason.ClosedLocally);
        }

        await _drained.Task.ConfigureAwait(false);
        await _changes.DisposeAsync().ConfigureAwait(false);
        await _expiry.DisposeAsync().ConfigureAwait(false);
        _budget.Dispose();
    }

    /// <summary>Serves a hop stream: its one request, and the circuit that may come of it.</summary>
    private async Task ServeAsync(PeerStream opened, CancellationToken cancellationToken)
    {
        var stream = (SwarmStream)opened;
        var client = new HopClient(
            stream.RemotePeer,
            RelayAddresses.IpOf(stream.Connection.RemoteAddress),
            _options.IsMember(stream.RemotePeer));
        if (!TryBegin(client))
        {
            stream.Reset(EndReason.LimitReached);
            return;
        }

        try
        {
            if (await AnswerAsync(stream, client, cancellationToken).ConfigureAwait(false) is { } circuit)
            {
                await RelayAsync(stream, circuit, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            EndServing();
        }
    }

    private async Task<PendingCircuit?> AnswerAsync(
        SwarmStream stream, HopClient client, CancellationToken cancellationToken)
    {
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        using var limit = new Deadline(_options.RequestTimeout, _time, either.Token);
        try
        {
            return await ReadRequestAsync(stream, client, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.Passed)
        {
            _counters.CountRefused(nameof(EndReason.Timeout));
            RelayServerLog.Refused(_log, client.Peer.ToShortString(), nameof(EndReason.Timeout));
            stream.Reset(EndReason.Timeout);
            return null;
        }
        finally
        {
            lock (_lock)
            {
                _ledger.EndRequest(client.Peer);
            }
        }
    }

    private async Task<PendingCircuit?> ReadRequestAsync(
        SwarmStream stream, HopClient client, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, RelayCodec.MaxMessageBytes);
        try
        {
            HopMessage request = await RelayCodec.ReadHopAsync(reader, cancellationToken).ConfigureAwait(false);
            switch (request.Type)
            {
                case HopMessageType.Reserve:
                    await ReserveAsync(stream, client, cancellationToken).ConfigureAwait(false);
                    return null;
                case HopMessageType.Connect:
                    PeerId target = request.Peer?.Id ?? throw Violation(
                        EndReason.MalformedMessage, "a request for a circuit to nobody");
                    return await ConnectAsync(stream, client, target, reader, cancellationToken).ConfigureAwait(false);
                default:
                    throw Violation(EndReason.UnexpectedMessage, "a status where a request was awaited");
            }
        }
        catch (ProtocolViolationException violation)
        {
            RelayStatusCode status = violation.Reason == EndReason.UnexpectedMessage
                ? RelayStatusCode.UnexpectedMessage
                : RelayStatusCode.MalformedMessage;
            _network.Broke(stream.Connection, violation);
            await RefuseAsync(stream, status, cancellationToken).ConfigureAwait(false);
            return null;
        }
    }

    private async Task ReserveAsync(SwarmStream stream, HopClient client, CancellationToken cancellationToken)
    {
        RelayVerdict verdict = new(RelayStatusCode.PermissionDenied);
        if (!stream.Connection.IsRelayed)
        {
            lock (_lock)
            {
                verdict = _ledger.TryReserve(client, Now);
            }
        }

        if (!verdict.IsOk)
        {
            await RefuseAsync(stream, client, verdict, cancellationToken).ConfigureAwait(false);
            return;
        }

        ReleaseIfGone(client.Peer);
        var expires = DateTimeOffset.FromUnixTimeSeconds(
            (_time.GetUtcNow() + _options.ReservationTime).ToUnixTimeSeconds());
        RelayServerLog.Reserved(_log, client.Peer.ToShortString(), expires);
        NoteChangeLocked();
        await WriteAsync(stream, Grant(client, expires), cancellationToken).ConfigureAwait(false);
        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    private HopMessage Grant(HopClient client, DateTimeOffset expires)
    {
        KeyPair identity = _network.Identity;
        byte[] voucher = new ReservationVoucher(identity.PeerId, client.Peer, expires).Seal(identity).ToProtobuf();
        return HopMessage.Answer(RelayStatusCode.Ok) with
        {
            Reservation = new ReservationGrant(
                expires,
                RelayAddresses.Choose(_network.LocalAddresses.Sourced, _options.PublicAddresses, identity.PeerId),
                voucher),
            Limit = client.IsMember ? _options.MemberLimit : _options.StrangerLimit,
        };
    }

    private async Task<PendingCircuit?> ConnectAsync(
        SwarmStream stream, HopClient client, PeerId target, FramedReader reader, CancellationToken cancellationToken)
    {
        RelayVerdict verdict = TryConnect(stream, client, target, out CircuitGrant? grant, out SwarmConnection? way);
        if (grant is null || way is null)
        {
            await RefuseAsync(stream, client, verdict, cancellationToken).ConfigureAwait(false);
            return null;
        }

        OpenedStop? stop = null;
        try
        {
            stop = await AskTargetAsync(way, grant, cancellationToken).ConfigureAwait(false);
            if (stop is null)
            {
                End(grant);
                await RefuseAsync(stream, RelayStatusCode.ConnectionFailed, cancellationToken).ConfigureAwait(false);
                return null;
            }

            HopMessage answer = HopMessage.Answer(RelayStatusCode.Ok) with { Limit = grant.Limit };
            await WriteAsync(stream, answer, cancellationToken).ConfigureAwait(false);
            return new PendingCircuit(grant, stop, reader.TakeRest());
        }
        catch
        {
            End(grant);
            stop?.Stream.Reset(EndReason.ClosedByRemote);
            throw;
        }
    }

    private RelayVerdict TryConnect(
        SwarmStream stream, HopClient client, PeerId target, out CircuitGrant? grant, out SwarmConnection? way)
    {
        (grant, way) = (null, null);
        if (stream.Connection.IsRelayed || target == client.Peer || target == _network.Identity.PeerId)
        {
            return new RelayVerdict(RelayStatusCode.PermissionDenied);
        }

        bool member = _options.IsMember(target);
        lock (_lock)
        {
            RelayVerdict verdict = _ledger.TryConnect(client, target, member, Now, out grant);
            way = grant is null ? null : DirectTo(target);
            if (grant is not null && way is null)
            {
                _ledger.End(grant); // its connection is on its way out, and its slot with it
                return new RelayVerdict(RelayStatusCode.NoReservation);
            }

            return verdict;
        }
    }

    private async Task<OpenedStop?> AskTargetAsync(
        SwarmConnection way, CircuitGrant grant, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_options.ConnectTimeout, _time, cancellationToken);
        try
        {
            bool speaks = _network.Speaks(grant.Target, RelayProtocols.Stop) == true;
            return await StopHandshake.AskAsync(way, grant.Source, grant.Limit, speaks, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is not null && !cancellationToken.IsCancellationRequested)
        {
            if (e is ProtocolViolationException violation)
            {
                _network.Broke(way, violation);
            }

            RelayServerLog.NotTaken(_log, grant.Source.ToShortString(), grant.Target.ToShortString(), e.Message);
            return null;
        }
    }

    private async Task RelayAsync(SwarmStream source, PendingCircuit pending, CancellationToken cancellationToken)
    {
        CircuitGrant grant = pending.Grant;
        SwarmStream target = pending.Stop.Stream;
        var meter = new CircuitMeter(grant.Limit, _options.CircuitIdleTimeout);
        var circuit = new RelayCircuit(source, target, meter, _budget, _time, _counters.AddBytes);
        await using (target.ConfigureAwait(false))
        {
            try
            {
                Add(circuit);
                RelayServerLog.CircuitUp(_log, grant.Source.ToShortString(), grant.Target.ToShortString());
                using (cancellationToken.UnsafeRegister(static c => ((RelayCircuit)c!).End(EndReason.ClosedLocally), circuit))
                {
                    EndReason reason = await circuit.RunAsync(pending.Early, pending.Stop.Early).ConfigureAwait(false);
                    _counters.CountEnd(reason);
                    RelayServerLog.CircuitEnded(
                        _log, grant.Source.ToShortString(), grant.Target.ToShortString(), meter.TotalBytes, reason);
                }
            }
            finally
            {
                lock (_lock)
                {
                    _circuits.Remove(circuit);
                }

                End(grant);
            }
        }
    }

    private void Add(RelayCircuit circuit)
    {
        lock (_lock)
        {
            _circuits.Add(circuit);
            NoteChange();
            if (!_disposed)
            {
                return;
            }
        }

        circuit.End(EndReason.ClosedLocally); // disposed in this moment, too late to be found there
    }

    private bool TryBegin(HopClient client)
    {
        lock (_lock)
        {
            if (!_disposed && _ledger.TryBegin(client))
            {
                _serving++;
                return true;
            }
        }

        _counters.CountRefused(nameof(EndReason.TooManyRequests));
        Flooded(client);
        return false;
    }

    private void EndServing()
    {
        lock (_lock)
        {
            _serving--;
            if (_disposed && _serving == 0)
            {
                _drained.TrySetResult();
            }
        }
    }

    private void End(CircuitGrant grant)
    {
        lock (_lock)
        {
            _ledger.End(grant);
            NoteChange();
        }
    }

    /// <summary>Strangers that ask too often lose score; a member that does is refused, not banned from its mesh.</summary>
    private void Flooded(HopClient client)
    {
        if (!client.IsMember)
        {
            _network.Penalize(client.Peer, EndReason.TooManyRequests);
        }
    }

    private async Task RefuseAsync(
        SwarmStream stream, HopClient client, RelayVerdict verdict, CancellationToken cancellationToken)
    {
        if (verdict.IsFlood)
        {
            Flooded(client);
        }

        await RefuseAsync(stream, verdict.Status, cancellationToken).ConfigureAwait(false);
    }

    private async Task RefuseAsync(SwarmStream stream, RelayStatusCode status, CancellationToken cancellationToken)
    {
        _counters.CountRefused(status.ToString());
        RelayServerLog.Refused(_log, stream.RemotePeer.ToShortString(), status.ToString());
        NoteChangeLocked();
        await WriteAsync(stream, HopMessage.Answer(status), cancellationToken).ConfigureAwait(false);
        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    private static ValueTask WriteAsync(SwarmStream stream, HopMessage message, CancellationToken cancellationToken) =>
        FramedWriter.WriteAsync(stream, RelayCodec.Encode(message), cancellationToken);

    private static ProtocolViolationException Violation(EndReason reason, string message) =>
        new(reason, ViolationScope.Stream, message);

    /// <summary>A connection over which streams can be opened here and now; the relay never dials.</summary>
    private SwarmConnection? DirectTo(PeerId peer) =>
        _network.ConnectionsOf(peer).FirstOrDefault(c => !c.IsRelayed && !c.IsClosing);

    private void OnClosed(SwarmConnection connection) => ReleaseIfGone(connection.RemotePeer);

    /// <summary>Takes the slot of a peer that is gone. Called after each end of a connection and after each grant, so that no
    /// order of the two leaves one behind.</summary>
    private void ReleaseIfGone(PeerId peer)
    {
        if (_network.ConnectionsOf(peer).Any(c => !c.IsRelayed))
        {
            return;
        }

        lock (_lock)
        {
            if (_ledger.Disconnected(peer))
            {
                NoteChange();
            }
        }
    }

    private void Expire()
    {
        lock (_lock)
        {
            _ledger.Expire(Now);
            NoteChange();
        }
    }

    private void NoteChangeLocked()
    {
        lock (_lock)
        {
            NoteChange();
        }
    }

    /// <summary>Under the lock, after each change.</summary>
    private void NoteChange()
    {
        if (_disposed)
        {
            return;
        }

        if (!_changePending)
        {
            _changePending = true;
            _changes.Change(ChangePause, Timeout.InfiniteTimeSpan);
        }

        TimeSpan left = _ledger.NextExpiry is { } next
            ? TimeSpan.FromTicks(Math.Max(0, (next - Now).Ticks))
            : Timeout.InfiniteTimeSpan;
        _expiry.Change(left, Timeout.InfiniteTimeSpan);
    }

    private void TellChanged()
    {
        lock (_lock)
        {
            _changePending = false;
        }

        try
        {
            Changed?.Invoke();
        }
#pragma warning disable CA1031 // a handler of another layer may throw anything; a timer's thread must survive it
        catch (Exception e)
#pragma warning restore CA1031
        {
            RelayServerLog.HandlerFailed(_log, e);
        }
    }

    private ITimer Timer(Action<RelayServer> act) =>
        _time.CreateTimer(_ => act(this), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>A circuit that both ends have accepted.</summary>
    private sealed record PendingCircuit(CircuitGrant Grant, OpenedStop Stop, byte[] Early);
}
