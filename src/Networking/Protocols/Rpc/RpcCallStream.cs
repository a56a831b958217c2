using System.Runtime.CompilerServices;
using System.Text;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>A stream that carries one streamed call after another. Knows frames, not calls.</summary>
/// <remarks>
/// Between two bodies a header is always awaited (<see cref="LookAhead"/>), so that an early refusal or the loss of the peer is noticed by a
/// side that only writes, or only works. One reader and one writer at a time.
/// </remarks>
internal sealed class RpcCallStream(PeerStream stream, RpcFrameReader reader)
{
    private const int HeadBytes = 2048;

    /// <summary>Longest body that is copied to share a write with its header.</summary>
    private const int SmallBytes = 1024;

    private readonly byte[] _head = new byte[HeadBytes];
    private int _headLength;
    private ValueTask<RpcFrame?> _ahead;
    private bool _isAhead;
    private CancellationTokenRegistration _supersession;

    public PeerId Peer => stream.RemotePeer;

    /// <summary>A better connection with the peer is up: for this call it will do, for the next there is a better one.</summary>
    public bool IsSuperseded => stream.Superseded.IsCancellationRequested;

    /// <summary>The text of the Failure that was read last.</summary>
    public string Text { get; private set; } = "";

    /// <summary>Hears of each awaited header when it arrives (null: the remote closed), and of the exception that came instead.</summary>
    public Action<RpcFrame?, Exception?>? OnAhead { get; set; }

    /// <summary>The awaited header, or the end, is there.</summary>
    public bool HasAhead => _isAhead && _ahead.IsCompleted;

    /// <summary>Tells when a better connection is up, until the stream is broken.</summary>
    public void WhenSuperseded(Action act) => _supersession = stream.Superseded.UnsafeRegister(static act => ((Action)act!)(), act);

    /// <summary>Starts to await the next header. The body before it must have been read whole.</summary>
    public void LookAhead()
    {
        _isAhead = true;
#pragma warning disable CA2012 // kept until TakeAheadAsync hands it out, which it does once
        _ahead = ReadAheadAsync();
#pragma warning restore CA2012
    }

    /// <summary>The awaited header; null when the remote closed. Once for each <see cref="LookAhead"/>.</summary>
    public ValueTask<RpcFrame?> TakeAheadAsync()
    {
        if (!_isAhead)
        {
            throw new InvalidOperationException("one reader at a time, and none after the call has ended");
        }

        _isAhead = false;
        return _ahead;
    }

    /// <summary>Some bytes of a message's body.</summary>
    public ValueTask<int> ReadSomeAsync(Memory<byte> destination) => reader.ReadSomeAsync(destination, CancellationToken.None);

    /// <summary>The rest of a message's body, dropped.</summary>
    public ValueTask SkipAsync(long length) => reader.SkipAsync(length, CancellationToken.None);

    /// <summary>The name in an Open frame that was just read.</summary>
    /// <exception cref="ProtocolViolationException">Not a method name.</exception>
    public async ValueTask<string> ReadNameAsync(RpcFrame open, CancellationToken cancellationToken)
    {
        if (!await reader.WaitBodyAsync((int)open.Length, cancellationToken).ConfigureAwait(false))
        {
            throw new EndOfStreamException("the stream ended within a frame");
        }

        return RpcFrame.TryReadName(reader.Take((int)open.Length), out string name)
            ? name
            : throw RpcFrame.Violation(EndReason.MalformedMessage, "a method name that is not visible ASCII");
    }

    /// <summary>Writes the frame that begins a call.</summary>
    public ValueTask WriteOpenAsync(string method, uint timeoutMs)
    {
        AppendHeader(new RpcFrame(RpcFrameKind.Open, 0, (uint)method.Length, 0, 0, timeoutMs));
        _headLength += Encoding.ASCII.GetBytes(method, _head.AsSpan(_headLength));
        return FlushAsync();
    }

    /// <summary>Writes a message: a long body straight from the caller's memory.</summary>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteMessageAsync(ReadOnlyMemory<byte> body)
    {
        AppendHeader(new RpcFrame(RpcFrameKind.Message, 0, (uint)body.Length, 0, 0, 0));
        if (body.Length <= SmallBytes)
        {
            body.Span.CopyTo(_head.AsSpan(_headLength));
            _headLength += body.Length;
            body = default;
        }

        await FlushAsync().ConfigureAwait(false);
        if (body.Length > 0)
        {
            await stream.WriteAsync(body, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <summary>Writes End.</summary>
    public ValueTask WriteEndAsync()
    {
        AppendHeader(new RpcFrame(RpcFrameKind.End, 0, 0, 0, 0, 0));
        return FlushAsync();
    }

    /// <summary>Writes how the call failed.</summary>
    public ValueTask WriteFailureAsync(RpcException failure)
    {
        byte[] text = RpcFrame.ToText(failure.Message);
        AppendHeader(new RpcFrame(RpcFrameKind.Failure, (ushort)failure.Status, (uint)text.Length, 0, 0, 0));
        text.CopyTo(_head, _headLength);
        _headLength += text.Length;
        return FlushAsync();
    }

    /// <summary>Breaks the stream.</summary>
    public void Reset(EndReason reason)
    {
        _supersession.Unregister();
        stream.Reset(reason);
    }

    /// <summary>Breaks the stream and lets go of it.</summary>
    public ValueTask CloseAsync(EndReason reason)
    {
        OnAhead = null;
        Reset(reason);
        return stream.DisposeAsync();
    }

    private ValueTask FlushAsync()
    {
        int length = _headLength;
        _headLength = 0;
        return length == 0 ? ValueTask.CompletedTask : stream.WriteAsync(_head.AsMemory(0, length), CancellationToken.None);
    }

    private void AppendHeader(in RpcFrame frame)
    {
        frame.Write(_head.AsSpan(_headLength));
        _headLength += RpcFrame.HeaderBytes;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    private async ValueTask<RpcFrame?> ReadAheadAsync()
    {
        try
        {
            RpcFrame? frame = null;
            if (await reader.WaitHeaderAsync(CancellationToken.None).ConfigureAwait(false))
            {
                frame = reader.TakeHeader();
                await ReadTextAsync(frame.Value).ConfigureAwait(false);
            }

            OnAhead?.Invoke(frame, null);
            return frame;
        }
        catch (Exception error) when (error is IOException or ProtocolViolationException)
        {
            reader.Dispose(); // nothing can be read any more
            OnAhead?.Invoke(null, error);
            throw;
        }
    }

    private async ValueTask ReadTextAsync(RpcFrame frame)
    {
        if (frame.Kind == RpcFrameKind.Failure)
        {
            if (!await reader.WaitBodyAsync((int)frame.Length, CancellationToken.None).ConfigureAwait(false))
            {
                throw new EndOfStreamException("the stream ended within a frame");
            }

            Text = RpcFrame.CleanText(reader.Take((int)frame.Length));
        }
    }
}
