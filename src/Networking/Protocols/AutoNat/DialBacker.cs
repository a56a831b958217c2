using System.Net.Sockets;
using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Security;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Dials addresses to see whether they answer.</summary>
/// <remarks>
/// Source: libp2p specs, autonat v1 and v2: the dial leaves from a port that no NAT knows yet, and is made under another
/// identity. So it is a connection of its own, which the swarm never sees: were it adopted, either side might open streams on
/// it, prefer it to the connection that is there, and lose them when it is closed a moment later; and the remote would
/// take an ephemeral port for an address of ours. How many there are at a time is the caller's part. Safe for several
/// threads.
/// </remarks>
/// <param name="network">Makes the raw links.</param>
/// <param name="limits">Deadlines.</param>
internal sealed class DialBacker(ISwarmNetwork network, AutoNatServerLimits limits)
{
    private readonly MultistreamSelect _select =
        new(new MultistreamOptions { Timeout = limits.DialTimeout }, network.Time);

    /// <summary>Version 2: dials, and proves it with the nonce.</summary>
    /// <returns>Null when it failed on our side, so that nothing is known.</returns>
    public async Task<DialStatus?> DialBackAsync(Multiaddr address, ulong nonce, CancellationToken cancellationToken)
    {
        DialedLink? link = null;
        try
        {
            link = await ConnectAsync(address, expected: null, cancellationToken).ConfigureAwait(false);
            return await DeliverAsync(link, nonce, cancellationToken).ConfigureAwait(false)
                ? DialStatus.Ok
                : DialStatus.EDialBackError;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && EndReasons.Of(e) is not null)
        {
            return IsOurFault(e) ? null : link is null ? DialStatus.EDialError : DialStatus.EDialBackError;
        }
        finally
        {
            await EndAsync(link).ConfigureAwait(false);
        }
    }

    /// <summary>Version 1: dials, and sees who answers.</summary>
    /// <returns>Whether it is <paramref name="expected"/>; null when it failed on our side.</returns>
    public async Task<bool?> ReachesAsync(Multiaddr address, PeerId expected, CancellationToken cancellationToken)
    {
        DialedLink? link = null;
        try
        {
            link = await ConnectAsync(address, expected, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && EndReasons.Of(e) is not null)
        {
            return IsOurFault(e) ? null : false;
        }
        finally
        {
            await EndAsync(link).ConfigureAwait(false);
        }
    }

    private static bool IsOurFault(Exception e) => e.InnerException is SocketException
    {
        SocketErrorCode: SocketError.NetworkUnreachable or SocketError.AddressFamilyNotSupported or SocketError.AccessDenied
            or SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable or SocketError.AddressNotAvailable
    };

    private async Task<DialedLink> ConnectAsync(Multiaddr address, PeerId? expected, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(limits.DialTimeout, network.Time, cancellationToken);
        using KeyPair nobody = KeyPair.Generate();
        ITransportLink raw = await network.DialLinkAsync(address, DialOrigin.Ephemeral, limit.Token).ConfigureAwait(false);
        try
        {
            var noise = new NoiseSecurity(nobody, new NoiseOptions(), network.Time);
            NoiseChannel channel = await noise.SecureOutboundAsync(
                _select.Propose(raw, NoiseSecurity.ProtocolName), expected, [YamuxSession.ProtocolId], limit.Token)
                .ConfigureAwait(false);
            ILink muxable = channel;
            if (channel.NegotiatedMuxer is null)
            {
                (_, muxable) = await _select.SelectAsync(channel, [YamuxSession.ProtocolId], limit.Token)
                    .ConfigureAwait(false);
            }

            var session = YamuxSession.Start(muxable, isClient: true, YamuxOptions.Default, network.Time);
            return new DialedLink(raw, session, channel.RemotePeer);
        }
        catch
        {
            raw.Abort();
            await raw.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private async Task<bool> DeliverAsync(DialedLink link, ulong nonce, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(limits.DialBackTimeout, network.Time, cancellationToken);
        MuxedStream muxed = await link.Session.OpenStreamAsync(limit.Token).ConfigureAwait(false);
        (_, MuxedStream stream) = await _select.SelectAsync(muxed, link.Remote, [AutoNatProtocol.DialBack], limit.Token)
            .ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            byte[] message = new DialBack { Nonce = nonce }.ToByteArray();
            await stream.WriteAsync((byte[])[(byte)message.Length, .. message], limit.Token).ConfigureAwait(false);
            await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
            return await IsTakenAsync(stream, limit.Token).ConfigureAwait(false);
        }
    }

    /// <summary>The answer: a length of one byte, and a message that is empty as a rule.</summary>
    private static async Task<bool> IsTakenAsync(MuxedStream stream, CancellationToken cancellationToken)
    {
        byte[] answer = new byte[1 + sbyte.MaxValue];
        int have = 0;
        while (have == 0 || have <= answer[0])
        {
            int read = await stream.ReadAsync(answer.AsMemory(have), cancellationToken).ConfigureAwait(false);
            have += read;
            if (read == 0 || answer[0] > sbyte.MaxValue)
            {
                return false;
            }
        }

        return BoundedProtobuf.TryParse(
                DialBackResponse.Parser, answer.AsSpan(1, answer[0]), answer.Length, out DialBackResponse? response)
            && response.Status == DialBackResponse.Types.DialBackStatus.Ok;
    }

    private async Task EndAsync(DialedLink? link)
    {
        if (link is null)
        {
            return;
        }

        Task goodbye = link.Session.DisposeAsync().AsTask();
        try
        {
            await goodbye.WaitAsync(limits.DialBackTimeout, network.Time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            link.Raw.Abort();
            await goodbye.ConfigureAwait(false);
        }

        await link.Raw.DisposeAsync().ConfigureAwait(false);
    }

    private sealed record DialedLink(ITransportLink Raw, YamuxSession Session, PeerId Remote);
}
