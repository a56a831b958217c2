using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Blocks as files, with an index in SQLite.</summary>
/// <remarks>
/// A block is written to a temporary file, flushed, renamed, its folder flushed, and then entered into the index, all before it is
/// acknowledged; it leaves the index before its file is deleted. So a crash at any instant leaves at worst a file that the index does not
/// know, and the next start takes it in. One loop does all the writing, and makes what waits durable together. Safe for several threads;
/// one process at a time.
/// </remarks>
public sealed class FileBlockStore : IBlockStore, IAsyncDisposable
{
    private readonly BlockFolder _folder;
    private readonly BlockStoreOptions _options;
    private readonly ILogger _log;
    private readonly FileStream _lock;
    private readonly BlockIndex _index;
    private readonly RecentUses _uses;
    private readonly StoreWriter _writer;
    private int _isDisposed;

    private FileBlockStore(
        BlockFolder folder, BlockStoreOptions options, TimeProvider time, ILogger log, (FileStream Lock, BlockIndex Index) opened)
    {
        (_folder, _options, _log) = (folder, options, log);
        (_lock, _index) = opened;
        _uses = new RecentUses(time);
        _writer = new StoreWriter(_index, folder, _uses, options, log);
    }

    /// <summary>What opening put right after a run that was not closed; null when there was nothing to look for.</summary>
    public BlockStoreCheck? Recovery { get; private set; }

    /// <summary>Opens a store, or makes one.</summary>
    /// <param name="folder">Its folder; nothing else belongs in it.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="time">The clock of uses.</param>
    /// <param name="loggers">Makes the logger.</param>
    /// <param name="cancellationToken">Ends the looking through that follows a crash.</param>
    /// <exception cref="BlockStoreException">In use by another process, damaged, of a newer version, or the disk failed.</exception>
    public static Task<FileBlockStore> OpenAsync(
        string folder, BlockStoreOptions options, TimeProvider time, ILoggerFactory loggers, CancellationToken cancellationToken) =>
        OpenAsync(folder, options, time, loggers, new BlockFiles(), cancellationToken);

    internal static async Task<FileBlockStore> OpenAsync(
        string folder, BlockStoreOptions options, TimeProvider time, ILoggerFactory loggers, IBlockFiles files, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Validate();
        ILogger log = loggers.CreateLogger<FileBlockStore>();
        var place = new BlockFolder(Path.GetFullPath(folder), files);
        FileBlockStore store;
        bool rebuilt = false;
        try
        {
            place.Create();
            FileStream held = TakeLock(place);
            try
            {
                (BlockIndex index, rebuilt) = OpenIndex(place, options, log);
                store = new FileBlockStore(place, options, time, log, (held, index));
            }
            catch
            {
                await held.DisposeAsync().ConfigureAwait(false);
                throw;
            }
        }
        catch (Exception e) when (StoreProblems.Of(e, place.Root) is { } problem)
        {
            throw problem;
        }

        await store.RecoverAsync(rebuilt, cancellationToken).ConfigureAwait(false);
        return store;
    }

    /// <inheritdoc/>
    public bool TryGetSize(Cid cid, out int bytes)
    {
        bytes = 0;
        return Block.IsName(cid) && _index.TryGetSize(cid, out bytes);
    }

    /// <inheritdoc/>
    public ValueTask<bool> HasAsync(Cid cid, CancellationToken cancellationToken) => ValueTask.FromResult(TryGetSize(cid, out _));

