using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>The one loop that writes to a store: blocks that wait are made durable together, everything else runs alone.</summary>
internal sealed class StoreWriter
{
    private const int EvictAtOnce = 64;
    private readonly BlockIndex _index;
    private readonly BlockFolder _folder;
    private readonly RecentUses _uses;
    private readonly BlockStoreOptions _options;
    private readonly ILogger _log;
    private readonly Channel<StoreWork> _work;
    private readonly Task _loop;
    private long _bytes; // of all blocks in the index; the loop's
    private long _evicted;
    private long _damaged;

    public StoreWriter(BlockIndex index, BlockFolder folder, RecentUses uses, BlockStoreOptions options, ILogger log)
    {
        (_index, _folder, _uses, _options, _log) = (index, folder, uses, options, log);
        _bytes = index.TotalBytes();
        _work = Channel.CreateBounded<StoreWork>(
            new BoundedChannelOptions(options.MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });
        _loop = Task.Run(LoopAsync);
    }

    public long Evicted => Volatile.Read(ref _evicted);

    public long Damaged => Volatile.Read(ref _damaged);

    /// <summary>Writes a block; durable when the task ends.</summary>
    public Task PutAsync(Block block, CancellationToken cancellationToken) => DoAsync(new StoreWork { Put = block }, cancellationToken);

    /// <summary>Runs something in the loop.</summary>
    public Task DoAsync(Func<Task> run, CancellationToken cancellationToken) => DoAsync(new StoreWork { Run = run }, cancellationToken);

    /// <summary>Runs something in the loop.</summary>
    public Task DoAsync(Action run, CancellationToken cancellationToken) => DoAsync(AsTask(run), cancellationToken);

    /// <summary>Tells the index of recent uses, unless the loop has enough to do: then the next eviction or the end does.</summary>
    public void TryFlushUses() => _work.Writer.TryWrite(new StoreWork { Run = AsTask(() => _uses.Flush(_index)) });

    /// <summary>Finishes what was asked for, and marks the index as closed. Harmless when repeated.</summary>
    public Task CloseAsync()
    {
        _work.Writer.TryComplete();
        return _loop;
    }

    /// <summary>Compares index and files. In the loop only, like all below.</summary>
    public async Task<BlockStoreCheck> InspectAsync(bool repair, bool everything, CancellationToken cancellationToken)
    {
        BlockStoreCheck check = await new StoreInspector(_index, _folder)
            .RunAsync(repair, everything, _uses.Next(), cancellationToken).ConfigureAwait(false);
        _bytes = _index.TotalBytes();
        return check;
    }

    public bool Remove(Cid cid)
    {
        if (!_index.TryGetSize(cid, out int size))
        {
            return false;
        }

        _index.Remove([cid]);
        _folder.DeleteQuietly([cid]);
        _bytes -= size;
        return true;
    }

    /// <summary>Ends a pin, and deletes the blocks that it alone had.</summary>
    public bool Drop(string name)
    {
        if (_index.Drop(name) is not { } dropped)
        {
            return false;
        }

        _folder.DeleteQuietly(dropped.Select(b => b.Cid));
        _bytes -= dropped.Sum(b => (long)b.Size);
        return true;
    }

    public async Task ForgetDamagedAsync(Cid cid)
    {
        // Looked at again: it may have been deleted, and come back right, since it was read.
        byte[]? content = await _folder.ReadAsync(cid, CancellationToken.None).ConfigureAwait(false);
        if ((content is null || !cid.Matches(content)) && Remove(cid))
        {
            Interlocked.Increment(ref _damaged);
            BlockStoreLog.Damaged(_log, cid.ToString());
        }
    }

