namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>A request or response on its way out, in parts of at most <see cref="RpcFrame.MaxChunkBytes"/>. Its state belongs to the writer's gate.</summary>
internal abstract class RpcSend
{
    private ReadOnlyMemory<byte> _body;
    private uint _total;
    private uint _timeoutMs;
    private ushort _code;
    private RpcFrameKind _first;

    /// <summary>The call that it belongs to.</summary>
    public ulong CallId { get; protected set; }

    /// <summary>The first part has left.</summary>
    public bool IsStarted { get; private set; }

    /// <summary>The last part has left: the body's memory is no longer needed.</summary>
    public bool IsSent { get; private set; }

    /// <summary>Neighbours in the queue that holds it, and that queue.</summary>
    internal RpcSend? Next { get; set; }

    internal RpcSend? Previous { get; set; }

    internal RpcSendQueue? Queue { get; set; }

    /// <summary>The last part was copied out of a queue, or the writer closed before. Called without the gate; not called when it was sent at once.</summary>
    public abstract void OnSent();

    /// <summary>Bytes of the next frame, header included.</summary>
    public int NextBytes => RpcFrame.HeaderBytes + Math.Min(_body.Length, RpcFrame.MaxChunkBytes);

    /// <summary>Writes the next frame, <see cref="NextBytes"/> long.</summary>
    public void WriteNext(Span<byte> destination)
    {
        ReadOnlySpan<byte> part = _body.Span[..(NextBytes - RpcFrame.HeaderBytes)];
        RpcFrame frame = IsStarted
            ? new RpcFrame(RpcFrameKind.Chunk, 0, (uint)part.Length, CallId, 0, 0)
            : new RpcFrame(_first, _code, (uint)part.Length, CallId, _total, _timeoutMs);
        frame.Write(destination);
        part.CopyTo(destination[RpcFrame.HeaderBytes..]);
        _body = _body[part.Length..];
        IsStarted = true;
        IsSent = _body.IsEmpty;
    }

    /// <summary>Sets what to send.</summary>
    protected void Load(RpcFrameKind first, ushort code, uint timeoutMs, ReadOnlyMemory<byte> body)
    {
        _first = first;
        _code = code;
        _timeoutMs = timeoutMs;
        _body = body;
        _total = (uint)body.Length;
        IsStarted = false;
        IsSent = false;
    }

    /// <summary>Forgets the body.</summary>
    protected void Unload() => _body = default;
}
