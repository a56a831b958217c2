using System.Buffers;
using System.IO.Pipelines;
using Akka.Actor;
using Akka.Remote.Transport;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Remoting;

/// <summary>One association over one stream: a reader that judges frames, a writer that empties a bounded queue.</summary>
/// <remarks>
/// Owns the stream. The reader gives nothing to Akka before Akka's handler is there; <c>Disassociated</c> is told exactly once, after which
/// nothing more is told. Closing flushes what was queued, within a limit; closing twice is harmless.
/// </remarks>
internal sealed class P2PAssociation : AssociationHandle, IDisposable
{
    /// <summary>Small frames are put together up to this size, one write of the stream each.</summary>
    private const int CoalesceBytes = 32 * 1024;

    private readonly P2PTransportSetup _setup;
    private readonly ILogger _log;
    private readonly PeerStream _stream;
    private readonly PipeReader _reader;
    private readonly OutboundQueue _queue;
    private readonly FrameFirewall _firewall;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _start;
    private readonly CancellationTokenRegistration _stopRegistration;
    private InboundPace _pace;
    private byte[]? _handshake;
    private EndReason _reason;
    private int _refused;
    private Task _run = Task.CompletedTask;

    /// <param name="setup">Of the transport.</param>
    /// <param name="log">Of the transport.</param>
    /// <param name="stream">Owned from now on.</param>
    /// <param name="local">This node's address.</param>
    /// <param name="remote">The peer's address.</param>
    /// <param name="stopping">Closes the association when the transport stops.</param>
    public P2PAssociation(
        P2PTransportSetup setup, ILogger log, PeerStream stream, Address local, Address remote, CancellationToken stopping)
        : base(local, remote)
    {
        _setup = setup;
        _log = log;
        _stream = stream;
        _reader = PipeReader.Create(stream, new StreamPipeReaderOptions(leaveOpen: true));
        _queue = new OutboundQueue(setup.Options.MaxQueuedBytes, setup.Options.MaxQueuedFrames);
        _firewall = new FrameFirewall(setup.Rules, setup.Streams.LocalPeer, stream.RemotePeer);
        _pace = new InboundPace(setup.Options.MaxInboundBytesPerSecond);
        _start = setup.Time.GetTimestamp();
        _stopRegistration = stopping.Register(BeginClose);
    }

    /// <summary>Raised once, when the association is over.</summary>
    public event Action<P2PAssociation>? Closed;

