using System.Threading.Tasks.Sources;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Wakes one waiting loop, on the thread that sets it or on one of the pool. Allocates nothing.</summary>
/// <remarks>Between two waits it may be set once at most: its user keeps that under a gate of its own.</remarks>
internal sealed class RpcSignal : IValueTaskSource, IThreadPoolWorkItem
{
    private ManualResetValueTaskSourceCore<bool> _core;

    public ValueTask WaitAsync() => new(this, _core.Version);

    /// <summary>The loop goes on here and now.</summary>
    public void Set() => _core.SetResult(true);

    /// <summary>The loop goes on when a thread of the pool is free.</summary>
    public void SetLater() => ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);

    void IThreadPoolWorkItem.Execute() => Set();

    public void GetResult(short token)
    {
        _core.GetResult(token);
        _core.Reset();
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
