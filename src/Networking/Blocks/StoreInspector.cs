using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Compares the index of a store with its files, and puts it right. Only while nothing else writes.</summary>
internal sealed class StoreInspector(BlockIndex index, BlockFolder folder)
{
    /// <summary>Compares.</summary>
    /// <param name="repair">Put right what is found.</param>
    /// <param name="everything">Hash every file; else only those that the index does not have, or has with another size.</param>
    /// <param name="used">The time of use that blocks taken in get.</param>
    /// <param name="cancellationToken">Ends it; what was put right stays so.</param>
    public async Task<BlockStoreCheck> RunAsync(bool repair, bool everything, long used, CancellationToken cancellationToken)
    {
        List<string> strangers = [];
        Dictionary<Cid, int> indexed = index.ListBlocks();
        Dictionary<Cid, long> files = folder.List(strangers);
        IReadOnlyList<string> torn = folder.ListTorn();
        List<Cid> missing = [.. indexed.Keys.Where(c => !files.ContainsKey(c))];
        List<Cid> orphans = [];
        List<Cid> damaged = [];
        long hashed = 0;
        foreach ((Cid cid, long length) in files)
        {
            bool isIndexed = indexed.TryGetValue(cid, out int size);
            if (!everything && isIndexed && size == length)
            {
                continue;
            }

            hashed += length;
            if (length > Block.MaxBytes || (isIndexed && size != length) || !await IsRightAsync(cid, cancellationToken).ConfigureAwait(false))
            {
                damaged.Add(cid);
            }
            else if (!isIndexed)
            {
                orphans.Add(cid);
            }
        }

        if (repair)
        {
            index.Remove([.. missing, .. damaged]);
            folder.DeleteQuietly(damaged);
            index.Add(orphans.Select(c => (c, (int)files[c], used)));
            folder.DeleteTorn();
        }

        return new BlockStoreCheck
        {
            BlockCount = indexed.Count,
            BytesHashed = hashed,
            Missing = missing,
            Orphans = orphans,
            Damaged = damaged,
            TornFiles = [.. torn.Select(p => Path.GetRelativePath(folder.Root, p))],
            Strangers = strangers,
            PinnedButMissing = index.ListPinnedButMissing(),
            IndexProblem = index.Problem(),
            IsRepaired = repair,
        };
    }

    private async ValueTask<bool> IsRightAsync(Cid cid, CancellationToken cancellationToken) =>
        await folder.ReadAsync(cid, cancellationToken).ConfigureAwait(false) is { } content && cid.Matches(content);
}
