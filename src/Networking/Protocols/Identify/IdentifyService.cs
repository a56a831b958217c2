using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Swarm.Peers;

namespace P2PLearn.Networking.Protocols.Identify;

/// <summary>Asks peers who they are, tells them who we are, and tells them again when that changes.</summary>
/// <remarks>Source: libp2p specs, identify: <c>/ipfs/id/1.0.0</c>, where the side that opened the stream is the one
/// that is told, and <c>/ipfs/id/push/1.0.0</c>, where it is the one that tells. Safe for several threads.</remarks>
/// <param name="describeSelf">Who we are, for a remote at the given address.</param>
/// <param name="peers">Takes what peers say.</param>
/// <param name="timeouts">Limits of one exchange.</param>
/// <param name="time">The clock.</param>
/// <param name="log">The log.</param>
internal sealed class IdentifyService(
    Func<Multiaddr, IdentifyRecord> describeSelf,
    PeerStore peers,
    SwarmTimeouts timeouts,
    TimeProvider time,
    ILogger log)
{
    /// <summary>The asking protocol.</summary>
    public static readonly ProtocolId Id = new("/ipfs/id/1.0.0");

    /// <summary>The telling protocol.</summary>
    public static readonly ProtocolId PushId = new("/ipfs/id/push/1.0.0");

    /// <summary>Inbound streams of each from one peer.</summary>
    public const int MaxStreamsPerPeer = 4;

    /// <summary>A peer said who it is over this connection.</summary>
    public event Action<SwarmConnection>? Identified;

    /// <summary>Asks a peer over a connection. Failures are logged, not thrown.</summary>
    /// <returns>Why no valid answer came; <see cref="EndReason.None"/> when one did.</returns>
    public async Task<EndReason> AskAsync(SwarmConnection connection, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(timeouts.Identify, time, cancellationToken);
        try
        {
            SwarmStream stream = await connection.OpenStreamAsync(Id, optimistic: true, limit.Token)
                .ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await ReceiveAsync(stream, limit.Token).ConfigureAwait(false);
            }

            return EndReason.None;
        }
        catch (ProtocolViolationException violation)
        {
            connection.Broke(violation);
            Failed(connection, violation, violation.Reason);
            return violation.Reason;
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            Failed(connection, e, reason);
            return reason;
        }
    }

    /// <summary>Pushes our present state to a peer over a connection. Failures are logged, not thrown.</summary>
    public async Task PushAsync(SwarmConnection connection, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(timeouts.Identify, time, cancellationToken);
        try
        {
            SwarmStream stream = await connection.OpenStreamAsync(PushId, optimistic: true, limit.Token)
                .ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                await SendAsync(stream, limit.Token).ConfigureAwait(false);
                while (await stream.ReadAsync(new byte[1], limit.Token).ConfigureAwait(false) > 0)
                {
                    // Until the remote has closed it: it has read everything then.
                }
            }
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            Failed(connection, e, reason);
        }
    }

    /// <summary>Tells who we are.</summary>
    public async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(timeouts.Identify, time, cancellationToken);
        await SendAsync((SwarmStream)stream, limit.Token).ConfigureAwait(false);
    }

    /// <summary>Takes what a peer tells unasked.</summary>
    public async Task TakePushAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(timeouts.Identify, time, cancellationToken);
        await ReceiveAsync((SwarmStream)stream, limit.Token).ConfigureAwait(false);
        await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
    }

    /// <summary>Takes a record from a peer into the store.</summary>
    /// <exception cref="ProtocolViolationException">A key or a signed record of somebody else.</exception>
    internal static void Apply(IdentifyRecord record, PeerId sender, PeerStore peers)
    {
        // identify: the key must be that of the peer at the other end.
        if (record.PublicKey is { } bytes
            && (!PublicKey.TryFromProtobuf(bytes, out PublicKey? key) || key.PeerId != sender))
        {
            throw new ProtocolViolationException(
                EndReason.AuthenticationFailed, ViolationScope.Stream, "identify with the public key of somebody else");
        }

        EnvelopeCheck signed = record.SignedPeerRecord is { } envelope
            ? peers.AddRecord(envelope, sender)
            : EnvelopeCheck.Malformed;
        if (signed is EnvelopeCheck.BadSignature or EnvelopeCheck.NotTheSigner or EnvelopeCheck.NotTheSender)
        {
            throw new ProtocolViolationException(
                EndReason.AuthenticationFailed,
                ViolationScope.Stream,
                $"identify with a peer record that does not hold: {signed}");
        }

        if (signed != EnvelopeCheck.Valid)
        {
            peers.AddAddresses(sender, record.ListenAddresses ?? []);
        }

        peers.Describe(sender, record.Protocols, record.AgentVersion, record.ProtocolVersion);
    }

    private async Task ReceiveAsync(SwarmStream stream, CancellationToken cancellationToken)
    {
        var merger = new IdentifyMerger();
        using var reader = new FramedReader(stream, IdentifyLimits.MaxInboundMessageBytes);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false) is { } message)
        {
            merger.Add(message.Span);
        }

        IdentifyRecord record = merger.ToRecord();
        Apply(record, stream.RemotePeer, peers);
        SwarmConnection connection = stream.Connection;
        connection.ObservedAddress = record.ObservedAddress?.WithoutPeerId() ?? connection.ObservedAddress;
        Identified?.Invoke(connection);
    }

    private async Task SendAsync(SwarmStream stream, CancellationToken cancellationToken)
    {
        foreach (byte[] message in IdentifyCodec.Encode(describeSelf(stream.Connection.RemoteAddress)))
        {
            await FramedWriter.WriteAsync(stream, message, cancellationToken).ConfigureAwait(false);
        }

        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    private void Failed(SwarmConnection connection, Exception e, EndReason reason) =>
        SwarmLog.IdentifyFailed(log, connection.RemotePeer.ToShortString(), reason, e.Message);
}
