namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>Lets callers who want the same thing at once share one dial.</summary>
/// <remarks>
/// A dial is cancelled when the last of its callers has gone. Safe for several threads; as many entries as dials under
/// way.
/// </remarks>
/// <param name="tasks">Owns the dials.</param>
/// <param name="closing">Ends all dials.</param>
internal sealed class DialQueue<TKey, TResult>(TaskGroup tasks, CancellationToken closing)
    where TKey : notnull
{
    private readonly Lock _lock = new();
    private readonly Dictionary<TKey, Pending> _pending = [];

    /// <summary>Dials under way.</summary>
    public int Count
    {
        get
        {
            lock (_lock)
            {
                return _pending.Count;
            }
        }
    }

    /// <summary>Joins the dial for a key, or starts it.</summary>
    /// <param name="key">What is wanted.</param>
    /// <param name="dial">Starts it; not called when it is under way.</param>
    /// <param name="cancellationToken">Ends this caller's wait.</param>
    /// <exception cref="ObjectDisposedException">The owner of the dials is closing.</exception>
    public async Task<TResult> JoinAsync(
        TKey key, Func<CancellationToken, Task<TResult>> dial, CancellationToken cancellationToken)
    {
        Pending pending = Enter(key, dial);
        try
        {
            return await pending.Result.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            Leave(key, pending);
        }
    }

    /// <summary>Gives the callers who wait for a key what they want from elsewhere; the dial goes on to its own end.</summary>
    public void Complete(TKey key, TResult result)
    {
        lock (_lock)
        {
            if (_pending.TryGetValue(key, out Pending? pending))
            {
                pending.Result.TrySetResult(result);
            }
        }
    }

    private Pending Enter(TKey key, Func<CancellationToken, Task<TResult>> dial)
    {
        lock (_lock)
        {
            if (!_pending.TryGetValue(key, out Pending? pending) || pending.Result.Task.IsCompleted)
            {
                pending = new Pending(closing);
                ObjectDisposedException.ThrowIf(!tasks.TryRun(() => RunAsync(key, pending, dial)), typeof(Swarm));
                _pending[key] = pending; // in place of one that has its result already: that was of an earlier time
            }

            pending.Callers++;
            return pending;
        }
    }

    private void Leave(TKey key, Pending pending)
    {
        bool abandoned;
        lock (_lock)
        {
            abandoned = --pending.Callers == 0 && !pending.Result.Task.IsCompleted;
            if (abandoned)
            {
                Forget(key, pending); // a caller who comes now starts anew
            }
        }

        if (abandoned)
        {
            pending.CallOff();
        }
    }

    private async Task RunAsync(TKey key, Pending pending, Func<CancellationToken, Task<TResult>> dial)
    {
        try
        {
            pending.Result.TrySetResult(await dial(pending.Cancellation.Token).ConfigureAwait(false));
        }
#pragma warning disable CA1031 // the failure is the callers'
        catch (Exception e)
#pragma warning restore CA1031
        {
            bool isClosing = e is OperationCanceledException && closing.IsCancellationRequested;
            pending.Result.TrySetException(isClosing ? new ObjectDisposedException(typeof(Swarm).FullName, e) : e);
            _ = pending.Result.Task.Exception; // observed, even when every caller has gone
        }

        lock (_lock)
        {
            Forget(key, pending);
        }

        pending.Cancellation.Dispose();
    }

    private void Forget(TKey key, Pending pending)
    {
        if (_pending.TryGetValue(key, out Pending? current) && current == pending)
        {
            _pending.Remove(key);
        }
    }

    private sealed class Pending(CancellationToken closing)
    {
        public TaskCompletionSource<TResult> Result { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public CancellationTokenSource Cancellation { get; } = CancellationTokenSource.CreateLinkedTokenSource(closing);

        public int Callers { get; set; }

        public void CallOff()
        {
            try
            {
                Cancellation.Cancel();
            }
            catch (ObjectDisposedException)
            {
                // The dial has just ended by itself.
            }
        }
    }
}
