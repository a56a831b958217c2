using System.Net;
using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V1;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using Status = P2PLearn.Networking.Protocols.AutoNat.Wire.V1.AutoNatMessage.Types.ResponseStatus;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Version 1: dials a requester back at its own IP, and says whether one address answered.</summary>
/// <remarks>Source: libp2p specs, autonat v1. Safe for several threads.</remarks>
/// <param name="network">The clock.</param>
/// <param name="limits">Rates, sizes, deadlines.</param>
/// <param name="policy">Which addresses.</param>
/// <param name="dialer">Dials.</param>
/// <param name="servesNow">Whether it dials for anybody at this moment.</param>
/// <param name="counters">Counts.</param>
internal sealed class AutoNatServerV1(
    ISwarmNetwork network,
    AutoNatServerLimits limits,
    DialPolicy policy,
    DialBacker dialer,
    Func<bool> servesNow,
    AutoNatCounters counters)
{
    private readonly RequestRates _rates =
        new(limits.MaxV1RequestsPerMinute, limits.MaxV1RequestsPerPeer, limits.MaxRequestsPerIp);

    private int _running;

    /// <summary>Serves one request.</summary>
    public async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        counters.Add(AutoNatEvent.Requested);
        SwarmConnection connection = ((SwarmStream)stream).Connection;
        bool fits = Interlocked.Increment(ref _running) <= limits.MaxConcurrent && servesNow();
        try
        {
            if (await ReadAsync(stream, cancellationToken).ConfigureAwait(false) is not { } request)
            {
                return;
            }

            AutoNatMessage.Types.DialResponse answer = await JudgeAsync(request, connection, fits, cancellationToken)
                .ConfigureAwait(false);
            var message = new AutoNatMessage { Type = AutoNatMessage.Types.MessageType.DialResponse, DialResponse = answer };
            using var limit = new Deadline(limits.RequestTimeout, network.Time, cancellationToken);
            await AutoNatProtocol.WriteAsync(stream, message, limit.Token).ConfigureAwait(false);
            await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
        }
        finally
        {
            Interlocked.Decrement(ref _running);
        }
    }

    private async Task<AutoNatMessage?> ReadAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(limits.RequestTimeout, network.Time, cancellationToken);
        using var reader = new FramedReader(stream, limits.MaxMessageBytes);
        return await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, limit.Token).ConfigureAwait(false);
    }

    private async Task<AutoNatMessage.Types.DialResponse> JudgeAsync(
        AutoNatMessage request, SwarmConnection connection, bool fits, CancellationToken cancellationToken)
    {
        IPAddress? requester = connection.IsRelayed ? null : ThinWaist.IpOf(connection.RemoteAddress);
        if (!fits || requester is null || !_rates.TryTake(connection.RemotePeer, requester, network.Time.GetUtcNow()))
        {
            counters.Add(AutoNatEvent.Rejected);
            return Answer(Status.EDialRefused, "not now, or not this way");
        }

        if (!IsFrom(connection.RemotePeer, request))
        {
            return Answer(Status.EBadRequest, "no dial request of this peer");
        }

        IReadOnlyList<Multiaddr> addresses =
            policy.CanJudge(requester) ? policy.AtRequester(request.Dial.Peer.Addrs, requester) : [];
        if (addresses.Count == 0)
        {
            counters.Add(AutoNatEvent.Refused);
            return Answer(Status.EDialRefused, "no public address at the IP that the request came from");
        }

        return await DialAsync(addresses, connection.RemotePeer, cancellationToken).ConfigureAwait(false);
    }

    private async Task<AutoNatMessage.Types.DialResponse> DialAsync(
        IReadOnlyList<Multiaddr> addresses, PeerId peer, CancellationToken cancellationToken)
    {
        bool tried = false;
        foreach (Multiaddr address in addresses)
        {
            counters.Add(AutoNatEvent.Dialled);
            bool? reached = await dialer.ReachesAsync(address, peer, cancellationToken).ConfigureAwait(false);
            tried |= reached is not null;
            if (reached == true)
            {
                counters.Add(AutoNatEvent.Reached);
                AutoNatMessage.Types.DialResponse answer = Answer(Status.Ok, string.Empty);
                answer.Addr = ByteString.CopyFrom(address.Bytes);
                return answer;
            }
        }

        return Answer(tried ? Status.EDialError : Status.EInternalError, "no address answered");
    }

    private static bool IsFrom(PeerId peer, AutoNatMessage request) =>
        request.Type == AutoNatMessage.Types.MessageType.Dial
        && request.Dial?.Peer is { } said
        && said.Id.Span.SequenceEqual(peer.Bytes);

    private static AutoNatMessage.Types.DialResponse Answer(Status status, string text) =>
        new() { Status = status, StatusText = text };
}
