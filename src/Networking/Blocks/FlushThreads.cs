using System.Runtime.ExceptionServices;

namespace P2PLearn.Networking.Blocks;

/// <summary>Waits for the disk for several files at once, on threads of its own.</summary>
/// <remarks>
/// A flush mostly waits, and a file system commits those that wait at the same time together: four at once took a ninth
/// of the time of one after the other (ext4, 96 files of 256 KiB), eight a twelfth; but each thread costs processor time. Not on
/// the thread pool, which has few threads and needs them for the network.
/// </remarks>
internal static class FlushThreads
{
    /// <summary>Most flushes at once.</summary>
    public const int MaxThreads = 4;

    /// <summary>Does something to each item, and returns when all that was begun has ended.</summary>
    /// <remarks>After a failure no further item is begun; the first failure is thrown.</remarks>
    public static void ForEach<T>(IReadOnlyList<T> items, Action<T> act)
    {
        int next = -1;
        Exception? failure = null;
        void Work()
        {
            int i;
            while (Volatile.Read(ref failure) is null && (i = Interlocked.Increment(ref next)) < items.Count)
            {
                try
                {
                    act(items[i]);
                }
#pragma warning disable CA1031 // it is thrown where the threads are joined
                catch (Exception e)
#pragma warning restore CA1031
                {
                    Interlocked.CompareExchange(ref failure, e, null);
                }
            }
        }

        var others = new Thread[Math.Max(Math.Min(MaxThreads, items.Count) - 1, 0)];
        for (int i = 0; i < others.Length; i++)
        {
            others[i] = new Thread(Work) { IsBackground = true, Name = "block store flush" };
            others[i].Start();
        }

        Work();
        foreach (Thread other in others)
        {
            other.Join();
        }

        if (failure is not null)
        {
            ExceptionDispatchInfo.Throw(failure);
        }
    }
}
