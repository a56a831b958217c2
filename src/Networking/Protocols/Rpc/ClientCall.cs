using System.Threading.Tasks.Sources;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>One unary call of ours: what to send, what has arrived, and who waits for it. Pooled.</summary>
/// <remarks>
/// Whoever takes it out of its lane's table (answer, cancellation, deadline, loss; under the lane's gate) completes it, so it is completed
/// once. It goes back to the pool when its caller has taken the result.
/// </remarks>
internal sealed class ClientCall : RpcSend, IValueTaskSource<RpcPayload>, IThreadPoolWorkItem
{
    private static readonly RpcPool<ClientCall> Pool = new(static () => new ClientCall(), 1024);

    private ManualResetValueTaskSourceCore<RpcPayload> _core;
    private CancellationTokenRegistration _registration;
    private RpcPayload _answer;
    private Exception? _failure;

    /// <summary>The lane that carries it.</summary>
    public ClientLane Lane { get; private set; } = null!;

    /// <summary>The method's name.</summary>
    public string Method { get; private set; } = "";

    /// <summary>What stands for the method on the lane.</summary>
    public ushort Slot { get; set; }

    /// <summary>When it fails with DeadlineExceeded, as a timestamp; <see cref="long.MaxValue"/>: never.</summary>
    public long Due { get; private set; }

    /// <summary>Longest answer that the caller takes.</summary>
    public int MaxResponseBytes { get; private set; }

    /// <summary>The answer as far as it has arrived; null before its first part.</summary>
    public RpcBuffer? Incoming { get; set; }

    /// <summary>Bytes of <see cref="Incoming"/> that are there.</summary>
    public int Received { get; set; }

    /// <summary>The caller's token, for the exception that it gets.</summary>
    public CancellationToken CancellationToken { get; private set; }

    public ValueTask<RpcPayload> Task => new(this, _core.Version);

    private ReadOnlyMemory<byte> Request { get; set; }

    public static ClientCall Rent(ClientLane lane, string method, ReadOnlyMemory<byte> request, long due, int maxResponseBytes)
    {
        ClientCall call = Pool.Rent();
        call.Lane = lane;
        call.Method = method;
        call.Request = request;
        call.Due = due;
        call.MaxResponseBytes = maxResponseBytes;
        call.CallId = 0;
        return call;
    }

    /// <summary>Gives it its place on the lane.</summary>
    public void Start(ulong id, uint timeoutMs)
    {
        CallId = id;
        Load(RpcFrameKind.Request, Slot, timeoutMs, Request);
    }

    /// <summary>Lets the caller's token cancel it. Called before the task is handed out.</summary>
    public void CancelWith(CancellationToken cancellationToken)
    {
        CancellationToken = cancellationToken;
        _registration = cancellationToken.UnsafeRegister(static call => ((ClientCall)call!).Lane.Cancel((ClientCall)call), this);
    }

    /// <summary>Ends it; the caller goes on from a thread of the pool.</summary>
    public void Complete(RpcPayload answer)
    {
        _answer = answer;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Ends it; the caller goes on from a thread of the pool.</summary>
    public void Fail(Exception failure)
    {
        _failure = failure;
        ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
    }

    /// <summary>Puts it back without having been handed out.</summary>
    public void Discard() => Recycle();

    public override void OnSent()
    {
    }

    void IThreadPoolWorkItem.Execute()
    {
        if (_failure is { } failure)
        {
            _core.SetException(failure);
        }
        else
        {
            _core.SetResult(_answer);
        }
    }

    RpcPayload IValueTaskSource<RpcPayload>.GetResult(short token)
    {
        _registration.Dispose(); // waits for a cancellation under way, so that it cannot hit the next life of this object
        try
        {
            return _core.GetResult(token);
        }
        finally
        {
            Recycle();
        }
    }

    ValueTaskSourceStatus IValueTaskSource<RpcPayload>.GetStatus(short token) => _core.GetStatus(token);

    void IValueTaskSource<RpcPayload>.OnCompleted(
        Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _core.OnCompleted(continuation, state, token, flags);

    private void Recycle()
    {
        _core.Reset();
        _registration = default;
        _answer = default;
        _failure = null;
        CancellationToken = default;
        Incoming = null;
        Received = 0;
        Request = default;
        Unload();
        Pool.Return(this);
    }
}
