using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>One unary call that we answer: its request, its run, its answer. Pooled.</summary>
/// <remarks>
/// Received, run, answered, in this order; it leaves its lane's table and goes back to the pool when its answer was copied out, or when it
/// ends without one. One that was cancelled is not used again, as its token may still be held.
/// </remarks>
[SuppressMessage("Reliability", "CA1001", Justification = "A source without timer or link holds nothing to dispose.")]
internal sealed class ServerCall : RpcSend, IThreadPoolWorkItem
{
    private static readonly RpcPool<ServerCall> Pool = new(static () => new ServerCall(), 1024);

    private readonly CancellationTokenSource _cancellation = new();
    private readonly Action _finish;
    private ConfiguredValueTaskAwaitable<RpcPayload>.ConfiguredValueTaskAwaiter _running;
    private RpcPayload _answer;
    private bool _isCancelled;

    private ServerCall() => _finish = Finish;

    public ServerLane Lane { get; private set; } = null!;

    public RpcMethod Method { get; private set; } = null!;

    /// <summary>Length of the request.</summary>
    public int RequestBytes { get; private set; }

    /// <summary>How much of it is there.</summary>
    public int Received { get; set; }

    /// <summary>The request; null once let go.</summary>
    public RpcBuffer? Request { get; set; }

    /// <summary>When its time is over, as a timestamp.</summary>
    public long Due { get; set; }

    /// <summary>The time it had when it began.</summary>
    public TimeSpan Timeout { get; set; }

    /// <summary>The request is whole; the handler has it.</summary>
    public bool IsRunning { get; set; }

    /// <summary>Its time was over before it ended.</summary>
    public bool IsOverdue { get; set; }

    public static ServerCall Rent(ServerLane lane, RpcMethod method)
    {
        ServerCall call = Pool.Rent();
        call.Lane = lane;
        call.Method = method;
        return call;
    }

    public void Begin(ulong id, int requestBytes)
    {
        CallId = id;
        RequestBytes = requestBytes;
        Request = RpcBuffer.Rent(requestBytes);
    }

    /// <summary>Runs the handler: here, or on a thread of the pool. Hold no lock.</summary>
    public void Run()
    {
        if (Method.Options.RunInline)
        {
            Execute();
        }
        else
        {
            ThreadPool.UnsafeQueueUserWorkItem(this, preferLocal: false);
        }
    }

    /// <summary>Fires the handler's token, on another thread as it runs the handler's callbacks. Under the lane's gate.</summary>
    public void CancelHandler()
    {
        if (!_isCancelled)
        {
            _isCancelled = true;
            ThreadPool.UnsafeQueueUserWorkItem(static call => call._cancellation.Cancel(), this, preferLocal: false);
        }
    }

    /// <summary>Sets the answer to send.</summary>
    public void LoadAnswer(RpcPayload answer)
    {
        _answer = answer;
        Load(RpcFrameKind.Response, 0, 0, answer.Memory);
    }

    public override void OnSent() => Lane.Forget(this);

    /// <summary>Lets go of all memory. It is out of its lane's table.</summary>
    public void Recycle()
    {
        Unload();
        Request?.Release();
        Request = null;
        _answer.Dispose();
        _answer = default;
        _running = default;
        Received = 0;
        IsRunning = false;
        IsOverdue = false;
        if (!_isCancelled && _cancellation.TryReset())
        {
            Pool.Return(this);
        }
    }

    public void Execute()
    {
        try
        {
            var request = new RpcRequest(Lane.Peer, Method.Name, Request!.Memory, Timeout);
#pragma warning disable CA2012 // kept until Finish takes its result, which it does once
            _running = Method.Unary!(request, _cancellation.Token).ConfigureAwait(false).GetAwaiter();
#pragma warning restore CA2012
        }
        catch (Exception error)
        {
            Lane.Fail(this, error);
            return;
        }

        if (_running.IsCompleted)
        {
            Finish();
        }
        else
        {
            _running.UnsafeOnCompleted(_finish);
        }
    }

    private void Finish()
    {
        RpcPayload answer;
        try
        {
            answer = _running.GetResult();
        }
        catch (Exception error)
        {
            Lane.Fail(this, error);
            return;
        }

        Lane.Answer(this, answer);
    }
}
