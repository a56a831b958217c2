using System.Threading.Tasks.Sources;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Wakes one waiting loop on the thread that sets it. Allocates nothing.</summary>
/// <remarks>Between two waits it may be set once at most: its user keeps that under a gate of its own.</remarks>
internal sealed class RpcSignal : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _core;

    public ValueTask WaitAsync() => new(this, _core.Version);

    public void Set() => _core.SetResult(true);

    public void GetResult(short token)
    {
        _core.GetResult(token);
        _core.Reset();
    }

    public ValueTaskSourceStatus GetStatus(short token) => _core.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);
}
