using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Blocks;

/// <summary>One fetch: carries events to <see cref="FetchState"/>, and out what it says.</summary>
#pragma warning disable CA1001 // the semaphore has no handle to dispose of, and streams may wait for it beyond the fetch
internal sealed class FetchRun : IBitswapSession
#pragma warning restore CA1001
{
    private const int MaxCandidates = 256;
    private const int MaxStoring = 16; // blocks made durable together; of at most 2 MiB each
    private static readonly TimeSpan TickPeriod = TimeSpan.FromMilliseconds(250);
    private readonly BitswapService _bitswap;
    private readonly IBlockStore _store;
    private readonly FetchOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly ProviderMemory _memory;
    private readonly IProgress<FetchProgress>? _progress;
    private readonly Dictionary<Multiformats.Cid, int> _sizes;
    private readonly long _began;
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly SemaphoreSlim _slots = new(MaxStoring);
    private readonly TaskGroup _storing;
    private readonly Lock _gate = new();
    private readonly FetchState _state; // under _gate, like all below
    private readonly HashSet<PeerId> _candidates = [];
    private bool _isListComplete;
    private TimeSpan? _aloneSince;
    private int _blocksDone;
    private long _bytesDone;

    public FetchRun(
        BitswapService bitswap,
        IBlockStore store,
        FetchOptions options,
        TimeProvider time,
        ILogger log,
        ProviderMemory memory,
        IReadOnlyList<BlockRef> blocks,
        IProgress<FetchProgress>? progress,
        Random random)
    {
        (_bitswap, _store, _options, _time, _log, _memory, _progress) = (bitswap, store, options, time, log, memory, progress);
        _storing = new TaskGroup(Unexpected);
        _sizes = blocks.ToDictionary(b => b.Cid, b => b.Size);
        _began = time.GetTimestamp();
        List<BlockRef> missing = [];
        foreach (BlockRef block in blocks)
        {
            if (store.TryGetSize(block.Cid, out int size))
            {
                _blocksDone++;
                _bytesDone += size;
            }
            else
            {
                missing.Add(block);
            }
        }

        _state = new FetchState(missing, options, random);
    }

    private TimeSpan Now => _time.GetElapsedTime(_began);

    public async Task RunAsync(IAsyncEnumerable<PeerId> providers, CancellationToken cancellationToken)
    {
        Report();
        if (_state.IsDone)
        {
            return;
        }

        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _bitswap.Join(this);
        Task listening = ListenAsync(providers, ending.Token);
        ITimer ticks = _time.CreateTimer(_ => Guarded(Tick), null, TickPeriod, TickPeriod);
        try
        {
            await _done.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await ticks.DisposeAsync().ConfigureAwait(false);
            _bitswap.Leave(this);
            Do(s => s.End());
            await listening.ConfigureAwait(false);
            await _storing.CloseAsync().ConfigureAwait(false);
        }
    }

    public void OnPresences(PeerId peer, IReadOnlyList<BlockPresence> presences) => Do(s => s.Presences(peer, presences, Now));

    public async ValueTask OnBlockAsync(PeerId peer, Block block, CancellationToken cancellationToken)
    {
        await TakeSlotAsync(peer, cancellationToken).ConfigureAwait(false);
        if (!TryReceive(peer, block) || !_storing.TryRun(() => StoreAsync(block)))
        {
            _slots.Release();
        }

        Do(s => s.Refill(peer, Now));
    }

    public void OnBytes(PeerId peer, int bytes)
    {
        lock (_gate)
        {
            _state.Progress(peer, bytes, Now);
        }
    }

    public void OnLie(PeerId peer) => Do(s => s.Lied(peer, Now));

    public void OnLost(PeerId peer)
    {
        bool was;
        lock (_gate)
        {
            was = _state.HasProvider(peer);
        }

        if (was)
        {
            _memory.Remember(peer, EndReason.LinkLost);
            Do(s => s.RemoveProvider(peer, Now));
        }
    }

    private async ValueTask TakeSlotAsync(PeerId peer, CancellationToken cancellationToken)
    {
        Task free = _slots.WaitAsync(cancellationToken);
        if (free.IsCompletedSuccessfully)
        {
            return;
        }

        lock (_gate)
        {
            _state.Hold(peer);
        }

        try
        {
            await free.ConfigureAwait(false);
        }
        finally
        {
            lock (_gate)
            {
                _state.Release(peer, Now);
            }
        }
    }

    private bool TryReceive(PeerId peer, Block block)
    {
        lock (_gate)
        {
            if (_state.Received(peer, block.Cid, block.Size, Now) != BlockVerdict.Wanted)
            {
                return false;
            }
        }

        if (_sizes[block.Cid] is > 0 and int listed && listed != block.Size)
        {
            _done.TrySetException(new BlockFetchException($"the list says {listed} bytes of {block.Cid}, which has {block.Size}"));
            return false;
        }

        return true;
    }

    /// <summary>Not cancelled half-way: a block that has come is not asked for again.</summary>
    private async Task StoreAsync(Block block)
    {
        try
        {
            await _store.PutAsync(block, CancellationToken.None).ConfigureAwait(false);
        }
        catch (Exception e) when (e is BlockStoreException or ObjectDisposedException)
        {
            _done.TrySetException(e);
            return;
        }
        finally
        {
            _slots.Release();
        }

        _bitswap.Stored(block.Cid, block.Size);
        lock (_gate)
        {
            _blocksDone++;
            _bytesDone += block.Size;
        }

        Report();
        Do(s => // the last thing: it may end the fetch
        {
            s.Stored(block.Cid);
            return [];
        });
    }

    private async Task ListenAsync(IAsyncEnumerable<PeerId> providers, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (PeerId peer in providers.WithCancellation(cancellationToken).ConfigureAwait(false))
            {
                lock (_gate)
                {
                    if (_candidates.Count < MaxCandidates)
                    {
                        _candidates.Add(peer);
                    }
                }

                Tick();
            }
        }
        catch (OperationCanceledException)
        {
            // The fetch has ended.
        }
#pragma warning disable CA1031 // the caller's list may throw anything; the fetch ends with it
        catch (Exception e)
#pragma warning restore CA1031
        {
            _done.TrySetException(new BlockFetchException("the list of providers failed", e));
        }

        lock (_gate)
        {
            _isListComplete = true;
        }
    }

    private void Tick()
    {
        Do(s => s.Tick(Now));
        PeerId[] free;
        lock (_gate)
        {
            free = [.. _candidates.Where(p => !_state.HasProvider(p) && !_memory.IsLeftAlone(p))];
        }

        foreach (PeerId peer in free)
        {
            Do(s => s.AddProvider(peer, Now));
        }

        lock (_gate)
        {
            bool isAlone = _isListComplete && !_state.HasHope;
            _aloneSince = isAlone ? _aloneSince ?? Now : null;
            if (_aloneSince is { } since && Now - since >= _options.NoProviderTimeout)
            {
                _done.TrySetException(new BlockFetchException(
                    $"{(_state.ProviderCount == 0 ? "no provider is left" : "nobody who was asked has what is missing")}; "
                    + $"{_blocksDone} of {_sizes.Count} blocks are here"));
            }
        }
    }

    private void Do(Func<FetchState, IReadOnlyList<FetchEffect>> step)
    {
        lock (_gate)
        {
            foreach (FetchEffect effect in step(_state))
            {
                Carry(effect); // within the lock, so that wants reach the lane in their order
            }

            if (_state.IsDone)
            {
                _done.TrySetResult();
            }
        }
    }

    private void Carry(FetchEffect effect)
    {
        switch (effect)
        {
            case SendWants send:
                _bitswap.Send(send.Peer, send.Wants);
                break;
            case ProviderDropped dropped:
                FetchLog.Dropped(_log, dropped.Peer.ToShortString(), dropped.Reason, _memory.Remember(dropped.Peer, dropped.Reason));
                break;
        }
    }

    private void Report()
    {
        FetchProgress now;
        lock (_gate)
        {
            now = new FetchProgress(
                _blocksDone, _sizes.Count, _bytesDone, _sizes.Values.Sum(s => (long)s), _state.ProviderCount, _state.Rate);
        }

        _progress?.Report(now);
    }

    private void Guarded(Action act)
    {
        try
        {
            act();
        }
#pragma warning disable CA1031 // a timer's thread has nobody above
        catch (Exception e)
#pragma warning restore CA1031
        {
            Unexpected(e);
        }
    }

    private void Unexpected(Exception e)
    {
        FetchLog.Unexpected(_log, e);
        _done.TrySetException(e);
    }
}
