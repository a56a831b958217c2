using System.Collections.Concurrent;
using Akka.Actor;
using Akka.Configuration;
using Akka.Remote.Transport;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Actors.Remoting;

/// <summary>Carries Akka.Remote over the mesh's own streams: one stream at a time per association, no port of its own.</summary>
/// <remarks>
/// Source: Akka.NET's classic <see cref="Transport"/> contract. A thin adapter over <see cref="IPeerStreams"/>, so that only it has to be
/// rewritten when Akka's remoting changes. A peer's claimed address has to be the one that the connection authenticated, and every frame passes
/// <see cref="FrameFirewall"/>. Created by Akka from the configuration; gets what it needs from <see cref="P2PTransportSetup"/>.
/// </remarks>
public sealed class P2PTransport : Transport, IDisposable
{
    /// <summary>Protocol of an association's stream.</summary>
    public static readonly ProtocolId Protocol = new("/p2plearn/akka/2.0.0");

    private readonly P2PTransportSetup _setup;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<P2PAssociation, byte> _associations = new();
    private readonly ConcurrentDictionary<AssociationId, P2PAssociation> _resumable = new(); // those that peers opened
    private readonly ResumeGuard _guard;
    private readonly long _start;
    private readonly ConcurrentDictionary<PeerId, int> _inbound = new();
    private readonly TaskCompletionSource<IAssociationEventListener> _listener =
        new(TaskCreationOptions.RunContinuationsAsynchronously);

    private readonly CancellationToken _stopping;
    private IDisposable? _registration;

    /// <summary>Called by Akka.</summary>
    /// <exception cref="ConfigurationException">The actor system was created without a <see cref="P2PTransportSetup"/>.</exception>
    public P2PTransport(ActorSystem system, Config config)
    {
        ArgumentNullException.ThrowIfNull(system);
        System = system;
        Config = config;
        SchemeIdentifier = AkkaAddress.TransportScheme;
        _setup = system.Settings.Setup.Get<P2PTransportSetup>() is { HasValue: true } setup
            ? setup.Value
            : throw new ConfigurationException($"the actor system needs a {nameof(P2PTransportSetup)}");
        _setup.Options.Validate();
        MaximumPayloadBytes = _setup.Options.MaxPayloadBytes;
        _guard = new ResumeGuard(_setup.Options.MaxResumesPerMinute);
        _start = _setup.Time.GetTimestamp();
        _stopping = _stop.Token;
        _log = _setup.Loggers.CreateLogger<P2PTransport>();
    }

    /// <inheritdoc/>
    public override bool IsResponsibleFor(Address remote) => AkkaAddress.TryGetPeer(remote, out _);

    /// <inheritdoc/>
    public override Task<(Address, TaskCompletionSource<IAssociationEventListener>)> Listen()
    {
        _registration = _setup.Streams.Handle(Protocol, ServeAsync);
        return Task.FromResult((LocalAddress, _listener));
    }

    /// <summary>Opens a stream to the peer that the address names.</summary>
    /// <exception cref="InvalidAssociationException">The address names no peer, or the peer cannot be reached.</exception>
    public override async Task<AssociationHandle> Associate(Address remoteAddress)
    {
        if (!AkkaAddress.TryGetPeer(remoteAddress, out PeerId? peer))
        {
            throw new InvalidAssociationException($"{remoteAddress} is not an address of this mesh");
        }

        P2PAssociation association = await OpenAsync(peer);
        association.Start();
        return association;
    }

    /// <inheritdoc/>
    public override async Task<bool> Shutdown()
    {
        _registration?.Dispose();
        _listener.TrySetCanceled();
        await _stop.CancelAsync(); // ends dials and handshakes, and lets associations flush and close
        while (_associations.Keys.FirstOrDefault() is { } association)
        {
            await association.Completion;
        }

        Dispose();
        return true;
    }

    /// <inheritdoc/>
    public void Dispose() => _stop.Dispose();

    private Address LocalAddress =>
        new(AkkaAddress.TransportScheme, System.Name, _setup.ClaimedHost ?? _setup.Streams.LocalPeer.ToBase36(), AkkaAddress.Port);

