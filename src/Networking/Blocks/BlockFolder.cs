using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Where the files of a store are.</summary>
/// <remarks>
/// <code>
/// FOLDER/index.db        the index (SQLite, with its -wal and -shm)
/// FOLDER/lock            held while the store is open
/// FOLDER/new/            files being written; what is here after a crash is torn
/// FOLDER/blocks/xx/CID   a block; xx is the first byte of its hash, in hexadecimal
/// </code>
/// All 256 subfolders are made with the store, so that a block's name needs the flush of one folder only.
/// </remarks>
internal sealed class BlockFolder
{
    private const int FanOut = 256;
    private readonly IBlockFiles _files;
    private readonly string _blocks;
    private readonly string _new;
    private long _lastNew;

    public BlockFolder(string root, IBlockFiles files)
    {
        Root = root;
        _files = files;
        _blocks = Path.Combine(root, "blocks");
        _new = Path.Combine(root, "new");
    }

    public string Root { get; }

    public string Index => Path.Combine(Root, "index.db");

    public string LockFile => Path.Combine(Root, "lock");

    /// <summary>Makes what is not there.</summary>
    public void Create()
    {
        Directory.CreateDirectory(_new);
        for (int i = 0; i < FanOut; i++)
        {
            Directory.CreateDirectory(Path.Combine(_blocks, i.ToString("x2", System.Globalization.CultureInfo.InvariantCulture)));
        }

        _files.SyncFolder(_blocks);
        _files.SyncFolder(Root);
    }

    /// <summary>Makes the files of blocks durable: all written through, then all renamed, then their folders flushed once each.</summary>
    /// <remarks>When it throws, none of the files is left, as far as the system lets us delete them.</remarks>
    public void Write(IReadOnlyList<Block> blocks)
    {
        string[] written = [.. blocks.Select(_ => Path.Combine(_new, $"{++_lastNew}"))];
        try
        {
            FlushThreads.ForEach(
                [.. written.Zip(blocks)], file => _files.WriteThrough(file.First, file.Second.Content.Span));
            for (int i = 0; i < blocks.Count; i++)
            {
                string path = PathOf(blocks[i].Cid);
                _files.Move(written[i], path);
                written[i] = path;
            }

            FlushThreads.ForEach([.. written.Select(p => Path.GetDirectoryName(p)!).Distinct()], _files.SyncFolder);
        }
        catch
        {
            DeleteQuietly(written);
            throw;
        }
    }

    /// <summary>Deletes files of blocks that the index has forgotten; one that stays is an orphan.</summary>
    public void DeleteQuietly(IEnumerable<Cid> cids) => DeleteQuietly(cids.Select(PathOf));

    public ValueTask<byte[]?> ReadAsync(Cid cid, CancellationToken cancellationToken) =>
        _files.ReadAsync(PathOf(cid), cancellationToken);

    /// <summary>The files of blocks, by name and length; names that are no block's in <paramref name="strangers"/>.</summary>
    public Dictionary<Cid, long> List(List<string> strangers)
    {
        var found = new Dictionary<Cid, long>();
        foreach (string path in Directory.EnumerateFiles(_blocks, "*", SearchOption.AllDirectories))
        {
            if (Cid.TryParse(Path.GetFileName(path), out Cid? cid) && Block.IsName(cid) && PathOf(cid) == path)
            {
                found[cid] = new FileInfo(path).Length;
            }
            else
            {
                strangers.Add(Path.GetRelativePath(Root, path));
            }
        }

        return found;
    }

    /// <summary>Files that were being written when the program ended. Only while nothing is written.</summary>
    public IReadOnlyList<string> ListTorn() => [.. Directory.EnumerateFiles(_new)];

    public void DeleteTorn() => DeleteQuietly(ListTorn());

    private string PathOf(Cid cid) => Path.Combine(_blocks, Convert.ToHexStringLower(cid.Hash.Digest[..1]), cid.ToString());

    private void DeleteQuietly(IEnumerable<string> paths)
    {
        foreach (string path in paths)
        {
            try
            {
                _files.Delete(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The check finds it again, as an orphan or a torn file.
            }
        }
    }
}
