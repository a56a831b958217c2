namespace P2PLearn.Networking.Blocks;

/// <summary>One thing for the writing loop of a store to do.</summary>
internal sealed class StoreWork
{
    private readonly TaskCompletionSource _done = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>A block to be written, together with its neighbours in the queue.</summary>
    public Block? Put { get; init; }

    /// <summary>Anything else; it runs alone.</summary>
    public Func<Task>? Run { get; init; }

    /// <summary>Ends when it is durable.</summary>
    public Task Done => _done.Task;

    public void Complete() => _done.TrySetResult();

    public void Fail(Exception e) => _done.TrySetException(e);
}
