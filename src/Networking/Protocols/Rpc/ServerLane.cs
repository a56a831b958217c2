using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Our end of a lane on which the peer calls and we answer.</summary>
internal sealed class ServerLane : RpcLane
{
    private readonly InboundCalls _inbound;
    private readonly RpcServer _server;
    private readonly TaskCompletionSource _idle = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public ServerLane(PeerStream stream, RpcFrameReader reader, RpcServer server)
        : base(stream, reader, server.Options, server.Time)
    {
        _server = server;
        _inbound = new InboundCalls(server.Options, server.FindMethod, Admit);
    }

    /// <summary>Ends when the lane has ended and no handler of it runs any more.</summary>
    public Task Idle => _idle.Task;

    /// <summary>The handler has ended well.</summary>
    public void Answer(ServerCall call, RpcPayload answer)
    {
        bool leaves;
        bool withOthers;
        lock (Gate)
        {
            withOthers = _inbound.Count > 4;
            call.LoadAnswer(answer);
            leaves = Ended is not null || Writer.Post(call);
        }

        Writer.Wake(withOthers);
        if (leaves)
        {
            Forget(call);
        }
    }

    /// <summary>The handler has thrown.</summary>
    public void Fail(ServerCall call, Exception error)
    {
        RpcException failure = _server.ToFailure(call.Method, Peer, call.IsOverdue, error);
        lock (Gate)
        {
            Refuse(call.CallId, failure.Status, failure.Message);
        }

        Forget(call);
        Writer.Wake();
    }

    /// <summary>The answer was sent, or will never be.</summary>
    public void Forget(ServerCall call)
    {
        bool isIdle;
        lock (Gate)
        {
            _inbound.Remove(call);
            isIdle = Ended is not null && _inbound.Count == 0;
        }

        _server.Leave();
        call.Recycle();
        if (isIdle)
        {
            _idle.TrySetResult();
        }
    }

    protected override RpcBuffer? BeginPart(in RpcFrame frame, out int offset)
    {
        InboundStep step;
        RpcBuffer? buffer = null;
        lock (Gate)
        {
            step = _inbound.OnPart(frame);
            if (step.Call is { } call)
            {
                Begin(call, frame);
                buffer = call.Request;
            }
            else if (step.Refusal != RpcStatus.Ok && !Refuse(frame.CallId, step.Refusal, step.Text))
            {
                throw RpcFrame.Violation(EndReason.TooManyRequests, "more refused calls than the peer reads answers of");
            }
        }

        if (step.Refusal != RpcStatus.Ok)
        {
            Writer.Wake();
        }

        offset = step.Offset;
        return buffer;
    }

    protected override void EndPart(in RpcFrame frame, RpcBuffer buffer)
    {
        ServerCall? call;
        lock (Gate)
        {
            call = _inbound.Find(frame.CallId);
            if (call is null || call.Request != buffer || Ended is not null)
            {
                return; // its time was over while it arrived
            }

            call.Received += (int)frame.Length;
            if (call.Received < call.RequestBytes)
            {
                return;
            }

            call.IsRunning = true;
        }

        call.Run();
    }

    protected override void OnControl(in RpcFrame frame, ReadOnlySpan<byte> body)
    {
        lock (Gate)
        {
            switch (frame.Kind)
            {
                case RpcFrameKind.Declare:
                    _inbound.Declare(frame, body);
                    return;
                case RpcFrameKind.Cancel:
                    break;
                default:
                    throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Kind} from the side that calls");
            }
        }

        Cancel(frame.CallId);
    }

    protected override void Sweep()
    {
        List<ServerCall> dropped = [];
        lock (Gate)
        {
            long now = Time.GetTimestamp();
            long earliest = long.MaxValue;
            foreach (ServerCall call in _inbound.Calls)
            {
                if (call.Due > now)
                {
                    earliest = Math.Min(earliest, call.Due);
                }
                else if (!call.IsOverdue)
                {
                    call.IsOverdue = true;
                    GiveUp(call, dropped);
                }
            }

            Deadlines.Rearm(earliest);
            dropped.ForEach(call => Refuse(call.CallId, RpcStatus.DeadlineExceeded, "the call's time is over"));
        }

        dropped.ForEach(Forget);
        Writer.Wake();
    }

    protected override void OnEnded(Exception reason)
    {
        List<ServerCall> dropped = [];
        bool isIdle;
        lock (Gate)
        {
            foreach (ServerCall call in _inbound.Calls)
            {
                GiveUp(call, dropped);
            }

            isIdle = _inbound.Count == 0;
        }

        dropped.ForEach(Forget);
        if (isIdle)
        {
            _idle.TrySetResult();
        }
    }

    /// <summary>Stops the handler of a running call. One that is still received, or whose answer is queued, is taken out for the caller to forget.</summary>
    private void GiveUp(ServerCall call, List<ServerCall> dropped)
    {
        if (call.IsRunning && !Writer.Remove(call))
        {
            call.CancelHandler();
            return;
        }

        _inbound.Remove(call); // a dictionary may lose entries while it is enumerated
        dropped.Add(call);
    }

    private void Cancel(ulong id)
    {
        List<ServerCall> dropped = [];
        lock (Gate)
        {
            if (_inbound.Find(id) is { } call)
            {
                GiveUp(call, dropped);
            }
        }

        dropped.ForEach(Forget);
    }

    private ServerCall? Admit(RpcMethod method) => _server.TryEnter() ? ServerCall.Rent(this, method) : null;

    private void Begin(ServerCall call, in RpcFrame frame)
    {
        if (frame.Kind == RpcFrameKind.Request)
        {
            call.Timeout = _server.TimeoutOf(frame.TimeoutMs);
            call.Due = RpcDeadlines.DueIn(Time, call.Timeout);
            Deadlines.Watch(call.Due);
        }

        call.Request!.AddReference();
    }

    /// <summary>Tells the caller that it gets no answer. False: the caller does not read them.</summary>
    private bool Refuse(ulong id, RpcStatus status, string text)
    {
        byte[] body = RpcFrame.ToText(text);
        return Writer.PostControl(new RpcFrame(RpcFrameKind.Failure, (ushort)status, (uint)body.Length, id, 0, 0), body);
    }
}
