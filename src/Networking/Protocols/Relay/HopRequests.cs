using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>A circuit that both ends have accepted.</summary>
/// <param name="Grant">Its count; to be given back.</param>
/// <param name="Stop">The target's stream; owned by the receiver.</param>
/// <param name="Early">What the source sent behind its request.</param>
internal sealed record AcceptedCircuit(CircuitGrant Grant, OpenedStop Stop, byte[] Early);

/// <summary>Answers hop requests.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, "Hop protocol". Safe for several threads; what may be is decided by the
/// books.</remarks>
/// <param name="network">The swarm; not owned.</param>
/// <param name="options">The limits.</param>
/// <param name="books">Who holds what.</param>
/// <param name="log">The log.</param>
internal sealed class HopRequests(ISwarmNetwork network, RelayServerOptions options, RelayBooks books, ILogger log)
{
    /// <summary>Reads and answers the one request of a stream, in its time.</summary>
    /// <returns>The circuit that came of it; null for none.</returns>
    public async Task<AcceptedCircuit?> AnswerAsync(
        SwarmStream stream, HopClient client, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(options.RequestTimeout, network.Time, cancellationToken);
        using var reader = new FramedReader(stream, RelayCodec.MaxMessageBytes);
        try
        {
            return await AnswerAsync(stream, client, reader, limit.Token).ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            RelayStatusCode status = violation.Reason == EndReason.UnexpectedMessage
                ? RelayStatusCode.UnexpectedMessage
                : RelayStatusCode.MalformedMessage;
            network.Broke(stream.Connection, violation);
            await RefuseAsync(stream, status, limit.Token).ConfigureAwait(false);
            return null;
        }
        catch (OperationCanceledException) when (limit.Passed)
        {
            Refused(client.Peer, nameof(EndReason.Timeout));
            stream.Reset(EndReason.Timeout);
            return null;
        }
    }

    /// <summary>Strangers that ask too often lose score; a member that does is refused, not banned from its mesh.</summary>
    public void Flooded(HopClient client)
    {
        if (!client.IsMember)
        {
            network.Penalize(client.Peer, EndReason.TooManyRequests);
        }
    }

    /// <summary>Takes the slot of a peer that is gone. Called after each end of a connection and after each grant, so that no
    /// order of the two leaves one behind.</summary>
    public void ReleaseIfGone(PeerId peer)
    {
        if (!network.ConnectionsOf(peer).Any(c => !c.IsRelayed))
        {
            books.Disconnected(peer);
        }
    }

    /// <summary>Counts and logs a refusal.</summary>
    public void Refused(PeerId peer, string status)
    {
        books.CountRefused(status);
        RelayServerLog.Refused(log, peer.ToShortString(), status);
    }

    private async Task<AcceptedCircuit?> AnswerAsync(
        SwarmStream stream, HopClient client, FramedReader reader, CancellationToken cancellationToken)
    {
        HopMessage request = await RelayCodec.ReadHopAsync(reader, cancellationToken).ConfigureAwait(false);
        client = client with { IsMember = await IsMemberAsync(client.Peer, cancellationToken).ConfigureAwait(false) };
        switch (request.Type)
        {
            case HopMessageType.Reserve:
                await ReserveAsync(stream, client, cancellationToken).ConfigureAwait(false);
                return null;
            case HopMessageType.Connect:
                PeerId target = request.Peer?.Id ?? throw Violation(
                    EndReason.MalformedMessage, "a request for a circuit to nobody");
                return await ConnectAsync(stream, client, target, reader, cancellationToken).ConfigureAwait(false);
            default:
                throw Violation(EndReason.UnexpectedMessage, "a status where a request was awaited");
        }
    }

