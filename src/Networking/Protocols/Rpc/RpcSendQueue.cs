namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>First in, first out, and any item can be taken from the middle at once. Allocates nothing. Not safe for several threads.</summary>
internal sealed class RpcSendQueue
{
    private RpcSend? _first;
    private RpcSend? _last;

    public int Count { get; private set; }

    public void Enqueue(RpcSend item)
    {
        item.Queue = this;
        item.Previous = _last;
        item.Next = null;
        if (_last is null)
        {
            _first = item;
        }
        else
        {
            _last.Next = item;
        }

        _last = item;
        Count++;
    }

    public RpcSend? Dequeue()
    {
        RpcSend? item = _first;
        if (item is not null)
        {
            Remove(item);
        }

        return item;
    }

    /// <summary>All items, first to last; the queue must not change meanwhile.</summary>
    public IEnumerable<RpcSend> Items()
    {
        for (RpcSend? item = _first; item is not null; item = item.Next)
        {
            yield return item;
        }
    }

    public void Remove(RpcSend item)
    {
        if (item.Previous is null)
        {
            _first = item.Next;
        }
        else
        {
            item.Previous.Next = item.Next;
        }

        if (item.Next is null)
        {
            _last = item.Previous;
        }
        else
        {
            item.Next.Previous = item.Previous;
        }

        item.Queue = null;
        item.Previous = item.Next = null;
        Count--;
    }
}
