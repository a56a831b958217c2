using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>The ledger with a lock, a clock, the counters, and a bell that tells of changes.</summary>
/// <remarks>Safe for several threads. Slots that run out are taken back by a timer, so that the change is told too.</remarks>
internal sealed class RelayBooks : IAsyncDisposable
{
    /// <summary>How often at most <see cref="Changed"/> is told.</summary>
    public static readonly TimeSpan ChangePause = TimeSpan.FromMilliseconds(250);

    private readonly Lock _lock = new();
    private readonly RelayServerOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly long _start;
    private readonly RelayLedger _ledger;
    private readonly ITimer _bell;
    private readonly ITimer _expiry;
    private bool _changePending;
    private bool _disposed;

    /// <param name="options">The limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="log">Told of a handler's exception.</param>
    public RelayBooks(RelayServerOptions options, TimeProvider time, ILogger log)
    {
        (_options, _time, _log) = (options, time, log);
        _start = time.GetTimestamp();
        _ledger = new RelayLedger(options);
        _bell = Timer(static b => b.Ring());
        _expiry = Timer(static b => b.Expire());
    }

    /// <summary>Something but the number of bytes changed. Handlers must not block.</summary>
    public event Action? Changed;

    /// <summary>What was done so far.</summary>
    public RelayCounters Counters { get; } = new();

    /// <summary>The numbers now.</summary>
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
                    Counters.BytesRelayed,
                    Counters.Refused())
                {
                    CircuitEnds = Counters.CircuitEnds(),
                };
            }
        }
    }

    /// <summary>Keys over all counts: none when nothing is held.</summary>
    public int EntryCount
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

    /// <summary>Gives slots out from now on.</summary>
    public void Open() => Change(static ledger => ledger.Open());

    /// <summary>Ends all slots and gives out no more.</summary>
    public void Close() => Change(static ledger => ledger.Close());

    /// <inheritdoc cref="RelayLedger.TryBegin"/>
    public bool TryBegin(HopClient client)
    {
        lock (_lock)
        {
            return _ledger.TryBegin(client);
        }
    }

    /// <inheritdoc cref="RelayLedger.EndRequest"/>
    public void EndRequest(PeerId peer)
    {
        lock (_lock)
        {
            _ledger.EndRequest(peer);
        }
    }

    /// <inheritdoc cref="RelayLedger.TryReserve"/>
    public RelayVerdict TryReserve(HopClient client)
    {
        lock (_lock)
        {
            RelayVerdict verdict = _ledger.TryReserve(client, Now);
            NoteChange();
            return verdict;
        }
    }

    /// <inheritdoc cref="RelayLedger.TryConnect"/>
    public RelayVerdict TryConnect(HopClient source, PeerId target, bool targetIsMember, out CircuitGrant? circuit)
    {
        lock (_lock)
        {
            RelayVerdict verdict = _ledger.TryConnect(source, target, targetIsMember, Now, out circuit);
            NoteChange();
            return verdict;
        }
    }

    /// <inheritdoc cref="RelayLedger.End"/>
    public void End(CircuitGrant circuit) => Change(ledger => ledger.End(circuit));

    /// <inheritdoc cref="RelayLedger.Disconnected"/>
    public void Disconnected(PeerId peer)
    {
        lock (_lock)
        {
            if (_ledger.Disconnected(peer))
            {
                NoteChange();
            }
        }
    }

    /// <summary>Counts a refusal by its status or reason.</summary>
    public void CountRefused(string status)
    {
        Counters.CountRefused(status);
        Change(static _ => { });
    }

    /// <summary>Tells nothing any more; the numbers stay.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            _disposed = true;
        }

        await _bell.DisposeAsync().ConfigureAwait(false);
        await _expiry.DisposeAsync().ConfigureAwait(false);
    }

    private void Change(Action<RelayLedger> act)
    {
        lock (_lock)
        {
            act(_ledger);
            NoteChange();
        }
    }

    private void Expire() => Change(ledger => ledger.Expire(Now));

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
            _bell.Change(ChangePause, Timeout.InfiniteTimeSpan);
        }

        TimeSpan left = _ledger.NextExpiry is { } next
            ? TimeSpan.FromTicks(Math.Max(0, (next - Now).Ticks))
            : Timeout.InfiniteTimeSpan;
        _expiry.Change(left, Timeout.InfiniteTimeSpan);
    }

    private void Ring()
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

    private ITimer Timer(Action<RelayBooks> act) =>
        _time.CreateTimer(_ => act(this), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
}