    private async Task ReserveAsync(SwarmStream stream, HopClient client, CancellationToken cancellationToken)
    {
        RelayVerdict verdict = stream.Connection.IsRelayed
            ? new RelayVerdict(RelayStatusCode.PermissionDenied)
            : books.TryReserve(client);
        if (!verdict.IsOk)
        {
            await RefuseAsync(stream, client, verdict, cancellationToken).ConfigureAwait(false);
            return;
        }

        ReleaseIfGone(client.Peer);
        var expires = DateTimeOffset.FromUnixTimeSeconds(
            (network.Time.GetUtcNow() + options.ReservationTime).ToUnixTimeSeconds());
        RelayServerLog.Reserved(log, client.Peer.ToShortString(), expires);
        await WriteAsync(stream, Granted(client, expires), cancellationToken).ConfigureAwait(false);
        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    private HopMessage Granted(HopClient client, DateTimeOffset expires)
    {
        KeyPair identity = network.Identity;
        byte[] voucher = new ReservationVoucher(identity.PeerId, client.Peer, expires).Seal(identity).ToProtobuf();
        return HopMessage.Answer(RelayStatusCode.Ok) with
        {
            Reservation = new ReservationGrant(
                expires,
                RelayAddresses.Choose(network.LocalAddresses.Sourced, options.PublicAddresses, identity.PeerId),
                voucher),
            Limit = client.IsMember ? options.MemberLimit : options.StrangerLimit,
        };
    }

    private async Task<AcceptedCircuit?> ConnectAsync(
        SwarmStream stream, HopClient client, PeerId target, FramedReader reader, CancellationToken cancellationToken)
    {
        bool targetIsMember = client.IsMember && DirectTo(target) is not null
            && await IsMemberAsync(target, cancellationToken).ConfigureAwait(false);
        RelayVerdict verdict = TryConnect(stream, client, target, targetIsMember, out CircuitGrant? grant, out SwarmConnection? way);
        if (grant is null || way is null)
        {
            await RefuseAsync(stream, client, verdict, cancellationToken).ConfigureAwait(false);
            return null;
        }

        OpenedStop? stop = null;
        try
        {
            stop = await AskTargetAsync(way, grant, cancellationToken).ConfigureAwait(false);
            if (stop is null)
            {
                books.End(grant);
                await RefuseAsync(stream, RelayStatusCode.ConnectionFailed, cancellationToken).ConfigureAwait(false);
                return null;
            }

            HopMessage answer = HopMessage.Answer(RelayStatusCode.Ok) with { Limit = grant.Limit };
            await WriteAsync(stream, answer, cancellationToken).ConfigureAwait(false);
            return new AcceptedCircuit(grant, stop, reader.TakeRest());
        }
        catch
        {
            books.End(grant);
            stop?.Stream.Reset(EndReason.ClosedByRemote);
            throw;
        }
    }

    private RelayVerdict TryConnect(
        SwarmStream stream, HopClient client, PeerId target, bool targetIsMember, out CircuitGrant? grant, out SwarmConnection? way)
    {
        (grant, way) = (null, null);
        if (stream.Connection.IsRelayed || target == client.Peer || target == network.Identity.PeerId)
        {
            return new RelayVerdict(RelayStatusCode.PermissionDenied);
        }

        RelayVerdict verdict = books.TryConnect(client, target, targetIsMember, out grant);
        way = grant is null ? null : DirectTo(target);
        if (grant is not null && way is null)
        {
            books.End(grant); // its connection is on its way out, and its slot with it
            return new RelayVerdict(RelayStatusCode.NoReservation);
        }

        return verdict;
    }

    private async Task<OpenedStop?> AskTargetAsync(
        SwarmConnection way, CircuitGrant grant, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(options.ConnectTimeout, network.Time, cancellationToken);
        try
        {
            bool speaks = network.Speaks(grant.Target, RelayProtocols.Stop) == true;
            return await StopHandshake.AskAsync(way, grant.Source, grant.Limit, speaks, limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is not null && !cancellationToken.IsCancellationRequested)
        {
            if (e is ProtocolViolationException violation)
            {
                network.Broke(way, violation);
            }

            RelayServerLog.NotTaken(log, grant.Source.ToShortString(), grant.Target.ToShortString(), e.Message);
            return null;
        }
    }

    private async ValueTask<bool> IsMemberAsync(PeerId peer, CancellationToken cancellationToken)
    {
        if (options.IsMember(peer))
        {
            return true;
        }

        using var limit = new Deadline(options.ProofWait, network.Time, cancellationToken);
        try
        {
            return await options.ProveMember(peer, limit.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (limit.Passed)
        {
            return false;
        }
    }

    /// <summary>A connection over which streams can be opened here and now; the relay never dials.</summary>
    private SwarmConnection? DirectTo(PeerId peer) =>
        network.ConnectionsOf(peer).FirstOrDefault(c => !c.IsRelayed && !c.IsClosing);

    private Task RefuseAsync(
        SwarmStream stream, HopClient client, RelayVerdict verdict, CancellationToken cancellationToken)
    {
        if (verdict.IsFlood)
        {
            Flooded(client);
        }

        return RefuseAsync(stream, verdict.Status, cancellationToken);
    }

    private async Task RefuseAsync(SwarmStream stream, RelayStatusCode status, CancellationToken cancellationToken)
    {
        Refused(stream.RemotePeer, status.ToString());
        await WriteAsync(stream, HopMessage.Answer(status), cancellationToken).ConfigureAwait(false);
        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    private static ValueTask WriteAsync(SwarmStream stream, HopMessage message, CancellationToken cancellationToken) =>
        FramedWriter.WriteAsync(stream, RelayCodec.Encode(message), cancellationToken);

    private static ProtocolViolationException Violation(EndReason reason, string message) =>
        new(reason, ViolationScope.Stream, message);
}