    /// <summary>On a thread of its own: it waits for the disk most of the time, and the pool has few threads.</summary>
    private static Task OnThreadAsync(Action run) =>
        Task.Factory.StartNew(run, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    private static Func<Task> AsTask(Action run) => () =>
    {
        run();
        return Task.CompletedTask;
    };

    private async Task DoAsync(StoreWork work, CancellationToken cancellationToken)
    {
        try
        {
            await _work.Writer.WriteAsync(work, cancellationToken).ConfigureAwait(false);
        }
        catch (ChannelClosedException)
        {
            throw new ObjectDisposedException(nameof(FileBlockStore));
        }

        await work.Done.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    private async Task LoopAsync()
    {
        List<StoreWork> batch = [];
        while (await _work.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            while (_work.Reader.TryRead(out StoreWork? work))
            {
                batch.Add(work);
                while (work.Put is not null
                    && batch.Count < _options.MaxBatch
                    && _work.Reader.TryPeek(out StoreWork? next)
                    && next.Put is not null)
                {
                    _work.Reader.TryRead(out next);
                    batch.Add(next!);
                }

                await GuardAsync(batch, work.Run ?? (() => OnThreadAsync(() => PutAll(batch)))).ConfigureAwait(false);
                batch.Clear();
            }
        }

        await GuardAsync([], AsTask(() =>
        {
            _uses.Flush(_index);
            _index.MarkClosed();
        })).ConfigureAwait(false);
    }

    /// <summary>Tells those who wait how it went; the loop goes on, whatever happened.</summary>
    private async Task GuardAsync(List<StoreWork> works, Func<Task> run)
    {
        try
        {
            await run().ConfigureAwait(false);
            works.ForEach(w => w.Complete()); // those that were refused stay so
        }
#pragma warning disable CA1031 // the one who waits gets it, whatever it is
        catch (Exception e)
#pragma warning restore CA1031
        {
            Exception told = StoreProblems.Of(e, _folder.Root) ?? e;
            works.ForEach(w => w.Fail(told));
            if (works.Count == 0)
            {
                BlockStoreLog.Failed(_log, told.Message);
            }
        }
    }

    private void PutAll(List<StoreWork> batch)
    {
        var fresh = new Dictionary<Cid, Block>(batch.Count);
        long bytes = 0;
        foreach (StoreWork work in batch)
        {
            Block block = work.Put!;
            if (fresh.ContainsKey(block.Cid) || _index.TryGetSize(block.Cid, out _))
            {
                _uses.Note(block.Cid);
            }
            else if (TryMakeRoom(bytes + block.Size))
            {
                fresh.Add(block.Cid, block);
                bytes += block.Size;
            }
            else
            {
                work.Fail(new BlockStoreException(
                    BlockStoreProblem.QuotaExceeded, $"no room for {block.Size} bytes: what is held of {_options.QuotaBytes} bytes is pinned"));
            }
        }

        if (fresh.Count > 0)
        {
            _folder.Write([.. fresh.Values]);
            Enter(fresh.Values);
            _bytes += bytes;
        }
    }

    private void Enter(IReadOnlyCollection<Block> blocks)
    {
        try
        {
            _index.Add(blocks.Select(b => (b.Cid, b.Size, _uses.Next())));
        }
        catch
        {
            _folder.DeleteQuietly(blocks.Select(b => b.Cid));
            throw;
        }
    }

    /// <summary>Evicts until so many bytes more fit.</summary>
    /// <returns>False when pinned blocks leave no room. Some that no pin has may be gone all the same.</returns>
    private bool TryMakeRoom(long bytes)
    {
        if (bytes > _options.QuotaBytes || _bytes + bytes <= _options.QuotaBytes)
        {
            return bytes <= _options.QuotaBytes;
        }

        _uses.Flush(_index);
        while (_bytes + bytes > _options.QuotaBytes)
        {
            if (!TryEvict(_bytes + bytes - _options.QuotaBytes))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Evicts blocks used least recently, of so many bytes together if one step finds them.</summary>
    private bool TryEvict(long excess)
    {
        List<Cid> victims = [];
        long freed = 0;
        foreach ((Cid cid, int size) in _index.OldestUnpinned(EvictAtOnce).TakeWhile(_ => freed < excess))
        {
            victims.Add(cid);
            freed += size;
        }

        if (victims.Count == 0)
        {
            return false;
        }

        _index.Remove(victims);
        _folder.DeleteQuietly(victims);
        _bytes -= freed;
        Interlocked.Add(ref _evicted, victims.Count);
        BlockStoreLog.Evicted(_log, victims.Count);
        return true;
    }
}
