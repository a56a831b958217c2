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

/// <summary>Carries Akka.Remote over the mesh's own streams: one stream per association, no port of its own.</summary>
/// <remarks>
/// Source: Akka.NET's classic <see cref="Transport"/> contract. A thin adapter over <see cref="IPeerStreams"/>, so that only it has to be
/// rewritten when Akka's remoting changes. A peer's claimed address has to be the one that the connection authenticated, and every frame passes
/// <see cref="FrameFirewall"/>. Created by Akka from the configuration; gets what it needs from <see cref="P2PTransportSetup"/>.
/// </remarks>
public sealed class P2PTransport : Transport, IDisposable
{
    /// <summary>Protocol of an association's stream.</summary>
    public static readonly ProtocolId Protocol = new("/p2plearn/akka/1.0.0");

    private readonly P2PTransportSetup _setup;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<P2PAssociation, byte> _associations = new();
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

        PeerStream stream = await OpenAsync(peer);
        P2PAssociation association = Create(stream);
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

    private async Task<PeerStream> OpenAsync(PeerId peer)
    {
        using CancellationTokenSource limit = new(_setup.Options.DialLimit, _setup.Time);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping);
        try
        {
            return await _setup.Streams.OpenStreamAsync(peer, Protocol, either.Token);
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or ObjectDisposedException)
        {
            throw new InvalidAssociationException($"cannot open a stream to {peer}: {e.Message}", e);
        }
    }

    /// <summary>Serves a stream that a peer opened, for as long as the association lives.</summary>
    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        PeerId peer = stream.RemotePeer;
        if (_inbound.AddOrUpdate(peer, 1, (_, count) => count + 1) > _setup.Options.MaxInboundPerPeer)
        {
            stream.Reset(EndReason.LimitReached);
            CountDown(peer);
            return;
        }

        try
        {
            using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stopping);
            IAssociationEventListener listener = await _listener.Task.WaitAsync(stop.Token);
            P2PAssociation association = Create(stream);
            if (await association.TryReadHandshakeAsync(stop.Token))
            {
                association.Start();
                listener.Notify(new InboundAssociation(association));
            }
            else
            {
                association.Abandon();
            }

            await association.Completion;
        }
        catch (OperationCanceledException)
        {
            stream.Reset(EndReason.ClosedLocally);
        }
        finally
        {
            CountDown(peer);
        }
    }

    private P2PAssociation Create(PeerStream stream)
    {
        Address remote = new(AkkaAddress.TransportScheme, System.Name, stream.RemotePeer.ToBase36(), AkkaAddress.Port);
        P2PAssociation association = new(_setup, _log, stream, LocalAddress, remote, _stopping);
        _associations[association] = 0;
        association.Closed += Forget;
        return association;
    }

    private void Forget(P2PAssociation association) => _associations.TryRemove(association, out _);

    private void CountDown(PeerId peer)
    {
        if (_inbound.AddOrUpdate(peer, 0, (_, count) => count - 1) <= 0)
        {
            _inbound.TryRemove(new KeyValuePair<PeerId, int>(peer, 0));
        }
    }
}
