using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Dialing;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Streams to and from members of the mesh only: every protocol opened or served through it waits for the proof of membership.</summary>
/// <remarks>
/// <para>A peer is proven once for as long as it is connected, by whichever side is first; both sides begin as soon as they are connected.
/// What runs over the inner streams itself (identify, ping) is open to everybody.</para>
/// <para>A refused peer keeps its connection and is left alone for <see cref="MeshOptions.RetryPause"/>; it may prove itself at any time, a
/// limited number of times. Protocol: <c>docs/wire/mesh.md</c>. Safe for several threads. The inner streams are not owned.</para>
/// </remarks>
public sealed class AdmittedStreams : IPeerStreams, IAsyncDisposable
{
    /// <summary>The protocol of the proof.</summary>
    public static readonly ProtocolId Protocol = new("/p2plearn/mesh/1.0.0");

    /// <summary>How often an admission begins anew because the connection ended under it.</summary>
    private const int MaxTurns = 3;

    private readonly IPeerStreams _inner;
    private readonly MeshOptions _options;
    private readonly MeshTerms _terms;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly OrderedEvents _events;
    private readonly AdmissionTable _table;
    private readonly AdmissionPace _pace;
    private readonly TaskGroup _tasks;
    private readonly DialQueue<PeerId, MeshVerdict?> _proofs; // our own, one at a time with a peer
    private readonly IDisposable _registration;
    private readonly CancellationTokenSource _closing = new(); // no timer behind it: needs no disposal

    /// <summary>Starts to answer proofs, and proves with every peer that is or gets connected.</summary>
    /// <param name="inner">The streams of all peers; not owned.</param>
    /// <param name="options">The mesh.</param>
    /// <param name="time">The clock of every deadline.</param>
    /// <param name="loggers">Where logs go.</param>
    /// <exception cref="ArgumentException">An option that cannot work.</exception>
    public AdmittedStreams(IPeerStreams inner, MeshOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(inner);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Validate();
        (_inner, _options, _terms, _time) = (inner, options, new MeshTerms(options), time);
        _log = loggers.CreateLogger<AdmittedStreams>();
        _events = new OrderedEvents(e => MeshLog.Unexpected(_log, e));
        _table = new AdmissionTable(_events, p => PeerConnected?.Invoke(p), p => PeerDisconnected?.Invoke(p));
        _pace = new AdmissionPace(options, time);
        _tasks = new TaskGroup(e => MeshLog.Unexpected(_log, e));
        _proofs = new DialQueue<PeerId, MeshVerdict?>(_tasks, _closing.Token);
        _inner.PeerConnected += Begin;
        _inner.PeerDisconnected += _table.End;
        _registration = inner.Handle(Protocol, AnswerAsync);
        foreach (PeerId peer in inner.ConnectedPeers)
        {
            Begin(peer);
        }
    }

    /// <inheritdoc/>
    public event Action<PeerId>? PeerConnected;

    /// <inheritdoc/>
    public event Action<PeerId>? PeerDisconnected;

    /// <summary>
    /// A peer and this node do not belong together: who, why, and one line about the peer for a person. Told once per peer and reason within
    /// <see cref="MeshOptions.RetryPause"/>. Handlers must not block.
    /// </summary>
    public event Action<PeerId, AdmissionRefusal, string>? AdmissionRefused;

    /// <inheritdoc/>
    public PeerId LocalPeer => _inner.LocalPeer;

    /// <summary>The admitted peers, a snapshot in no particular order.</summary>
    public IReadOnlyCollection<PeerId> ConnectedPeers => _table.Admitted;

    /// <summary>Whether a peer is admitted now.</summary>
    public bool IsAdmitted(PeerId peer) => _table.IsAdmitted(peer);

    /// <summary>The clock of every deadline.</summary>
    internal TimeProvider Time => _time;

    /// <summary>What is kept of peers: who is admitted or being proven, the streams that wait for it, and whose attempts are counted.</summary>
    internal (int Epochs, int Waiting, int Paced) Kept => (_table.Count, _table.WaitingCount, _pace.Count);

    /// <summary>Opens a stream to a member, proving first when that has not been done.</summary>
    /// <exception cref="PeerUnreachableException">No address leads to the peer, or (<see cref="EndReason.NotAdmitted"/>) the two do not belong together.</exception>
    /// <exception cref="ProtocolNotSupportedException">The peer does not speak <paramref name="protocol"/>, or has no admission.</exception>
    public ValueTask<PeerStream> OpenStreamAsync(PeerId peer, ProtocolId protocol, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        return _table.IsAdmitted(peer)
            ? _inner.OpenStreamAsync(peer, protocol, cancellationToken)
            : AdmitAndOpenAsync(peer, protocol, cancellationToken);
    }

