namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>What a callee decides about a part of a request.</summary>
/// <param name="Call">The call that takes the part; null: the part is dropped.</param>
/// <param name="Offset">Where in the request the part goes.</param>
/// <param name="Refusal">The status to refuse the call with, or Ok.</param>
/// <param name="Text">Why it is refused.</param>
internal readonly record struct InboundStep(ServerCall? Call, int Offset, RpcStatus Refusal = RpcStatus.Ok, string Text = "");

/// <summary>The rules by which a callee admits the calls of one lane: pure, no input or output.</summary>
/// <remarks>
/// Invariants: a call is in the table from its first part until its answer was sent; <see cref="HeldBytes"/> is the sum of the lengths of the
/// requests in the table; ids rise. Used under the lane's gate.
/// </remarks>
internal sealed class InboundCalls(RpcOptions options, Func<string, RpcMethod?> find, Func<RpcMethod, ServerCall?> admit)
{
    private readonly Dictionary<ulong, ServerCall> _calls = [];
    private readonly List<string> _names = [];
    private readonly List<RpcMethod?> _methods = [];
    private ulong _highest;

    /// <summary>Calls that are received, run or answered.</summary>
    public IReadOnlyCollection<ServerCall> Calls => _calls.Values;

    /// <summary>Calls that are received, run or answered.</summary>
    public int Count => _calls.Count;

    /// <summary>Bytes of their requests.</summary>
    public long HeldBytes { get; private set; }

    /// <summary>Gives the next slot to a method.</summary>
    /// <exception cref="ProtocolViolationException">Slots out of order, too many, or no valid name.</exception>
    public void Declare(in RpcFrame frame, ReadOnlySpan<byte> body)
    {
        if (frame.Code != _names.Count)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"slot {frame.Code} declared after {_names.Count} others");
        }

        if (_names.Count == options.MaxMethodsPerStream)
        {
            throw RpcFrame.Violation(EndReason.TooManyRequests, $"more than {_names.Count} methods declared");
        }

        if (!RpcFrame.TryReadName(body, out string name))
        {
            throw RpcFrame.Violation(EndReason.MalformedMessage, "a method name that is not visible ASCII");
        }

        _names.Add(name);
        _methods.Add(find(name));
    }

    /// <summary>Decides about a part: a new call is admitted or refused; a further part finds its place.</summary>
    /// <exception cref="ProtocolViolationException">A part that has no place.</exception>
    public InboundStep OnPart(in RpcFrame frame) => frame.Kind switch
    {
        RpcFrameKind.Request => OnRequest(frame),
        RpcFrameKind.Chunk => OnChunk(frame),
        _ => throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a {frame.Kind} from the side that calls"),
    };

    /// <summary>The call of this id, if it is in the table.</summary>
    public ServerCall? Find(ulong id) => _calls.GetValueOrDefault(id);

    /// <summary>Takes a call out.</summary>
    /// <returns>False when it was out already.</returns>
    public bool Remove(ServerCall call)
    {
        if (!_calls.Remove(call.CallId))
        {
            return false;
        }

        HeldBytes -= call.RequestBytes;
        return true;
    }

    private InboundStep OnRequest(in RpcFrame frame)
    {
        if (frame.CallId <= _highest)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"call {frame.CallId} after call {_highest}");
        }

        if (frame.Code >= _names.Count)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"slot {frame.Code} of {_names.Count}");
        }

        _highest = frame.CallId;
        RpcMethod? method = _methods[frame.Code] ??= find(_names[frame.Code]);
        if (method?.Unary is null)
        {
            return new InboundStep(null, 0, RpcStatus.NotFound, $"no unary method {_names[frame.Code]}");
        }

        if (frame.Total > method.Options.MaxRequestBytes)
        {
            return Exhausted($"a request of {frame.Total} bytes, accepted are {method.Options.MaxRequestBytes}");
        }

        if (_calls.Count >= options.MaxServedCallsPerPeer || HeldBytes + frame.Total > options.MaxHeldRequestBytesPerPeer)
        {
            return Exhausted("too many calls or bytes of this peer at once");
        }

        if (admit(method) is not { } call)
        {
            return Exhausted("too many calls at once");
        }

        call.Begin(frame.CallId, (int)frame.Total);
        _calls.Add(frame.CallId, call);
        HeldBytes += frame.Total;
        return new InboundStep(call, 0);
    }

    private InboundStep OnChunk(in RpcFrame frame)
    {
        if (frame.CallId > _highest)
        {
            throw RpcFrame.Violation(EndReason.UnexpectedMessage, $"a part of call {frame.CallId}, which has not begun");
        }

        if (!_calls.TryGetValue(frame.CallId, out ServerCall? call))
        {
            return default; // refused or cancelled while its parts were on their way
        }

        if (call.Received == call.RequestBytes || frame.Length > call.RequestBytes - call.Received)
        {
            throw RpcFrame.Violation(EndReason.MessageTooLarge, $"more than the {call.RequestBytes} bytes that call {frame.CallId} announced");
        }

        return new InboundStep(call, call.Received);
    }

    private static InboundStep Exhausted(string text) => new(null, 0, RpcStatus.ResourceExhausted, text);
}
