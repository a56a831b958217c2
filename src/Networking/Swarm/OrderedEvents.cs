namespace P2PLearn.Networking.Swarm;

/// <summary>Runs event handlers in the order in which the events were noted, one at a time, never under a
/// lock.</summary>
/// <remarks>
/// Whoever posts while nobody delivers, delivers: until the queue is empty. It cannot grow past the connections that
/// come and go while one handler runs, and handlers must not block. A handler that throws is a bug and is reported, not
/// allowed to stop the rest.
/// </remarks>
/// <param name="failed">Told of a handler's exception.</param>
internal sealed class OrderedEvents(Action<Exception> failed)
{
    private readonly Queue<Action> _queue = [];
    private bool _delivering;

    /// <summary>Notes an event. Call it under the lock that decides the order, then <see cref="Deliver"/> outside of
    /// it.</summary>
    public void Post(Action notify)
    {
        lock (_queue)
        {
            _queue.Enqueue(notify);
        }
    }

    /// <summary>Delivers what is noted, unless another thread is at it.</summary>
    public void Deliver()
    {
        while (TryTake(out Action? notify))
        {
            try
            {
                notify!();
            }
#pragma warning disable CA1031 // a handler of another layer may throw anything; the swarm outlives it
            catch (Exception e)
#pragma warning restore CA1031
            {
                failed(e);
            }

            lock (_queue)
            {
                _delivering = false;
            }
        }
    }

    private bool TryTake(out Action? notify)
    {
        lock (_queue)
        {
            notify = null;
            if (_delivering || !_queue.TryDequeue(out notify))
            {
                return false;
            }

            _delivering = true;
            return true;
        }
    }
}
