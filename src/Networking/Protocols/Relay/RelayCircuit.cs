using System.Buffers;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Two streams that are each other's continuation.</summary>
/// <remarks>
/// Each way has one loop with one pooled buffer: what was read is written before more is read, so that a slow receiver holds
/// its sender back through the muxers' windows. A half-close is passed on, everything else that ends one stream resets both.
/// In steady state nothing is allocated. <see cref="End"/> is safe for several threads.
/// </remarks>
internal sealed class RelayCircuit
{
    /// <summary>Bytes read at once, a yamux frame of ours.</summary>
    public const int ChunkBytes = 32 * 1024;

    private readonly PeerStream _source;
    private readonly PeerStream _target;
    private readonly CircuitMeter _meter;
    private readonly RelayBudget _budget;
    private readonly TimeProvider _time;
    private readonly Action<int> _relayed;
    private readonly RelayFlow _toTarget = new();
    private readonly RelayFlow _toSource = new();
    private readonly long _start;
    private ITimer? _timer;
    private int _end;

    /// <param name="source">Who asked; not owned.</param>
    /// <param name="target">Who holds the slot; not owned.</param>
    /// <param name="meter">Its limits.</param>
    /// <param name="budget">Its share of the relay's rate.</param>
    /// <param name="time">The clock.</param>
    /// <param name="relayed">Told of bytes passed on.</param>
    public RelayCircuit(
        PeerStream source,
        PeerStream target,
        CircuitMeter meter,
        RelayBudget budget,
        TimeProvider time,
        Action<int> relayed)
    {
        _source = source;
        _target = target;
        _meter = meter;
        _budget = budget;
        _time = time;
        _relayed = relayed;
        _start = time.GetTimestamp();
    }

    private TimeSpan Now => _time.GetElapsedTime(_start);

    /// <summary>The life of the circuit. Call it once; never throws for anything that remotes do.</summary>
    /// <param name="fromSource">What the source sent behind its request, less than a chunk.</param>
    /// <param name="fromTarget">What the target sent behind its answer, less than a chunk.</param>
    /// <returns>Why it ended.</returns>
    public async Task<EndReason> RunAsync(byte[] fromSource, byte[] fromTarget)
    {
        ITimer timer = _time.CreateTimer(
            static c => ((RelayCircuit)c!).Look(), this, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        await using (timer.ConfigureAwait(false))
        {
            Volatile.Write(ref _timer, timer);
            Look();
            await Task.WhenAll(
                PumpAsync(CircuitWay.ToTarget, _source, _target, _toTarget, fromSource),
                PumpAsync(CircuitWay.ToSource, _target, _source, _toSource, fromTarget)).ConfigureAwait(false);
            End(EndReason.Completed);
        }

        return (EndReason)Volatile.Read(ref _end);
    }

    /// <summary>Ends the circuit by resetting both streams, unless it has ended. Harmless when repeated.</summary>
    public void End(EndReason reason)
    {
        if (Interlocked.CompareExchange(ref _end, (int)reason, (int)EndReason.None) == (int)EndReason.None
            && reason != EndReason.Completed)
        {
            _source.Reset(reason);
            _target.Reset(reason);
            _budget.Cancel(_toTarget);
            _budget.Cancel(_toSource);
        }
    }

    private async Task PumpAsync(CircuitWay way, PeerStream from, PeerStream to, RelayFlow flow, byte[] early)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(ChunkBytes);
        try
        {
            early.CopyTo(buffer, 0);
            int read = early.Length > 0 ? early.Length : await ReadAsync(way, from, buffer).ConfigureAwait(false);
            while (read > 0 && _meter.TryCount(way, read, Now))
            {
                for (int sent = 0; sent < read;)
                {
                    int turn = await _budget.TakeAsync(flow, read - sent).ConfigureAwait(false);
                    if (turn == 0)
                    {
                        return; // ended
                    }

                    await to.WriteAsync(buffer.AsMemory(sent, turn), CancellationToken.None).ConfigureAwait(false);
                    sent += turn;
                    _relayed(turn);
                }

                read = await ReadAsync(way, from, buffer).ConfigureAwait(false);
            }

            if (read > 0)
            {
                End(EndReason.LimitReached);
                return;
            }

            await to.CloseWriteAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e)
        {
            EndReason? reason = EndReasons.Of(e);
            End(reason ?? EndReason.ClosedLocally);
            if (reason is null)
            {
                throw;
            }
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private ValueTask<int> ReadAsync(CircuitWay way, PeerStream from, byte[] buffer) =>
        from.ReadAsync(buffer.AsMemory(0, _meter.NextRead(way, ChunkBytes)), CancellationToken.None);

    private void Look()
    {
        EndReason due = _meter.Check(Now, out TimeSpan wait);
        if (due != EndReason.None)
        {
            End(due);
            return;
        }

        var least = TimeSpan.FromMilliseconds(1);
        Volatile.Read(ref _timer)!.Change(wait < least ? least : wait, Timeout.InfiniteTimeSpan);
    }
}