    /// <inheritdoc/>
    public IDisposable Handle(ProtocolId protocol, StreamHandler handler)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return _inner.Handle(protocol, (stream, ct) => GuardAsync(stream, handler, ct));
    }

    /// <inheritdoc/>
    public void Penalize(PeerId peer, EndReason reason) => _inner.Penalize(peer, reason);

    /// <summary>Connects to a peer, if need be, and proves with it. Returns at once when it is admitted.</summary>
    /// <exception cref="PeerUnreachableException">
    /// With <see cref="EndReason.NotAdmitted"/> and one line for a person: refused, now or within <see cref="MeshOptions.RetryPause"/>. With
    /// <see cref="EndReason.Timeout"/>: no answer in time. Else: not reached, or lost on the way.
    /// </exception>
    /// <exception cref="ProtocolNotSupportedException">The peer has no admission: it is no node of P2PLearn.</exception>
    public async Task AdmitAsync(PeerId peer, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(peer);
        for (int turn = 0; turn < MaxTurns; turn++)
        {
            using AdmissionTable.Holder holder = _table.Enter(peer);
            if (_table.IsAdmitted(peer))
            {
                return;
            }

            MeshVerdict? verdict = _pace.HeldOff(peer) ?? await JoinProofAsync(holder.Epoch, cancellationToken).ConfigureAwait(false);
            ThrowIfRefused(peer, verdict);
        }

        if (!_table.IsAdmitted(peer))
        {
            throw new PeerUnreachableException(peer, EndReason.LinkLost, "the connection was lost while it was being admitted");
        }
    }

    /// <summary>Like <see cref="AdmitAsync"/>, for those who can do without.</summary>
    /// <returns>Whether the peer is admitted.</returns>
    public async ValueTask<bool> TryAdmitAsync(PeerId peer, CancellationToken cancellationToken)
    {
        try
        {
            await AdmitAsync(peer, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            return false;
        }
    }

    /// <summary>Stops answering and proving, and waits for what is under way. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        _registration.Dispose();
        _inner.PeerConnected -= Begin;
        _inner.PeerDisconnected -= _table.End;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
    }

    private static void ThrowUnless(bool mayBegin, PeerId peer)
    {
        if (!mayBegin)
        {
            throw new PeerUnreachableException(peer, EndReason.LimitReached, "its admission was tried too often and waits for a while");
        }
    }

    private static void ThrowIfRefused(PeerId peer, MeshVerdict? verdict)
    {
        if (verdict is { IsAdmitted: false })
        {
            EndReason reason = verdict.Refusal == AdmissionRefusal.Timeout ? EndReason.Timeout : EndReason.NotAdmitted;
            throw new PeerUnreachableException(peer, reason, verdict.Text);
        }
    }

    private async ValueTask<PeerStream> AdmitAndOpenAsync(PeerId peer, ProtocolId protocol, CancellationToken cancellationToken)
    {
        await AdmitAsync(peer, cancellationToken).ConfigureAwait(false);
        return await _inner.OpenStreamAsync(peer, protocol, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A peer is connected: we prove without waiting for somebody to need it.</summary>
    private void Begin(PeerId peer) => _tasks.TryRun(async () =>
    {
        try
        {
            await AdmitAsync(peer, _closing.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            MeshLog.BrokeOff(_log, peer.ToShortString(), e.Message);
        }
    });

    /// <summary>Waits for our own proof with a peer, or for the peer's with us, whichever is first.</summary>
    /// <returns>The verdict; null when the connection ended, or the other proof was first: look again.</returns>
    private async Task<MeshVerdict?> JoinProofAsync(AdmissionTable.Epoch epoch, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<MeshVerdict?> proof = _proofs.JoinAsync(epoch.Peer, ct => ProveAsync(epoch.Peer, ct), waiting.Token);
        await Task.WhenAny(proof, epoch.Settled).ConfigureAwait(false);
        await waiting.CancelAsync().ConfigureAwait(false);
        try
        {
            return await proof.ConfigureAwait(false);
        }
        catch (Exception e) when (epoch.Settled.IsCompleted && EndReasons.Of(e) is not null)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return null;
        }
        catch (OperationCanceledException) when (_closing.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new ObjectDisposedException(nameof(AdmittedStreams));
        }
    }

    /// <summary>Our own proof: opens a stream, which dials if need be, and runs it as initiator.</summary>
    private async Task<MeshVerdict?> ProveAsync(PeerId peer, CancellationToken cancellationToken)
    {
        ThrowUnless(_pace.MayBegin(peer), peer);
        PeerStream stream = await _inner.OpenStreamAsync(peer, Protocol, cancellationToken).ConfigureAwait(false);
        try
        {
            ThrowUnless(_pace.TryBegin(peer), peer); // counted here: a dial that fails is no proof, and must not use them up
            MeshVerdict? verdict = await RunAsync(stream, MeshRole.Initiator, cancellationToken).ConfigureAwait(false);
            FinishLater(stream);
            return verdict;
        }
        catch (Exception e) when (EndReasons.Of(e) is { } reason)
        {
            stream.Reset(reason);
            await stream.DisposeAsync().ConfigureAwait(false);
            if (e is IOException and not (PeerUnreachableException or ProtocolNotSupportedException))
            {
                throw new PeerUnreachableException(peer, reason, $"the admission broke off: {e.Message}", e);
            }

            throw;
        }
    }

    /// <summary>The peer's proof with us.</summary>
    private async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        PeerId peer = stream.RemotePeer;
        if (!_pace.TryBegin(peer))
        {
            _inner.Penalize(peer, EndReason.TooManyRequests);
            stream.Reset(EndReason.TooManyRequests);
            return;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        await RunAsync(stream, MeshRole.Responder, either.Token).ConfigureAwait(false);
        await FinishAsync(stream, either.Token).ConfigureAwait(false);
    }

    /// <summary>Runs one proof and does what its verdict asks for.</summary>
    /// <returns>The verdict; null when it admits, but the peer has disconnected since.</returns>
    private async Task<MeshVerdict?> RunAsync(PeerStream stream, MeshRole role, CancellationToken cancellationToken)
    {
        PeerId peer = stream.RemotePeer;
        using AdmissionTable.Holder holder = _table.Enter(peer);
        byte[] nonce = RandomNumberGenerator.GetBytes(MeshTerms.NonceBytes);
        var proof = new MeshProof(role, _terms, LocalPeer, peer, nonce);
        MeshVerdict verdict = await JudgeAsync(stream, proof, cancellationToken).ConfigureAwait(false);
        if (!verdict.IsAdmitted)
        {
            Refuse(peer, verdict);
            return verdict;
        }

        if (!_table.TryAdmit(holder.Epoch))
        {
            return null;
        }

        _pace.Succeeded(peer);
        MeshLog.Admitted(_log, peer.ToShortString());
        return verdict;
    }

    private async Task<MeshVerdict> JudgeAsync(PeerStream stream, MeshProof proof, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_options.ProofTimeout, _time, cancellationToken);
        try
        {
            return await MeshProofLoop.RunAsync(stream, proof, limit.Token).ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            stream.Reset(violation.Reason);
            return MeshVerdict.Broke(violation.Reason);
        }
        catch (Exception e) when (limit.Passed && !cancellationToken.IsCancellationRequested && EndReasons.Of(e) is not null)
        {
            stream.Reset(EndReason.Timeout);
            return MeshVerdict.TimedOut;
        }
    }

    private void Refuse(PeerId peer, MeshVerdict verdict)
    {
        if (verdict.Penalty != EndReason.None)
        {
            _inner.Penalize(peer, verdict.Penalty);
        }

        bool news = _pace.Refused(peer, verdict);
        if (verdict.IsFirm)
        {
            _table.End(peer); // who waits need not; and one admitted earlier has come back with another key, name or version
        }

        if (news)
        {
            MeshLog.Refused(_log, peer.ToShortString(), verdict.Text);
            _events.Post(() => AdmissionRefused?.Invoke(peer, verdict.Refusal, verdict.Text));
            _events.Deliver();
        }
    }

    /// <summary>Lets nobody wait for the end of a stream whose verdict is known.</summary>
    private void FinishLater(PeerStream stream)
    {
        if (!_tasks.TryRun(() => FinishAndDisposeAsync(stream)))
        {
            stream.Reset(EndReason.ClosedLocally);
            stream.Dispose();
        }
    }

    private async Task FinishAndDisposeAsync(PeerStream stream)
    {
        await using (stream.ConfigureAwait(false))
        {
            await FinishAsync(stream, _closing.Token).ConfigureAwait(false);
        }
    }

    private async Task FinishAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(_options.ProofTimeout, _time, cancellationToken);
        await MeshProofLoop.FinishAsync(stream, limit.Token).ConfigureAwait(false);
    }

    /// <summary>Serves a stream of a member; one of a peer that is not admitted yet waits.</summary>
    private async Task GuardAsync(PeerStream stream, StreamHandler handler, CancellationToken cancellationToken)
    {
        if (!_table.IsAdmitted(stream.RemotePeer) && !await WaitAsync(stream.RemotePeer, cancellationToken).ConfigureAwait(false))
        {
            MeshLog.Guarded(_log, stream.Protocol.Value, stream.RemotePeer.ToShortString());
            stream.Reset(EndReason.NotAdmitted);
            return;
        }

        await handler(stream, cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> WaitAsync(PeerId peer, CancellationToken cancellationToken)
    {
        using AdmissionTable.Holder holder = _table.Enter(peer);
        if (!_table.TryBeginWait(holder.Epoch, _options.MaxWaitingStreamsPerPeer))
        {
            return false;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
        using var limit = new Deadline(_options.GuardTimeout, _time, either.Token);
        try
        {
            return await WaitAsync(holder.Epoch, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return _table.IsAdmitted(peer);
        }
        finally
        {
            _table.EndWait(holder.Epoch);
        }
    }

    /// <summary>Tries a proof of our own; when that leads nowhere, the peer's may still be under way.</summary>
    private async Task<bool> WaitAsync(AdmissionTable.Epoch epoch, CancellationToken cancellationToken)
    {
        try
        {
            await AdmitAsync(epoch.Peer, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            await epoch.Settled.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        return _table.IsAdmitted(epoch.Peer);
    }
}
