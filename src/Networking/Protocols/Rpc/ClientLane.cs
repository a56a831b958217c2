using System.Text;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Our end of a lane on which we call and the peer answers.</summary>
/// <remarks>Call ids rise from 1 and are never used twice, so that an answer that comes too late cannot be taken for another's.</remarks>
internal sealed class ClientLane(PeerStream stream, RpcFrameReader reader, RpcOptions options, TimeProvider time)
    : RpcLane(stream, reader, options, time)
{
    private readonly Dictionary<ulong, ClientCall> _calls = [];
    private readonly Dictionary<string, ushort> _slots = [];
    private readonly RpcSendQueue _waiting = new();
    private ulong _lastId;
    private volatile bool _isSuperseded;

    /// <summary>It lives, and its connection is the best there is.</summary>
    public bool TakesCalls => Ended is null && !_isSuperseded;

    /// <summary>A better connection is up: no new calls from here on; those that run and wait finish, then it ends.</summary>
    public void Supersede()
    {
        lock (Gate)
        {
            _isSuperseded = true;
        }

        StopWhenDone();
    }

    /// <summary>Starts a call.</summary>
    /// <returns>False when the lane takes no more calls: nothing was sent, another lane may be tried.</returns>
    /// <exception cref="RpcException">ResourceExhausted: too many calls wait.</exception>
    public bool TryCall(ClientCall call, CancellationToken cancellationToken)
    {
        bool withOthers;
        lock (Gate)
        {
            if (!TakesCalls)
            {
                return false;
            }

            call.Slot = SlotOf(call.Method);
            if (_calls.Count < Options.MaxCallsInFlightPerPeer)
            {
                Start(call);
            }
            else if (_waiting.Count < Options.MaxWaitingCallsPerPeer)
            {
                _waiting.Enqueue(call);
            }
            else
            {
                throw new RpcException(RpcStatus.ResourceExhausted, $"{_waiting.Count} calls to {Peer.ToShortString()} are waiting already");
            }

            Deadlines.Watch(call.Due);
            withOthers = _calls.Count > 4;
        }

        if (cancellationToken.CanBeCanceled)
        {
            call.CancelWith(cancellationToken);
        }

        Writer.Wake(withOthers);
        return true;
    }

    /// <summary>The caller's token has fired.</summary>
    public void Cancel(ClientCall call)
    {
        lock (Gate)
        {
            if (!TryTake(call))
            {
                return;
            }
        }

        WakeOrStop();
        call.Fail(new OperationCanceledException(call.CancellationToken));
    }

    protected override RpcBuffer? BeginPart(in RpcFrame frame, out int offset)
    {
        offset = 0;
        ClientCall? refused;
        lock (Gate)
        {
            if (Find(frame) is not { } call)
            {
                return null;
            }

            if (frame.Kind != RpcFrameKind.Response || frame.Total <= call.MaxResponseBytes)
            {
                return Advance(call, frame, out offset);
            }

            refused = TryTake(call) ? call : null;
        }

        WakeOrStop();
        refused?.Fail(new RpcException(
            RpcStatus.ResourceExhausted, $"the answer has {frame.Total} bytes, accepted are {refused.MaxResponseBytes}"));
        return null;
    }

    protected override void EndPart(in RpcFrame frame, RpcBuffer buffer)
    {
        ClientCall? call;
        lock (Gate)
        {
            if (!_calls.TryGetValue(frame.CallId, out call) || call.Incoming != buffer)
            {
                return; // given up while its answer arrived
            }

            call.Received += (int)frame.Length;
            if (call.Received < buffer.Length)
            {
                return;
            }

            call.Incoming = null;
            TakeOut(call);
        }

        WakeOrStop();
        call.Complete(new RpcPayload(buffer));
    }

    protected override void OnControl(in RpcFrame frame, ReadOnlySpan<byte> body)
    {
        if (frame.Kind != RpcFrameKind.Failure || frame.CallId == 0)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Kind} from the side that answers");
        }

        ClientCall? call;
        lock (Gate)
        {
            call = Find(frame);
            if (call is null)
            {
                return;
            }

            TakeOut(call);
        }

        WakeOrStop();
        call.Fail(new RpcException((RpcStatus)frame.Code, RpcFrame.CleanText(body)));
    }

    protected override void Sweep()
    {
        List<ClientCall> over = [];
        lock (Gate)
        {
            long now = Time.GetTimestamp();
            over.AddRange(_calls.Values.Where(call => call.Due <= now));
            over.AddRange(_waiting.Items().Cast<ClientCall>().Where(call => call.Due <= now));
            over.RemoveAll(call => !TryTake(call));
            long earliest = long.MaxValue;
            foreach (ClientCall call in _calls.Values.Concat(_waiting.Items().Cast<ClientCall>()))
            {
                earliest = Math.Min(earliest, call.Due);
            }

            Deadlines.Rearm(earliest);
        }

        WakeOrStop();
        over.ForEach(static call => call.Fail(new RpcException(RpcStatus.DeadlineExceeded, "the call's time is over")));
    }

    protected override void OnEnded(Exception reason)
    {
        List<ClientCall> over = [];
        lock (Gate)
        {
            over.AddRange(_calls.Values);
            _calls.Clear();
            while (_waiting.Dequeue() is ClientCall call)
            {
                over.Add(call);
            }

            over.ForEach(ReleaseIncoming);
        }

        over.ForEach(call => call.Fail(
            new RpcException(RpcStatus.Unavailable, $"{Peer.ToShortString()} was lost before it answered", reason)));
    }

    private static void ReleaseIncoming(ClientCall call)
    {
        call.Incoming?.Release();
        call.Incoming = null;
    }

    private static RpcBuffer Advance(ClientCall call, in RpcFrame frame, out int offset)
    {
        bool isFirst = frame.Kind == RpcFrameKind.Response;
        if (isFirst != call.Incoming is null)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Kind} in the wrong place of an answer");
        }

        call.Incoming ??= RpcBuffer.Rent((int)frame.Total);
        offset = call.Received;
        if (frame.Length > call.Incoming.Length - offset)
        {
            throw RpcFrame.Violation(EndReason.MessageTooLarge, "an answer longer than it said");
        }

        call.Incoming.AddReference();
        return call.Incoming;
    }

    /// <summary>The call that a frame of the remote speaks of; null for one that we gave up.</summary>
    private ClientCall? Find(in RpcFrame frame)
    {
        if (frame.Kind == RpcFrameKind.Request || frame.CallId > _lastId)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Kind} for call {frame.CallId}, which we did not make");
        }

        return _calls.GetValueOrDefault(frame.CallId);
    }

    private void Start(ClientCall call)
    {
        call.Start(++_lastId, RpcFrame.ToTimeoutMs(RpcDeadlines.LeftUntil(Time, call.Due)));
        _calls.Add(call.CallId, call);
        Writer.Post(call);
    }

    private ushort SlotOf(string method)
    {
        if (_slots.TryGetValue(method, out ushort slot))
        {
            return slot;
        }

        if (_slots.Count == Options.MaxMethodsPerStream)
        {
            throw new InvalidOperationException($"more than {Options.MaxMethodsPerStream} different methods called on one peer");
        }

        slot = (ushort)_slots.Count;
        byte[] name = Encoding.ASCII.GetBytes(method);
        PostControl(new RpcFrame(RpcFrameKind.Declare, slot, (uint)name.Length, 0, 0, 0), name);
        _slots.Add(method, slot);
        return slot;
    }

    private void PostControl(in RpcFrame frame, ReadOnlySpan<byte> body)
    {
        if (!Writer.PostControl(frame, body))
        {
            Stop(EndReason.Timeout); // the peer has long stopped reading
        }
    }

    /// <summary>Takes a call away before its answer, and tells the peer if it knows of the call.</summary>
    private bool TryTake(ClientCall call)
    {
        if (call.Queue == _waiting)
        {
            _waiting.Remove(call);
            return true;
        }

        if (!_calls.TryGetValue(call.CallId, out ClientCall? found) || found != call)
        {
            return false;
        }

        Writer.Remove(call);
        if (call.IsStarted)
        {
            PostControl(new RpcFrame(RpcFrameKind.Cancel, 0, 0, call.CallId, 0, 0), []);
        }

        TakeOut(call);
        return true;
    }

    private void WakeOrStop()
    {
        Writer.Wake();
        if (_isSuperseded)
        {
            StopWhenDone();
        }
    }

    private void StopWhenDone()
    {
        bool isDone;
        lock (Gate)
        {
            isDone = Ended is null && _calls.Count == 0 && _waiting.Count == 0;
        }

        if (isDone)
        {
            Stop(EndReason.Superseded);
        }
    }

    private void TakeOut(ClientCall call)
    {
        _calls.Remove(call.CallId);
        Writer.Remove(call); // an answer may come before the whole request was sent
        ReleaseIncoming(call);
        while (_calls.Count < Options.MaxCallsInFlightPerPeer && _waiting.Dequeue() is ClientCall next)
        {
            Start(next);
        }
    }
}