    private async Task<P2PAssociation> OpenAsync(PeerId peer)
    {
        using CancellationTokenSource limit = new(_setup.Options.DialLimit, _setup.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping);
        try
        {
            PeerStream opened = await _setup.Streams.OpenStreamAsync(peer, Protocol, either.Token);
            AssociationStream stream = new(opened, _setup.Options.MaxFrameBytes);
            try
            {
                var id = AssociationId.Create();
                await stream.OpenAsync(id, either.Token);
                return Create(stream, id, isOpener: true);
            }
            catch
            {
                stream.Dispose();
                throw;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            throw new InvalidAssociationException($"cannot open a stream to {peer}: {e.Message}", e);
        }
    }

    /// <summary>Serves a stream that a peer opened, for as long as an association goes over it.</summary>
    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        PeerId peer = stream.RemotePeer;
        if (_inbound.AddOrUpdate(peer, 1, (_, count) => count + 1) > _setup.Options.MaxInboundPerPeer)
        {
            stream.Reset(EndReason.LimitReached);
            CountDown(peer);
            return;
        }

        AssociationStream carried = new(stream, _setup.Options.MaxFrameBytes);
        try
        {
            using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping);
            IAssociationEventListener listener = await _listener.Task.WaitAsync(stop.Token);
            await TakeAsync(carried, listener, stop.Token);
            await carried.Done;
        }
        catch (OperationCanceledException)
        {
            carried.Dispose();
        }
        finally
        {
            CountDown(peer);
        }
    }

    private async Task TakeAsync(AssociationStream stream, IAssociationEventListener listener, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = new(_setup.Options.HandshakeLimit, _setup.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        EndReason reason = EndReason.None;
        try
        {
            InboundFrame? first = await stream.ReadAsync(either.Token);
            switch (first?.Kind)
            {
                case FrameKind.Open:
                    await BeginAsync(stream, first.Value.Id, listener, cancellationToken);
                    return;
                case FrameKind.Resume:
                    await GoOnAsync(stream, first.Value, either.Token);
                    return;
                default:
                    reason = first is null ? EndReason.ClosedByRemote : EndReason.UnexpectedMessage;
                    break;
            }
        }
        catch (ProtocolViolationException e)
        {
            reason = e.Reason;
        }
        catch (Exception e) when (e is IOException || (e is OperationCanceledException && limit.IsCancellationRequested))
        {
            reason = e is IOException ? EndReason.LinkLost : EndReason.Timeout;
        }

        if (reason >= EndReason.MalformedMessage)
        {
            _setup.Streams.Penalize(stream.RemotePeer, reason);
        }

        stream.End(reason);
    }

    private async Task BeginAsync(AssociationStream stream, AssociationId id, IAssociationEventListener listener, CancellationToken cancellationToken)
    {
        if (!MakeRoomFor(stream.RemotePeer))
        {
            stream.End(EndReason.LimitReached);
            return;
        }

        P2PAssociation association = Create(stream, id, isOpener: false);
        if (await association.TryReadHandshakeAsync(cancellationToken) && _resumable.TryAdd(id, association))
        {
            association.Start();
            listener.Notify(new InboundAssociation(association));
        }
        else
        {
            association.Abandon();
        }
    }

    /// <summary>Hands a stream to the association that it names, if that is this peer's.</summary>
    private async Task GoOnAsync(AssociationStream stream, InboundFrame resume, CancellationToken cancellationToken)
    {
        PeerId peer = stream.RemotePeer;
        bool often = !_guard.TryPass(peer, _setup.Time.GetElapsedTime(_start));
        P2PAssociation? association = _resumable.GetValueOrDefault(resume.Id);
        ResumeRefusal? refusal = often ? ResumeRefusal.TooOften
            : association?.Peer == peer ? association.TryOffer(stream, resume.Number)
            : ResumeRefusal.Unknown; // another peer's is as unknown as none, so that nobody learns which exist
        if (refusal is not { } why)
        {
            return;
        }

        if (why == ResumeRefusal.OutOfRange)
        {
            association!.BeginClose();
        }

        _setup.Counters.CountRefusedResume();
        _log.RefusingResume(peer.ToShortString(), why);
        if (why != ResumeRefusal.Unknown) // that may be an honest peer that does not know yet that we were restarted
        {
            _setup.Streams.Penalize(peer, often ? EndReason.TooManyRequests : EndReason.UnexpectedMessage);
        }

        await stream.AnswerRefusedAsync(why, cancellationToken);
        stream.End(EndReason.None);
    }

    /// <summary>True when the peer may have one more association; one of its that waits for a stream is given up for it.</summary>
    private bool MakeRoomFor(PeerId peer)
    {
        P2PAssociation[] all = [.. _resumable.Values.Where(association => association.Peer == peer)];
        P2PAssociation? waiting = Array.Find(all, association => association.IsWaiting);
        if (all.Length < _setup.Options.MaxInboundPerPeer || waiting is null)
        {
            return all.Length < _setup.Options.MaxInboundPerPeer;
        }

        waiting.BeginClose();
        return true;
    }

    private P2PAssociation Create(AssociationStream stream, AssociationId id, bool isOpener)
    {
        Address remote = new(AkkaAddress.TransportScheme, System.Name, stream.RemotePeer.ToBase36(), AkkaAddress.Port);
        P2PAssociation association = new(_setup, _log, id, isOpener, stream, LocalAddress, remote, _stopping);
        _associations[association] = 0;
        association.Closed += Forget;
        association.Named += EndOthers;
        return association;
    }

    /// <summary>A peer has one actor system: what was with an earlier one is over, and does not wait for it to come back.</summary>
    private void EndOthers(P2PAssociation named, long uid)
    {
        foreach (P2PAssociation association in _associations.Keys.Where(other => other != named && other.Peer == named.Peer))
        {
            association.EndIfNot(uid);
        }
    }

    private void Forget(P2PAssociation association)
    {
        _associations.TryRemove(association, out _);
        _resumable.TryRemove(new KeyValuePair<AssociationId, P2PAssociation>(association.Id, association));
    }

    private void CountDown(PeerId peer)
    {
        if (_inbound.AddOrUpdate(peer, 0, (_, count) => count - 1) <= 0)
        {
            _inbound.TryRemove(new KeyValuePair<PeerId, int>(peer, 0));
        }
    }
}
