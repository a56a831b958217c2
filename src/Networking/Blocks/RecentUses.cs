using System.Collections.Concurrent;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Which blocks were used since the index was told, and the clock of uses.</summary>
/// <remarks>Lost in a crash, which costs a worse choice of what to evict. Safe for several threads.</remarks>
internal sealed class RecentUses(TimeProvider time)
{
    private const int Enough = 4096;
    private readonly ConcurrentDictionary<Cid, long> _uses = new();
    private long _last;

    /// <summary>The index is to be told, so that this does not grow; it has a use at most for each block held.</summary>
    public bool IsFull => _uses.Count >= Enough;

    public void Note(Cid cid) => _uses[cid] = Next();

    public void Flush(BlockIndex index)
    {
        KeyValuePair<Cid, long>[] uses = [.. _uses];
        if (uses.Length == 0)
        {
            return;
        }

        index.Touch(uses);
        foreach (KeyValuePair<Cid, long> use in uses)
        {
            _uses.TryRemove(use); // unless it was used again since
        }
    }

    /// <summary>The time, and always later than the last.</summary>
    public long Next()
    {
        long now = time.GetUtcNow().UtcTicks;
        long last = Volatile.Read(ref _last);
        while (true)
        {
            long next = Math.Max(now, last + 1);
            long seen = Interlocked.CompareExchange(ref _last, next, last);
            if (seen == last)
            {
                return next;
            }

            last = seen;
        }
    }
}
