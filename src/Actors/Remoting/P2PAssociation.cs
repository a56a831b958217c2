using System.Buffers;
using System.Threading.Channels;
using Akka.Actor;
using Akka.Remote.Transport;
using Google.Protobuf;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Remoting;

/// <summary>One association over one stream after another: a reader that judges frames, a writer that empties a bounded queue.</summary>
/// <remarks>
/// A stream that breaks, or that a better path supersedes, is replaced by its opener within <see cref="P2PTransportOptions.ResumeLimit"/>;
/// <see cref="AssociationLedger"/> sees to it that each frame arrives once and in order all the same, so Akka notices nothing. Owns its
/// streams. The reader gives nothing to Akka before Akka's handler is there; <c>Disassociated</c> is told exactly once, after which nothing more is
/// told. Closing flushes what was queued, and waits until the peer has read it, within a limit; closing twice is harmless.
/// </remarks>
internal sealed class P2PAssociation : AssociationHandle, IDisposable
{
    /// <summary>Small frames are put together up to this size, one write of the stream each.</summary>
    private const int CoalesceBytes = 32 * 1024;

    private readonly P2PTransportSetup _setup;
    private readonly ILogger _log;
    private readonly bool _isOpener;
    private readonly AssociationLedger _ledger;
    private readonly ResumePlan _plan;
    private readonly FrameFirewall _firewall;
    private readonly Channel<bool> _work = Channel.CreateBounded<bool>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite, SingleReader = true }); // "there may be something to send"

    private readonly Channel<Successor> _offers = Channel.CreateBounded<Successor>(
        new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropOldest },
        static outdated => outdated.Stream.End(EndReason.ClosedLocally)); // the opener has given that one up

    private readonly TaskCompletionSource _closing = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _completion = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly long _start;
    private readonly CancellationTokenRegistration _stopRegistration;
    private AssociationStream _stream;
    private InboundPace _pace;
    private byte[]? _handshake;
    private bool _handshaken;
    private volatile EndReason _reason;
    private volatile bool _waits;
    private long _uid;
    private long _fullSince;
    private int _refused;
    private Task _run = Task.CompletedTask;

    /// <param name="setup">Of the transport.</param>
    /// <param name="log">Of the transport.</param>
    /// <param name="id">The association's, chosen by its opener.</param>
    /// <param name="isOpener">This side opened it, and opens its further streams.</param>
    /// <param name="stream">The first stream; owned from now on.</param>
    /// <param name="local">This node's address.</param>
    /// <param name="remote">The peer's address.</param>
    /// <param name="stopping">Closes the association when the transport stops.</param>
    public P2PAssociation(
        P2PTransportSetup setup,
        ILogger log,
        AssociationId id,
        bool isOpener,
        AssociationStream stream,
        Address local,
        Address remote,
        CancellationToken stopping)
        : base(local, remote)
    {
        _setup = setup;
        _log = log;
        Id = id;
        _isOpener = isOpener;
        _stream = stream;
        Peer = stream.RemotePeer;
        _ledger = new AssociationLedger(setup.Options.MaxQueuedBytes, setup.Options.MaxQueuedFrames);
        _plan = new ResumePlan(setup.Options.ResumeLimit, setup.Options.MaxResumePause, new Random(id.GetHashCode()));
        _firewall = new FrameFirewall(setup.Rules, setup.Streams.LocalPeer, Peer);
        _pace = new InboundPace(setup.Options.MaxInboundBytesPerSecond);
        _start = setup.Time.GetTimestamp();
        _stopRegistration = stopping.Register(BeginClose);
    }

    /// <summary>Raised once, when the association is over.</summary>
    public event Action<P2PAssociation>? Closed;

    /// <summary>Raised when the peer has named itself and the number of its actor system, and was believed.</summary>
    public event Action<P2PAssociation, long>? Named;

    /// <summary>What it is called when it goes on over another stream.</summary>
    public AssociationId Id { get; }

    /// <summary>Whom it is with.</summary>
    public PeerId Peer { get; }

    /// <summary>It has no stream at present.</summary>
    public bool IsWaiting => _waits;

    /// <summary>Ends, without error, when loops and streams are done with.</summary>
    public Task Completion => _completion.Task;

    /// <summary>Reads and checks the first frame that the opener sent, before Akka hears of it.</summary>
    /// <returns>False when the peer is not who it claims to be, sent something else, or took too long.</returns>
    public async Task<bool> TryReadHandshakeAsync(CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(_setup.Options.HandshakeLimit, _setup.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            if (await _stream.ReadAsync(either.Token) is not { } frame)
            {
                _reason = EndReason.ClosedByRemote;
                return false;
            }

            _handshake = frame.Data;
            _handshaken = frame.Kind == FrameKind.Data ? JudgeHandshake(frame.Data) : Violate(EndReason.UnexpectedMessage);
            return _handshaken;
        }
        catch (Exception e) when (IsEnd(e))
        {
            _reason = limit.IsCancellationRequested ? EndReason.Timeout : ReadFailed(e);
            return false;
        }
    }

    /// <summary>Starts to carry frames.</summary>
    public void Start()
    {
        _setup.Counters.CountOpened();
        _log.AssociationOpened(Peer.ToShortString());
        _run = RunThenFinishAsync();
    }

    /// <summary>Ends an association that was never started.</summary>
    public void Abandon() => Finish();

    /// <summary>Queues a frame.</summary>
    /// <returns>False when the queue is full or the association closing: not sent, Akka keeps it.</returns>
    public override bool Write(ByteString payload)
    {
        if (_ledger.TryEnqueue(payload))
        {
            _work.Writer.TryWrite(true);
            return true;
        }

        _setup.Counters.CountRefusedWrite();
        EndIfNothingIsAcknowledged();
        return false;
    }

    /// <summary>Closes the association after what is queued was sent and read; returns at once.</summary>
    [Obsolete("Akka's own signature; overridden so that both forms do the same.")]
    public override void Disassociate() => BeginClose();

    /// <summary>Closes the association after what is queued was sent and read; returns at once. Harmless when repeated.</summary>
    public void BeginClose() => _closing.TrySetResult();

    /// <summary>Closes the association if the peer's actor system is another one by now: what it carried has nobody to go to.</summary>
    public void EndIfNot(long uid)
    {
        long mine = Interlocked.Read(ref _uid);
        if (mine != 0 && mine != uid)
        {
            _reason = EndReason.ClosedLocally; // nobody is left to read what was queued
            BeginClose();
        }
    }

    /// <summary>Offers the next stream, on which the peer has asked to go on.</summary>
    /// <param name="stream">Owned by the association when null is returned.</param>
    /// <param name="expected">All frames below this the peer has.</param>
    /// <returns>Why not; null when it was taken.</returns>
    public ResumeRefusal? TryOffer(AssociationStream stream, ulong expected) =>
        !_ledger.CanRewind(expected) ? ResumeRefusal.OutOfRange
        : _closing.Task.IsCompleted || !_offers.Writer.TryWrite(new Successor(stream, expected)) ? ResumeRefusal.Unknown
        : null;

    /// <summary>Called when nothing is carried any more.</summary>
    public void Dispose()
    {
        _stopRegistration.Dispose();
        _stream.End(_reason);
    }

    private async Task RunThenFinishAsync()
    {
        try
        {
            EndReason why = await RunAsync();
            if (why is not (EndReason.ClosedLocally or EndReason.ClosedByRemote))
            {
                _setup.Counters.CountLost();
            }

            _log.AssociationClosed(Peer.ToShortString(), why);
            await TellDisassociatedAsync();
        }
        catch (Exception e)
        {
            _log.AssociationFailed(e, Peer.ToShortString());
        }
        finally
        {
            Finish();
        }
    }

    /// <summary>Carries frames over one stream after another.</summary>
    /// <returns>Why the association is over.</returns>
    private async Task<EndReason> RunAsync()
    {
        while (true)
        {
            (EndReason why, Successor? next) = await CarryAsync();
            if (_reason != EndReason.None)
            {
                return _reason;
            }

            AssociationStream? stream = next is not null && await TryAdoptAsync(next, CancellationToken.None) ? next.Stream : null;
            _stream.End(EndReason.ClosedLocally);
            if ((stream ?? await ResumeAsync(why)) is not { } adopted)
            {
                return _reason != EndReason.None ? _reason : _closing.Task.IsCompleted ? EndReason.ClosedLocally : why;
            }

            _stream = adopted;
            GoOn();
        }
    }

    private void GoOn()
    {
        TimeSpan took = _plan.Resumed(Now);
        _waits = false;
        Interlocked.Exchange(ref _fullSince, 0);
        _setup.Counters.CountResumed();
        _log.LinkResumed(Peer.ToShortString(), took);
    }

    /// <summary>Carries frames over the present stream, until the association is over (<see cref="_reason"/>), it breaks, or another takes its place.</summary>
    private async Task<(EndReason Why, Successor? Next)> CarryAsync()
    {
        using CancellationTokenSource stop = new();
        Task<EndReason> writer = WriteLoopAsync(stop.Token);
        Task<EndReason> reader = ReadLoopAsync(stop.Token);
        Task<Successor?> successor = _isOpener ? MoveAsync(stop.Token) : OfferAsync(stop.Token);
        Task first = await Task.WhenAny(writer, reader, successor, _closing.Task);
        if (first == _closing.Task)
        {
            _ledger.Complete();
            _work.Writer.TryWrite(true);
            // The peer gives the stream up when it has read all. Whoever goes first may break what is still on its way: the last words of a leave.
            Task taken = _reason == EndReason.None ? Task.WhenAll(writer, reader) : writer;
            await Task.WhenAny(taken, Task.Delay(_setup.Options.FlushLimit, _setup.Time));
        }

        await stop.CancelAsync();
        EndReason[] ends = await Task.WhenAll(writer, reader);
        Successor? next = await successor;
        EndReason why = first == writer ? ends[0] : ends[1];
        if (_reason == EndReason.None && (first == _closing.Task || why == EndReason.ClosedByRemote))
        {
            _reason = first == _closing.Task ? EndReason.ClosedLocally : EndReason.ClosedByRemote;
        }

        if (_reason != EndReason.None)
        {
            next?.Stream.End(_reason);
        }

        return (why, next);
    }

    /// <summary>Finds the next stream after a break: the opener opens one, the other side waits for it.</summary>
    /// <returns>Null when the association is over.</returns>
    private async Task<AssociationStream?> ResumeAsync(EndReason why)
    {
        if (_reason != EndReason.None)
        {
            return null;
        }

        _waits = true;
        _plan.Broke(Now);
        _setup.Counters.CountBroken();
        _log.LinkBroken(Peer.ToShortString(), why);
        using CancellationTokenSource limit = new(_plan.Left(Now), _setup.Time);
        Task<AssociationStream?> trying = TryUntilAsync(limit.Token);
        if (await Task.WhenAny(trying, _closing.Task) != trying)
        {
            await limit.CancelAsync();
        }

        return await trying;
    }

    private async Task<AssociationStream?> TryUntilAsync(CancellationToken limit)
    {
        while (!limit.IsCancellationRequested && _reason == EndReason.None)
        {
            Successor? next = _isOpener ? await OpenNextAsync(limit) : await OfferAsync(limit);
            if (next is not null && await TryAdoptAsync(next, limit))
            {
                return next.Stream;
            }
        }

        return null;
    }

    /// <summary>Agrees with the peer on where both go on.</summary>
    /// <returns>False when not on this stream, which is then ended; with <see cref="_reason"/> set, on none.</returns>
    private async Task<bool> TryAdoptAsync(Successor next, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(_setup.Options.ResumeAnswerLimit, _setup.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            if (next.Expected is { } expected ? await AnswerAsync(next.Stream, expected, either.Token) : await AskAsync(next.Stream, either.Token))
            {
                return true;
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            if (ReadFailed(e) is var reason and >= EndReason.MalformedMessage)
            {
                _reason = reason;
            }
        }

        _plan.Failed();
        next.Stream.End(_reason);
        return false;
    }

    private async Task<bool> AnswerAsync(AssociationStream stream, ulong expected, CancellationToken cancellationToken)
    {
        if (!_ledger.TryRewind(expected))
        {
            return Violate(EndReason.UnexpectedMessage); // it was in range when it came: the peer has acknowledged more meanwhile than it says it has
        }

        await stream.AnswerResumedAsync(_ledger.AcknowledgeAll(), cancellationToken);
        return true;
    }

    private async Task<bool> AskAsync(AssociationStream stream, CancellationToken cancellationToken)
    {
        await stream.ResumeAsync(Id, _ledger.AcknowledgeAll(), cancellationToken);
        if (await stream.ReadAsync(cancellationToken) is not { } answer)
        {
            return false;
        }

        if (answer.Kind == FrameKind.Refused)
        {
            _reason = EndReason.LinkLost;
            _log.ResumeRefused(Peer.ToShortString(), answer.Refusal);
            return false;
        }

        return (answer.Kind == FrameKind.Resumed && _ledger.TryRewind(answer.Number)) || Violate(EndReason.UnexpectedMessage);
    }

    private async Task<Successor?> OpenNextAsync(CancellationToken cancellationToken)
    {
        try
        {
            await PauseAsync(_plan.Pause(), cancellationToken);
            return await OpenAsync(cancellationToken);
        }
        catch (Exception e) when (IsEnd(e))
        {
            _plan.Failed();
            return null;
        }
    }

    /// <summary>Waits, but not longer than until a connection with the peer is up: it may be the peer that can dial.</summary>
    private async Task PauseAsync(TimeSpan pause, CancellationToken cancellationToken)
    {
        if (pause == TimeSpan.Zero)
        {
            return;
        }

        TaskCompletionSource up = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _setup.Streams.PeerConnected += Note;
        try
        {
            await Task.WhenAny(up.Task, Task.Delay(pause, _setup.Time, cancellationToken));
        }
        finally
        {
            _setup.Streams.PeerConnected -= Note;
        }

        void Note(PeerId peer)
        {
            if (peer == Peer)
            {
                up.TrySetResult();
            }
        }
    }

    /// <summary>Waits for a better path and opens a stream over it, while the present stream still carries.</summary>
    private async Task<Successor?> MoveAsync(CancellationToken cancellationToken)
    {
        TaskCompletionSource told = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration better = _stream.Superseded.Register(told.SetResult);
        try
        {
            await told.Task.WaitAsync(cancellationToken);
            while (true)
            {
                try
                {
                    return await OpenAsync(cancellationToken);
                }
                catch (IOException)
                {
                    await Task.Delay(_setup.Options.ResumeLimit, _setup.Time, cancellationToken); // gone again; the present stream still carries
                }
            }
        }
        catch (Exception e) when (IsEnd(e))
        {
            return null;
        }
    }

    private async Task<Successor> OpenAsync(CancellationToken cancellationToken) => new(
        new AssociationStream(
            await _setup.Streams.OpenStreamAsync(Peer, P2PTransport.Protocol, cancellationToken), _setup.Options.MaxFrameBytes),
        Expected: null);

    private async Task<Successor?> OfferAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _offers.Reader.ReadAsync(cancellationToken);
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    private async Task<EndReason> WriteLoopAsync(CancellationToken stop)
    {
        byte[] buffer = ArrayPool<byte>.Shared.Rent(CoalesceBytes);
        try
        {
            while (true)
            {
                int used;
                bool wrote = false;
                while ((used = _ledger.Take(buffer.AsSpan(0, CoalesceBytes), out int frames, out ByteString? large)) > 0)
                {
                    wrote = true;
                    await _stream.WriteAsync(buffer.AsMemory(0, used), stop);
                    if (large is not null)
                    {
                        await _stream.WriteAsync(large.Memory, stop);
                    }

                    _setup.Counters.CountOut(frames, used + (large?.Length ?? 0));
                }

                if (wrote)
                {
                    await _stream.FlushAsync(stop);
                }

                if (_ledger.IsDrained)
                {
                    await _stream.CloseAsync(stop);
                    return EndReason.Completed;
                }

                await _work.Reader.ReadAsync(stop);
            }
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

    private async Task<EndReason> ReadLoopAsync(CancellationToken stop)
    {
        try
        {
            IHandleEventListener listener = await ReadHandlerSource.Task.WaitAsync(stop);
            if (_handshake is { } handshake)
            {
                _handshake = null;
                Take(handshake, listener);
            }

            while (await _stream.ReadAsync(stop) is { } frame)
            {
                if (frame.Kind == FrameKind.Close)
                {
                    return EndReason.ClosedByRemote;
                }

                if (!(frame.Kind == FrameKind.Data ? await TryPassAsync(frame.Data, listener, stop) : TryNoteAck(frame)))
                {
                    return _reason;
                }
            }

            return EndReason.LinkLost;
        }
        catch (Exception e) when (IsEnd(e))
        {
            EndReason reason = ReadFailed(e);
            if (reason >= EndReason.MalformedMessage)
            {
                _reason = reason;
            }

            return reason;
        }
    }

    private bool TryNoteAck(InboundFrame frame)
    {
        if (frame.Kind != FrameKind.Ack || !_ledger.TryAcknowledge(frame.Number))
        {
            return Violate(EndReason.UnexpectedMessage);
        }

        Interlocked.Exchange(ref _fullSince, 0);
        return true;
    }

    /// <summary>Judges a frame and gives it to Akka.</summary>
    /// <returns>False when there is no Akka at the other end; <see cref="_reason"/> says why.</returns>
    private async ValueTask<bool> TryPassAsync(byte[] frame, IHandleEventListener listener, CancellationToken stop)
    {
        await PaceAsync(frame.Length, stop); // a frame that was read but not counted yet comes again
        if (!_handshaken && !JudgeHandshake(frame))
        {
            return false;
        }

        FrameVerdict verdict = _handshaken ? Judge(frame) : FrameVerdict.Pass;
        _handshaken = true;
        if (verdict is FrameVerdict.Malformed or FrameVerdict.UnexpectedHandshake)
        {
            _reason = EndReason.MalformedMessage;
            return false;
        }

        Take(frame, verdict == FrameVerdict.Pass ? listener : null);
        return true;
    }

    private void Take(byte[] frame, IHandleEventListener? listener)
    {
        if (_ledger.Receive(frame.Length))
        {
            _work.Writer.TryWrite(true);
        }

        listener?.Notify(new InboundPayload(UnsafeByteOperations.UnsafeWrap(frame)));
    }

    private async ValueTask PaceAsync(int bytes, CancellationToken cancellationToken)
    {
        _setup.Counters.CountIn(bytes);
        TimeSpan wait = _pace.Take(bytes, Now);
        if (wait > TimeSpan.Zero)
        {
            await Task.Delay(wait, _setup.Time, cancellationToken);
        }
    }

    private TimeSpan Now => _setup.Time.GetElapsedTime(_start);

    private bool JudgeHandshake(byte[] frame)
    {
        FrameVerdict verdict = _setup.OriginCheckEnabled ? _firewall.InspectHandshake(frame) : FrameVerdict.Pass;
        if (verdict == FrameVerdict.Pass)
        {
            AkkaPdu pdu = AkkaPdu.Read(frame);
            if (pdu.Kind == AkkaPduKind.Associate)
            {
                Interlocked.Exchange(ref _uid, pdu.Uid);
                Named?.Invoke(this, pdu.Uid);
                _setup.OnIncarnation?.Invoke(Peer, pdu.Uid);
            }

            return true;
        }

        _setup.Counters.CountRefusedOrigin();
        _log.HandshakeRefused(Peer.ToString(), verdict);
        return Violate(verdict == FrameVerdict.ForeignClaim ? EndReason.AuthenticationFailed : EndReason.UnexpectedMessage);
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
        _setup.Streams.Penalize(Peer, verdict == FrameVerdict.Malformed ? EndReason.MalformedMessage : EndReason.UnexpectedMessage);
        if (int.IsPow2(++_refused)) // the 1st, 2nd, 4th, 8th …: a flood must not fill the log
        {
            _log.FrameRefused(Peer.ToString(), verdict, _refused);
        }

        _setup.OnRefused?.Invoke(verdict, frame);
        return verdict;
    }

    /// <summary>The peer broke a rule, which ends the association.</summary>
    /// <returns>False, for the caller to return.</returns>
    private bool Violate(EndReason reason)
    {
        _reason = reason;
        _setup.Streams.Penalize(Peer, reason);
        return false;
    }

    private EndReason ReadFailed(Exception e)
    {
        EndReason reason = ReasonOf(e);
        if (e is ProtocolViolationException)
        {
            _setup.Streams.Penalize(Peer, reason);
        }

        return reason;
    }

    /// <summary>A peer that takes frames but never says so would fill Akka's own queue, which has no bound.</summary>
    private void EndIfNothingIsAcknowledged()
    {
        long now = _setup.Time.GetTimestamp();
        long since = Interlocked.CompareExchange(ref _fullSince, now, 0);
        if (since != 0 && !_waits && !_closing.Task.IsCompleted && _setup.Time.GetElapsedTime(since, now) > _setup.Options.AckLimit)
        {
            _reason = EndReason.Timeout;
            BeginClose();
        }
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
        _ledger.Complete();
        _offers.Writer.TryComplete();
        while (_offers.Reader.TryRead(out Successor? offered))
        {
            offered.Stream.End(EndReason.ClosedLocally);
        }

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

    /// <summary>A stream that may take the place of the present one.</summary>
    /// <param name="Stream">Owned by whoever has the successor.</param>
    /// <param name="Expected">What the opener, who asked, has; null on the opener's own side, which still has to ask.</param>
    private sealed record Successor(AssociationStream Stream, ulong? Expected);
}
