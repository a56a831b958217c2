using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Takes the circuits that relays bring to this node: the target's side of the stop protocol.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2, stop protocol. Only from relays that we hold a slot on, and only so many; who calls
/// has to prove in the handshake that it is the peer which the relay named. Safe for several threads.
/// </remarks>
/// <param name="network">The swarm.</param>
/// <param name="options">Limits.</param>
/// <param name="isOurRelay">Whether we hold a slot on a relay, or are asking for one.</param>
/// <param name="log">The log.</param>
internal sealed class CircuitAcceptor(
    ISwarmNetwork network, RelayClientOptions options, Func<PeerId, bool> isOurRelay, ILogger log)
{
    /// <summary>Stop streams of one peer beyond its circuits: those that are being refused.</summary>
    public const int RefusalRoom = 8;

    private readonly CircuitGate _gate = new(options, network.Time);

    /// <summary>Circuits open now.</summary>
    public int OpenCount => _gate.OpenCount;

    /// <summary>Serves one stop stream, for as long as its circuit is open.</summary>
    /// <exception cref="ProtocolViolationException">The relay broke a rule.</exception>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        SwarmConnection relay = ((SwarmStream)stream).Connection;
        using IDisposable? ticket = isOurRelay(relay.RemotePeer) ? _gate.TryEnter(relay.RemotePeer) : null; // strangers take no places
        if (await TakeAsync(stream, relay, ticket is not null, cancellationToken).ConfigureAwait(false) is { } link)
        {
            using CancellationTokenRegistration ending = cancellationToken.UnsafeRegister(
                static link => ((CircuitLink)link!).Abort(), link);
            await link.Ended.ConfigureAwait(false); // the stream is ours no more when this returns
        }
    }

    private async Task<CircuitLink?> TakeAsync(
        PeerStream stream, SwarmConnection relay, bool hasRoom, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, RelayCodec.MaxMessageBytes);
        using var limit = new Deadline(options.AcceptTimeout, network.Time, cancellationToken);
        StopMessage request = await RelayCodec.ReadStopAsync(reader, limit.Token).ConfigureAwait(false);
        RelayStatusCode status = Judge(request, relay, hasRoom);
        await FramedWriter.WriteAsync(stream, RelayCodec.Encode(StopMessage.Answer(status)), limit.Token)
            .ConfigureAwait(false);
        if (status != RelayStatusCode.Ok)
        {
            RelayClientLog.CircuitRefused(log, relay.RemotePeer.ToShortString(), status);
            await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
            Blame(request, relay, status);
            return null;
        }

        Multiaddr way = RelayedAddress.Through(relay.RemoteAddress, relay.RemotePeer) ?? relay.RemoteAddress;
        var link = new CircuitLink(
            stream, reader.TakeRest(), RelayedAddress.OurEnd(relay.LocalAddress), way, request.Limit);
        await AdoptAsync(link, request.Peer!.Id, relay, limit).ConfigureAwait(false);
        return link;
    }

    private RelayStatusCode Judge(StopMessage request, SwarmConnection relay, bool hasRoom)
    {
        if (request.Type != StopMessageType.Connect)
        {
            return RelayStatusCode.UnexpectedMessage;
        }

        if (request.Peer is not { } source)
        {
            return RelayStatusCode.MalformedMessage;
        }

        bool isCaller = source.Id != network.Identity.PeerId && source.Id != relay.RemotePeer;
        if (!isCaller || relay.IsRelayed || !isOurRelay(relay.RemotePeer))
        {
            return RelayStatusCode.PermissionDenied;
        }

        return hasRoom ? RelayStatusCode.Ok : RelayStatusCode.ResourceLimitExceeded;
    }

    private void Blame(StopMessage request, SwarmConnection relay, RelayStatusCode status)
    {
        EndReason reason = status switch
        {
            RelayStatusCode.MalformedMessage => EndReason.MalformedMessage,
            RelayStatusCode.UnexpectedMessage => EndReason.UnexpectedMessage,
            RelayStatusCode.PermissionDenied when !isOurRelay(relay.RemotePeer) => EndReason.UnexpectedMessage,
            _ => EndReason.None,
        };
        if (reason != EndReason.None)
        {
            network.Broke(relay, new ProtocolViolationException(
                reason, ViolationScope.Stream, $"a stop message {request.Type} that was answered {status}"));
        }
    }

    private async Task AdoptAsync(CircuitLink link, PeerId source, SwarmConnection relay, Deadline limit)
    {
        string through = relay.RemotePeer.ToShortString();
        try
        {
            await network.AdoptAsync(
                link, LinkTerms.Inbound(ConnectionPath.Relayed) with { Expected = source }, limit.Token)
                .ConfigureAwait(false);
            RelayClientLog.CircuitTaken(log, source.ToShortString(), through);
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            link.Abort();
            RelayClientLog.CircuitFailed(log, source.ToShortString(), through, reason, e.Message);
            if (reason == EndReason.PeerIdMismatch && _gate.MayBlame(relay.RemotePeer))
            {
                network.Penalize(relay.RemotePeer, EndReason.UnexpectedMessage);
            }
        }
    }
}
