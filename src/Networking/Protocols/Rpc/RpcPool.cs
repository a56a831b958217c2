using System.Collections.Concurrent;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Keeps objects for reuse, at most a given number; more are left to the collector. Safe for several threads.</summary>
internal sealed class RpcPool<T>(Func<T> create, int max)
    where T : class
{
    private readonly ConcurrentQueue<T> _items = new();
    private int _count;
    private T? _last; // the common case of one in use at a time

    public T Rent()
    {
        if (Interlocked.Exchange(ref _last, null) is { } last)
        {
            return last;
        }

        if (_items.TryDequeue(out T? item))
        {
            Interlocked.Decrement(ref _count);
            return item;
        }

        return create();
    }

    public void Return(T item)
    {
        if (Interlocked.CompareExchange(ref _last, item, null) is null)
        {
            return;
        }

        if (Interlocked.Increment(ref _count) <= max)
        {
            _items.Enqueue(item);
        }
        else
        {
            Interlocked.Decrement(ref _count);
        }
    }
}
