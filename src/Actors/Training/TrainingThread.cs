using System.Threading.Channels;

namespace P2PLearn.Actors.Training;

/// <summary>The one thread that touches the model: local steps, mixing, evaluation, saving, in the order they were asked for.</summary>
/// <remarks>
/// A thread of its own, below normal priority, so that heartbeats are never starved, and because libtorch's gradient mode belongs to the
/// thread. It lives outside the actor system and survives its rebuilding.
/// </remarks>
public sealed class TrainingThread : IAsyncDisposable
{
    /// <summary>Jobs waiting: a run asks for one at a time, the tools for an evaluation or two.</summary>
    public const int MaxQueuedJobs = 16;

    private readonly Channel<Action> _jobs = Channel.CreateBounded<Action>(
        new BoundedChannelOptions(MaxQueuedJobs) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private readonly CancellationTokenSource _stopping = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Starts the thread.</summary>
    public TrainingThread()
    {
        var thread = new Thread(Loop) { IsBackground = true, Name = "training", Priority = ThreadPriority.BelowNormal };
        thread.Start();
    }

    /// <summary>Runs a job on the thread.</summary>
    /// <typeparam name="T">Its result.</typeparam>
    /// <param name="job">What to do; the token ends long jobs when the node stops.</param>
    /// <param name="cancellationToken">Gives up waiting for a place in the queue; a job that has its place is done.</param>
    public async Task<T> RunAsync<T>(Func<CancellationToken, T> job, CancellationToken cancellationToken)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        await _jobs.Writer.WriteAsync(() => Do(job, done), cancellationToken);
        return await done.Task;
    }

    /// <summary>Ends the job at work at its next step, drops the rest, and waits for the thread.</summary>
    public async ValueTask DisposeAsync()
    {
        _jobs.Writer.TryComplete();
        await _stopping.CancelAsync();
        await _ended.Task;
        _stopping.Dispose();
    }

    private void Do<T>(Func<CancellationToken, T> job, TaskCompletionSource<T> done)
    {
        try
        {
            _stopping.Token.ThrowIfCancellationRequested();
            done.SetResult(job(_stopping.Token));
        }
        catch (OperationCanceledException)
        {
            done.SetCanceled(_stopping.Token);
        }
        catch (Exception e) // whatever the job threw belongs to who asked for it
        {
            done.SetException(e);
        }
    }

    private void Loop()
    {
        while (Next() is { } job)
        {
            job();
        }

        _ended.SetResult();
    }

    private Action? Next()
    {
        while (true)
        {
            if (_jobs.Reader.TryRead(out Action? job))
            {
                return job;
            }

            if (!_jobs.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult()) // its own thread: it may block
            {
                return null;
            }
        }
    }
}