    /// <summary>Ends, without error, when loops and stream are done with.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Reads and checks the first frame of a stream that the peer opened, before Akka hears of it.</summary>
    /// <returns>False when the peer is not who it claims to be, sent something else, or took too long.</returns>
    public async Task<bool> TryReadHandshakeAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(_setup.Options.HandshakeLimit, _setup.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            _handshake = await ReadFrameAsync(either.Token);
            return _handshake is not null && JudgeHandshake(_handshake);
        }
        catch (Exception e) when (IsEnd(e))
        {
            _reason = limit.IsCancellationRequested ? EndReason.Timeout : ReadFailed(e);
            return false;
        }
    }

    /// <summary>Starts both loops.</summary>
    public void Start()
    {
        _setup.Counters.CountOpened();
        _log.AssociationOpened(_stream.RemotePeer.ToShortString());
        _run = RunThenFinishAsync();
    }

    /// <summary>Ends an association that was never started.</summary>
    public void Abandon()
    {
        _stream.Reset(_reason == EndReason.None ? EndReason.ClosedLocally : _reason);
        Finish();
    }

    /// <summary>Queues a frame.</summary>
    /// <returns>False when the queue is full or the association closing: not sent, Akka keeps it.</returns>
    public override bool Write(ByteString payload)
    {
        bool taken = _queue.TryEnqueue(payload);
        if (!taken)
        {
            _setup.Counters.CountRefusedWrite();
        }

        return taken;
    }

    /// <summary>Closes the association after what is queued was sent; returns at once.</summary>
    [Obsolete("Akka's own signature; overridden so that both forms do the same.")]
    public override void Disassociate() => BeginClose();

    /// <summary>Closes the association after what is queued was sent; returns at once. Harmless when repeated.</summary>
    public void BeginClose() => _closing.TrySetResult();

    /// <summary>Called when both loops are over.</summary>
    public void Dispose()
    {
        _stopRegistration.Dispose();
        _stream.Dispose();
        _stop.Dispose();
    }

    private async Task RunThenFinishAsync()
    {
        try
        {
            await RunAsync();
        }
        catch (Exception e)
        {
            _log.AssociationFailed(e, _stream.RemotePeer.ToShortString());
        }
        finally
        {
            Finish();
        }
    }

    private async Task RunAsync()
    {
        Task<EndReason> writer = WriteLoopAsync();
        Task<EndReason> reader = ReadLoopAsync();
        Task first = await Task.WhenAny(writer, reader, _closing.Task);
        _queue.Complete();
        if (first != reader)
        {
            await Task.WhenAny(writer, Task.Delay(_setup.Options.FlushLimit, _setup.Time));
        }

        await CloseStreamAsync(writer);
        await _stop.CancelAsync();
        EndReason[] ends = await Task.WhenAll(writer, reader);
        EndReason why = first == _closing.Task ? EndReason.ClosedLocally : first == reader ? ends[1] : ends[0];
        _log.AssociationClosed(_stream.RemotePeer.ToShortString(), why);
        await TellDisassociatedAsync();
    }

    private async Task CloseStreamAsync(Task writer)
    {
        if (_reason >= EndReason.MalformedMessage)
        {
            _stream.Reset(_reason);
            return;
        }

        try
        {
            if (writer.IsCompletedSuccessfully && _reason < EndReason.LinkLost)
            {
                using CancellationTokenSource limit = new(_setup.Options.FlushLimit, _setup.Time);
                await _stream.CloseWriteAsync(limit.Token);
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            _reason = ReasonOf(e);
        }
    }

    private async Task<EndReason> WriteLoopAsync()
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CoalesceBytes);
        try
        {
            while (await _queue.WaitAsync(_stop.Token))
            {
                int used;
                while ((used = _queue.Take(buffer.AsSpan(0, CoalesceBytes), out int frames, out ByteString? large)) > 0)
                {
                    await _stream.WriteAsync(buffer.AsMemory(0, used), _stop.Token);
                    if (large is not null)
                    {
                        await _stream.WriteAsync(large.Memory, _stop.Token);
                    }

                    int bytes = used + (large?.Length ?? 0);
                    _queue.Release(bytes - (frames * FrameCodec.PrefixBytes));
                    _setup.Counters.CountOut(frames, bytes);
                }

                await _stream.FlushAsync(_stop.Token);
            }

            return EndReason.Completed;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return ReasonOf(e);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    private async Task<EndReason> ReadLoopAsync()
    {
        try
        {
            IHandleEventListener listener = await ReadHandlerSource.Task.WaitAsync(_stop.Token);
            bool handshaken = _handshake is not null;
            if (handshaken)
            {
                Tell(listener, _handshake!);
            }

            while (await ReadFrameAsync(_stop.Token) is { } frame)
            {
                if (!handshaken && !JudgeHandshake(frame))
                {
                    return _reason;
                }

                FrameVerdict verdict = handshaken ? Judge(frame) : FrameVerdict.Pass;
                if (verdict is FrameVerdict.Malformed or FrameVerdict.UnexpectedHandshake)
                {
                    return _reason = EndReason.MalformedMessage; // not Akka at the other end
                }

                if (verdict == FrameVerdict.Pass)
                {
                    Tell(listener, frame);
                }

                handshaken = true;
            }

            return EndReason.ClosedByRemote;
        }
        catch (Exception e) when (IsEnd(e))
        {
            return _reason = ReadFailed(e);
        }
    }

    private EndReason ReadFailed(Exception e)
    {
        EndReason reason = ReasonOf(e);
        if (e is ProtocolViolationException)
        {
            _setup.Streams.Penalize(_stream.RemotePeer, reason);
        }

        return reason;
    }

    /// <summary>The next frame, in memory of its own; null at the end of the stream.</summary>
    private async ValueTask<byte[]?> ReadFrameAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            ReadResult read = await _reader.ReadAsync(cancellationToken);
            ReadOnlySequence<byte> buffer = read.Buffer;
            if (FrameCodec.TryRead(ref buffer, _setup.Options.MaxFrameBytes, out ReadOnlySequence<byte> body))
            {
                byte[] frame = body.ToArray(); // Akka keeps it
                _reader.AdvanceTo(buffer.Start);
                await PaceAsync(frame.Length, cancellationToken);
                return frame;
            }

            _reader.AdvanceTo(buffer.Start, buffer.End);
            if (read.IsCompleted)
            {
                return null;
            }
        }
    }

    private async ValueTask PaceAsync(int bytes, CancellationToken cancellationToken)
    {
        _setup.Counters.CountIn(bytes);
        TimeSpan wait = _pace.Take(bytes, _setup.Time.GetElapsedTime(_start));
        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, _setup.Time, cancellationToken);
        }
    }

    private static void Tell(IHandleEventListener listener, byte[] frame) =>
        listener.Notify(new InboundPayload(UnsafeByteOperations.UnsafeWrap(frame)));

    private bool JudgeHandshake(byte[] frame)
    {
        FrameVerdict verdict = _setup.OriginCheckEnabled ? _firewall.InspectHandshake(frame) : FrameVerdict.Pass;
        if (verdict == FrameVerdict.Pass)
        {
            AkkaPdu pdu = AkkaPdu.Read(frame);
            if (pdu.Kind == AkkaPduKind.Associate)
            {
                _setup.OnIncarnation?.Invoke(_stream.RemotePeer, pdu.Uid);
            }

            return true;
        }

        _reason = verdict == FrameVerdict.ForeignClaim ? EndReason.AuthenticationFailed : EndReason.UnexpectedMessage;
        _setup.Counters.CountRefusedOrigin();
        _setup.Streams.Penalize(_stream.RemotePeer, _reason);
        _log.HandshakeRefused(_stream.RemotePeer.ToString(), verdict);
        return false;
    }

    private FrameVerdict Judge(byte[] frame)
    {
        _setup.OnFrame?.Invoke(frame);
        FrameVerdict verdict = _setup.FirewallEnabled ? _firewall.Inspect(frame) : FrameVerdict.Pass;
        if (verdict == FrameVerdict.Pass)
        {
            return verdict;
        }

        _setup.Counters.CountRefusedFrame();
        _setup.Streams.Penalize(_stream.RemotePeer, verdict == FrameVerdict.Malformed ? EndReason.MalformedMessage : EndReason.UnexpectedMessage);
        if (int.IsPow2(++_refused)) // the 1st, 2nd, 4th, 8th …: a flood must not fill the log
        {
            _log.FrameRefused(_stream.RemotePeer.ToString(), verdict, _refused);
        }

        _setup.OnRefused?.Invoke(verdict, frame);
        return verdict;
    }

    private async Task TellDisassociatedAsync()
    {
        if (ReadHandlerSource.Task.IsCompletedSuccessfully)
        {
            IHandleEventListener listener = await ReadHandlerSource.Task;
            listener.Notify(new Disassociated(DisassociateInfo.Unknown));
        }
        else
        {
            ReadHandlerSource.TrySetCanceled();
        }
    }

    private void Finish()
    {
        _queue.Complete();
        _reader.Complete();
        Dispose();
        Closed?.Invoke(this);
        _completion.TrySetResult();
    }

    private static bool IsEnd(Exception e) =>
        e is IOException or OperationCanceledException or ProtocolViolationException or ObjectDisposedException;

    private static EndReason ReasonOf(Exception e) => e switch
    {
        ProtocolViolationException violation => violation.Reason,
        OperationCanceledException => EndReason.ClosedLocally,
        _ => EndReason.LinkLost,
    };
}