    /// <inheritdoc/>
    public async ValueTask<Block?> GetAsync(Cid cid, CancellationToken cancellationToken)
    {
        if (!TryGetSize(cid, out _))
        {
            return null;
        }

        byte[]? content;
        try
        {
            content = await _folder.ReadAsync(cid, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (StoreProblems.Of(e, _folder.Root) is { } problem)
        {
            throw problem;
        }

        if (content is not null && Block.TryCreate(cid, content, out Block? block))
        {
            Touch(cid);
            return block;
        }

        await _writer.DoAsync(() => _writer.ForgetDamagedAsync(cid), cancellationToken).ConfigureAwait(false);
        return null;
    }

    /// <inheritdoc/>
    public async ValueTask PutAsync(Block block, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(block);
        if (TryGetSize(block.Cid, out _))
        {
            Touch(block.Cid);
            return;
        }

        await _writer.PutAsync(block, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DeleteAsync(Cid cid, CancellationToken cancellationToken)
    {
        bool deleted = false;
        await _writer.DoAsync(() => deleted = _writer.Remove(cid), cancellationToken).ConfigureAwait(false);
        return deleted;
    }

    /// <inheritdoc/>
    public async ValueTask PinAsync(string name, IReadOnlyCollection<Cid> cids, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(cids);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(name.Length, _options.MaxPinNameLength, nameof(name));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(cids.Count, _options.MaxCidsPerPin, nameof(cids));
        if (!cids.All(Block.IsName))
        {
            throw new ArgumentException("a CID that names no block", nameof(cids));
        }

        Cid[] copy = [.. cids];
        await _writer.DoAsync(() => _index.Pin(name, copy), cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> UnpinAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        bool was = false;
        await _writer.DoAsync(() => was = _index.Unpin(name), cancellationToken).ConfigureAwait(false);
        return was;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> DropAsync(string name, CancellationToken cancellationToken)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        bool was = false;
        await _writer.DoAsync(() => was = _writer.Drop(name), cancellationToken).ConfigureAwait(false);
        return was;
    }

    /// <inheritdoc/>
    public IReadOnlyList<string> ListPins(string prefix)
    {
        ArgumentNullException.ThrowIfNull(prefix);
        return _index.ListPins(prefix);
    }

    /// <inheritdoc/>
    public BlockStoreStats Stats()
    {
        (long count, long bytes, int pins, long pinnedCount, long pinnedBytes) = _index.ReadStats();
        return new BlockStoreStats(
            count, bytes, _options.QuotaBytes, pins, pinnedCount, pinnedBytes, _writer.Evicted, _writer.Damaged);
    }

    /// <summary>Reads every file and compares it with its name and the index. Writing waits meanwhile, reading does not.</summary>
    /// <param name="repair">Put right what is found: take in blocks that the index does not have, forget those that are missing or
    /// damaged, delete torn files. A second check is then clean.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<BlockStoreCheck> CheckAsync(bool repair, CancellationToken cancellationToken)
    {
        BlockStoreCheck? found = null;
        await _writer.DoAsync(
            async () => found = await _writer.InspectAsync(repair, everything: true, cancellationToken).ConfigureAwait(false),
            cancellationToken).ConfigureAwait(false);
        return found!;
    }

    /// <summary>Finishes what was asked for, and closes the files. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _isDisposed, 1) != 0)
        {
            return;
        }

        await _writer.CloseAsync().ConfigureAwait(false);
        _index.Dispose();
        await _lock.DisposeAsync().ConfigureAwait(false);
    }

    private static FileStream TakeLock(BlockFolder place)
    {
        try
        {
            return new FileStream(place.LockFile, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException e) when (File.Exists(place.LockFile))
        {
            throw new BlockStoreException(BlockStoreProblem.InUse, $"another process has the block store {place.Root} open", e);
        }
    }

    private static (BlockIndex Index, bool Rebuilt) OpenIndex(BlockFolder place, BlockStoreOptions options, ILogger log)
    {
        try
        {
            return (new BlockIndex(place.Index), false);
        }
        catch (Exception e) when (
            options.RebuildIndex && StoreProblems.Of(e, place.Root) is { Problem: BlockStoreProblem.IndexDamaged })
        {
            File.Move(place.Index, place.Index + ".damaged", overwrite: true);
            File.Delete(place.Index + "-wal");
            File.Delete(place.Index + "-shm");
            BlockStoreLog.Rebuilt(log, place.Root);
            return (new BlockIndex(place.Index), true);
        }
    }

    private async Task RecoverAsync(bool rebuilt, CancellationToken cancellationToken)
    {
        if (!_index.WasOpen && !rebuilt)
        {
            return;
        }

        try
        {
            await _writer.DoAsync(
                async () => Recovery = await _writer.InspectAsync(repair: true, everything: false, cancellationToken).ConfigureAwait(false),
                cancellationToken).ConfigureAwait(false);
        }
        catch
        {
            await DisposeAsync().ConfigureAwait(false);
            throw;
        }

        BlockStoreLog.Recovered(
            _log, _folder.Root, Recovery!.Orphans.Count, Recovery.Missing.Count, Recovery.Damaged.Count, Recovery.TornFiles.Count);
    }

    private void Touch(Cid cid)
    {
        _uses.Note(cid);
        if (_uses.IsFull)
        {
            _writer.TryFlushUses();
        }
    }
}
