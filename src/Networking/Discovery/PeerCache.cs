using System.Diagnostics.CodeAnalysis;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Files;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Discovery;

/// <summary>Remembers in a file which peers this node was connected to and where, so that it finds back though all its seeds are dead.</summary>
/// <remarks>
/// Only peers that proved to be of the mesh belong here: what strangers say would let them choose whom the node dials after a restart.
/// The file is text, a line for each peer; <c>PeerCacheFile</c> describes it:
/// <code>
/// p2plearn-peers 1
/// 12D3KooW… 1795376453 1 /ip4/192.0.2.1/tcp/4001 /ip6/2001:db8::1/tcp/4001
/// sha256 …
/// </code>
/// It is written to a temporary file beside it that then takes its place, so that a crash leaves the old one or the new one. A file
/// that is cut off, damaged, too large or of another version is a warning and an empty cache. Safe for several threads.
/// </remarks>
public sealed class PeerCache : IAsyncDisposable
{
    private readonly string _file;
    private readonly PeerCacheOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly PeerCacheTable _table; // under _lock
    private readonly Lock _lock = new();
    private readonly Lock _writing = new();
    private readonly ITimer _timer;
    private bool _isDirty;
    private bool _isTimed;
    private bool _isDisposed;
    private bool _isFailureTold; // under _writing

    /// <summary>Reads the file, if there is one.</summary>
    /// <param name="file">Its path; the folder need not exist yet.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Makes the logger.</param>
    /// <exception cref="ArgumentException">Options that cannot work.</exception>
    public PeerCache(string file, PeerCacheOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Validate();
        _file = file;
        _options = options;
        _time = time;
        _log = loggers.CreateLogger<PeerCache>();
        _table = new PeerCacheTable(options);
        Load();
        _timer = time.CreateTimer(_ => WriteIfDirty(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>The peers remembered, the one seen last first; none older than <see cref="PeerCacheOptions.MaxAge"/>.</summary>
    public IReadOnlyList<CachedPeer> Peers
    {
        get
        {
            lock (_lock)
            {
                return [.. _table.Newest(_time.GetUtcNow()).Select(e => new CachedPeer(e.Peer, e.Addresses, e.LastSeen))];
            }
        }
    }

    /// <summary>Looks at a file without taking it: how many peers it holds, or what is wrong with it.</summary>
    /// <param name="file">It exists.</param>
    /// <param name="options">Its limits.</param>
    /// <param name="peers">How many peers; 0 when it does not read.</param>
    /// <returns>What is wrong, in some words; null when it reads.</returns>
    /// <exception cref="IOException">The system cannot read it.</exception>
    public static string? FindFault(string file, PeerCacheOptions options, out int peers)
    {
        ArgumentException.ThrowIfNullOrEmpty(file);
        ArgumentNullException.ThrowIfNull(options);
        bool reads = TryRead(file, options, out IReadOnlyList<PeerCacheEntry>? entries, out string? error);
        peers = reads ? entries!.Count : 0;
        return error;
    }

    /// <summary>A connection to a peer came up over an address that this node dialled: it comes first from now on.</summary>
    public void Succeeded(PeerId peer, Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(address);
        Change(now => _table.Succeeded(peer, address, now));
    }

    /// <summary>A connected member of the mesh says where it listens, or still is connected.</summary>
    /// <param name="peer">Who.</param>
    /// <param name="addresses">In place of those that it announced before; empty: only that it is there.</param>
    public void Seen(PeerId peer, IReadOnlyList<Multiaddr> addresses)
    {
        ArgumentNullException.ThrowIfNull(peer);
        ArgumentNullException.ThrowIfNull(addresses);
        Change(now => _table.Seen(peer, addresses, now));
    }

    /// <summary>Forgets a peer: it is banned, or no member any more.</summary>
    public void Forget(PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(peer);
        Change(_ => _table.Forget(peer));
    }

    /// <summary>Writes what is not written yet. Harmless when repeated; later changes are not written.</summary>
    public async ValueTask DisposeAsync()
    {
        lock (_lock)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
        }

        await _timer.DisposeAsync().ConfigureAwait(false);
        WriteIfDirty();
    }

    private void Change(Func<DateTimeOffset, bool> change)
    {
        lock (_lock)
        {
            bool isWorthWriting = change(_time.GetUtcNow());
            _isDirty |= isWorthWriting;
            if (isWorthWriting && !_isTimed && !_isDisposed)
            {
                _isTimed = true;
                _timer.Change(_options.WriteDelay, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private void Load()
    {
        try
        {
            if (!File.Exists(_file))
            {
                return;
            }

            if (!TryRead(_file, _options, out IReadOnlyList<PeerCacheEntry>? entries, out string? error))
            {
                PeerCacheLog.NotRead(_log, _file, error);
                return;
            }

            _table.Load(entries, _time.GetUtcNow());
            PeerCacheLog.Loaded(_log, entries.Count, _file);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            PeerCacheLog.NotRead(_log, _file, e.Message);
        }
    }

    private static bool TryRead(
        string path,
        PeerCacheOptions options,
        [NotNullWhen(true)] out IReadOnlyList<PeerCacheEntry>? entries,
        [NotNullWhen(false)] out string? error)
    {
        entries = null;
        long length = new FileInfo(path).Length;
        error = length == 0 ? "it is empty"
            : length > options.MaxFileBytes ? $"{length} bytes are more than {options.MaxFileBytes}"
            : null;
        if (error is not null)
        {
            return false; // not even opened: a device or pipe, which has no length, could keep us waiting
        }

        using FileStream file = File.OpenRead(path);
        byte[] bytes = new byte[length];
        file.ReadExactly(bytes);
        return PeerCacheFile.TryRead(bytes, out entries, out error);
    }

    private void WriteIfDirty()
    {
        lock (_writing)
        {
            IReadOnlyList<PeerCacheEntry> entries;
            lock (_lock)
            {
                _isTimed = false;
                if (!_isDirty)
                {
                    return;
                }

                _isDirty = false;
                entries = _table.Newest(_time.GetUtcNow());
            }

            try
            {
                Replace(PeerCacheFile.Write(entries, _options.MaxFileBytes));
                _isFailureTold = false;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                Failed(e.Message);
            }
        }
    }

    /// <summary>The next change tries again, and so does the end.</summary>
    private void Failed(string message)
    {
        lock (_lock)
        {
            _isDirty = true;
        }

        if (!_isFailureTold)
        {
            _isFailureTold = true;
            PeerCacheLog.NotWritten(_log, _file, message);
        }
    }

    private void Replace(byte[] bytes)
    {
        if (Path.GetDirectoryName(Path.GetFullPath(_file)) is { } folder)
        {
            Directory.CreateDirectory(folder);
        }

        DurableFile.Replace(_file, bytes, ownerOnly: true); // who talks to whom is nobody else's business
    }
}
