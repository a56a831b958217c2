using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>A stream that carries many unary calls of one caller to one callee: the loops that both ends have in common.</summary>
/// <remarks>The reader loop takes a frame, lets the end decide where its body goes, and fills it in. Never waits for a handler or a caller.</remarks>
internal abstract class RpcLane
{
    private readonly PeerStream _stream;
    private readonly RpcFrameReader _reader;

    protected RpcLane(PeerStream stream, RpcFrameReader reader, RpcOptions options, TimeProvider time)
    {
        _stream = stream;
        _reader = reader;
        Options = options;
        Time = time;
        Writer = new RpcWriter(stream, options.MaxQueuedControlBytes);
        Deadlines = new RpcDeadlines(time, Sweep);
    }

    public PeerId Peer => _stream.RemotePeer;

    protected Lock Gate { get; } = new();

    protected RpcOptions Options { get; }

    protected TimeProvider Time { get; }

    protected RpcWriter Writer { get; }

    protected RpcDeadlines Deadlines { get; }

    /// <summary>Set once, under the gate: why the lane takes no more calls.</summary>
    protected Exception? Ended { get; private set; }

    /// <summary>Reads and writes until the remote closes, the stream breaks or <see cref="Stop"/> is called.</summary>
    /// <exception cref="ProtocolViolationException">The remote broke a rule; the stream is reset.</exception>
    public async Task RunAsync()
    {
        Task writing = WriteAsync();
        Exception end = new IOException("the peer closed the stream");
        try
        {
            await ReadAsync().ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            end = violation;
            _stream.Reset(violation.Reason);
            throw;
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            end = error;
        }
        finally
        {
            End(end);
            _stream.Reset(EndReason.ClosedLocally);
            await writing.ConfigureAwait(false);
            Writer.ReturnBuffers();
            Deadlines.Dispose();
            _reader.Dispose();
        }
    }

    /// <summary>Ends the loops by breaking the stream.</summary>
    public void Stop(EndReason reason) => _stream.Reset(reason);

    /// <summary>Decides about a part of a request or response.</summary>
    /// <returns>Where it goes; null: it is read and dropped. The loop holds a reference until <see cref="EndPart"/>.</returns>
    protected abstract RpcBuffer? BeginPart(in RpcFrame frame, out int offset);

    /// <summary>The part is in its place.</summary>
    protected abstract void EndPart(in RpcFrame frame, RpcBuffer buffer);

    /// <summary>Any other frame, with its whole body.</summary>
    protected abstract void OnControl(in RpcFrame frame, ReadOnlySpan<byte> body);

    /// <summary>Ends calls whose time is over.</summary>
    protected abstract void Sweep();

    /// <summary>The lane is over: lets go of every call. Called once, without the gate.</summary>
    protected abstract void OnEnded(Exception reason);

    private async Task WriteAsync()
    {
        try
        {
            await Writer.RunAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or OperationCanceledException)
        {
            End(error);
            _stream.Reset(EndReason.LinkLost);
        }
    }

    private async Task ReadAsync()
    {
        while (await _reader.WaitHeaderAsync(CancellationToken.None).ConfigureAwait(false))
        {
            RpcFrame frame = _reader.TakeHeader();
            if (frame.IsPart)
            {
                await ReadPartAsync(frame).ConfigureAwait(false);
            }
            else if (await _reader.WaitBodyAsync((int)frame.Length, CancellationToken.None).ConfigureAwait(false))
            {
                OnControl(frame, _reader.Take((int)frame.Length));
            }
        }
    }

    private ValueTask ReadPartAsync(in RpcFrame frame)
    {
        RpcBuffer? buffer = BeginPart(frame, out int offset);
        int length = (int)frame.Length;
        if (buffer is null)
        {
            return _reader.SkipAsync(length, CancellationToken.None);
        }

        if (_reader.Buffered < length)
        {
            return ReadLongPartAsync(frame, buffer, offset);
        }

        _reader.Take(length).CopyTo(buffer.Span[offset..]);
        FinishPart(frame, buffer);
        return ValueTask.CompletedTask;
    }

    private async ValueTask ReadLongPartAsync(RpcFrame frame, RpcBuffer buffer, int offset)
    {
        bool finished = false;
        try
        {
            await _reader.ReadAllAsync(buffer.Memory.Slice(offset, (int)frame.Length), CancellationToken.None).ConfigureAwait(false);
            finished = true;
            FinishPart(frame, buffer);
        }
        finally
        {
            if (!finished)
            {
                buffer.Release();
            }
        }
    }

    private void FinishPart(in RpcFrame frame, RpcBuffer buffer)
    {
        try
        {
            EndPart(frame, buffer);
        }
        finally
        {
            buffer.Release();
        }
    }

    private void End(Exception reason)
    {
        lock (Gate)
        {
            if (Ended is not null)
            {
                return;
            }

            Ended = reason;
        }

        Writer.Close();
        OnEnded(reason);
    }
}
