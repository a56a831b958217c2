namespace P2PLearn.Networking.Swarm;

/// <summary>Background tasks with an owner: each is awaited when the group closes.</summary>
/// <remarks>Safe for several threads. How many run at once, and cancelling them, is the caller's part.</remarks>
/// <param name="failed">Told of a task's exception other than cancellation: the tasks handle their own, so it is a
/// bug.</param>
internal sealed class TaskGroup(Action<Exception> failed)
{
    private readonly Lock _lock = new();
    private readonly TaskCompletionSource _drained = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _running;
    private bool _closed;

    /// <summary>Tasks running now.</summary>
    public int Count => Volatile.Read(ref _running);

    /// <summary>Starts a task on the pool.</summary>
    /// <returns>False when the group is closed: nothing was started.</returns>
    public bool TryRun(Func<Task> work)
    {
        lock (_lock)
        {
            if (_closed)
            {
                return false;
            }

            _running++;
        }

        _ = Task.Run(() => RunAsync(work));
        return true;
    }

    /// <summary>Takes no more tasks and waits for those that run. Harmless when repeated.</summary>
    public Task CloseAsync()
    {
        lock (_lock)
        {
            _closed = true;
            if (_running == 0)
            {
                _drained.TrySetResult();
            }
        }

        return _drained.Task;
    }

    private async Task RunAsync(Func<Task> work)
    {
        try
        {
            await work().ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The way that a task is told to end.
        }
#pragma warning disable CA1031 // the group is the last owner: nobody above could catch it
        catch (Exception e)
#pragma warning restore CA1031
        {
            failed(e);
        }

        lock (_lock)
        {
            _running--;
            if (_closed && _running == 0)
            {
                _drained.TrySetResult();
            }
        }
    }
}
