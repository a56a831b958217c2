using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Asks a v2 server to dial: one request with all that follows. Safe for several threads.</summary>
/// <param name="options">What a server may ask of us.</param>
/// <param name="time">The clock.</param>
internal sealed class DialRequester(AutoNatOptions options, TimeProvider time)
{
    /// <summary>Bytes of the upload in one message, so that the message stays below 4096.</summary>
    public const int ChunkBytes = 4_000;

    private static readonly ByteString Chunk = ByteString.CopyFrom(new byte[ChunkBytes]);

    /// <summary>Asks.</summary>
    /// <param name="server">A direct connection to it.</param>
    /// <param name="addresses">In order of interest; the server takes the first that it is willing to dial.</param>
    /// <param name="nonce">What the dial-back is known by.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>What it said; untrusted. <see cref="DialVerdict.Failed"/> when it said nothing of use.</returns>
    public async Task<DialVerdict> AskAsync(
        SwarmConnection server, IReadOnlyList<Multiaddr> addresses, ulong nonce, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(options.ProbeTimeout, time, cancellationToken);
        try
        {
            SwarmStream stream = await server.OpenStreamAsync(AutoNatProtocol.DialRequest, optimistic: true, limit.Token)
                .ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var request = new DialRequest { Nonce = nonce };
                request.Addrs.AddRange(addresses.Select(a => ByteString.CopyFrom(a.Bytes)));
                var message = new AutoNatMessage { DialRequest = request };
                await AutoNatProtocol.WriteAsync(stream, message, limit.Token).ConfigureAwait(false);
                DialVerdict verdict = await HearAsync(stream, addresses.Count, limit.Token).ConfigureAwait(false);
                await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
                return verdict;
            }
        }
        catch (ProtocolViolationException violation)
        {
            server.Broke(violation);
        }
        catch (Exception e) when (EndReasons.Of(e) is not null)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        return DialVerdict.Failed;
    }

    /// <summary>js-libp2p sends an answer for each address that it will not dial before the one that counts, so there are as
    /// many answers as addresses at most, and one demand for data.</summary>
    private async Task<DialVerdict> HearAsync(SwarmStream stream, int addresses, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, options.Limits.MaxMessageBytes);
        DialVerdict verdict = DialVerdict.Failed;
        bool paid = false;
        for (int left = addresses + 2; left > 0 && !verdict.IsFinal; left--)
        {
            AutoNatMessage? message = await AutoNatProtocol.ReadAsync(reader, AutoNatMessage.Parser, cancellationToken)
                .ConfigureAwait(false);
            if (message is null)
            {
                break;
            }

            if (message.MsgCase == AutoNatMessage.MsgOneofCase.DialResponse)
            {
                verdict = Judge(message.DialResponse, addresses);
                continue;
            }

            if (paid || !IsFair(message.DialDataRequest, addresses))
            {
                throw AutoNatProtocol.Unexpected("neither an answer nor a fair demand for data");
            }

            paid = true;
            await PayAsync(stream, (int)message.DialDataRequest.NumBytes, cancellationToken).ConfigureAwait(false);
        }

        return verdict;
    }

    private static DialVerdict Judge(DialResponse answer, int addresses) => answer.Status switch
    {
        DialResponse.Types.ResponseStatus.Ok when answer.AddrIdx < addresses =>
            new DialVerdict((int)answer.AddrIdx, answer.DialStatus, IsRefused: false),
        DialResponse.Types.ResponseStatus.Ok => throw AutoNatProtocol.Unexpected("an answer for an address not asked about"),
        DialResponse.Types.ResponseStatus.EDialRefused => DialVerdict.Refused,
        DialResponse.Types.ResponseStatus.ERequestRejected => DialVerdict.Failed with { IsFinal = true, IsRejected = true },
        _ => DialVerdict.Failed with { IsFinal = true },
    };

    private bool IsFair(DialDataRequest? demand, int addresses) =>
        demand is not null && demand.AddrIdx < addresses && demand.NumBytes <= (ulong)options.MaxDialDataBytes;

    private static async Task PayAsync(SwarmStream stream, int bytes, CancellationToken cancellationToken)
    {
        for (int left = bytes; left > 0; left -= ChunkBytes)
        {
            ByteString data = left >= ChunkBytes ? Chunk : ByteString.CopyFrom(new byte[left]);
            var message = new AutoNatMessage { DialDataResponse = new DialDataResponse { Data = data } };
            await AutoNatProtocol.WriteAsync(stream, message, cancellationToken).ConfigureAwait(false);
        }
    }
}

/// <summary>A v2 server's answer.</summary>
/// <param name="Index">The address that it dialled; -1 for none.</param>
/// <param name="Status">What came of it.</param>
/// <param name="IsRefused">It is willing to dial none of them.</param>
internal sealed record DialVerdict(int Index, DialStatus Status, bool IsRefused)
{
    /// <summary>No answer of use.</summary>
    public static readonly DialVerdict Failed = new(-1, DialStatus.Unused, IsRefused: false);

    /// <summary>It dials none of these.</summary>
    public static readonly DialVerdict Refused = new(-1, DialStatus.Unused, IsRefused: true);

    /// <summary>It serves nobody, or not us, at this moment: nothing was dialled.</summary>
    public bool IsRejected { get; init; }

    /// <summary>Nothing that follows it counts.</summary>
    public bool IsFinal { get; init; } = Index >= 0;
}
