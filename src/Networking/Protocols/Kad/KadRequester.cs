using System.Net;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Asks one peer one thing, and tells the table how that went.</summary>
/// <remarks>Safe for several threads.</remarks>
internal sealed class KadRequester(Swarm.Swarm swarm, KadOptions options, KadState state, ILogger log)
{
    private readonly DialledPeers _dialled = new(options.MaxDialledConnections);
    private readonly Dictionary<PeerId, int> _asked = []; // requests under way; guarded by itself

    /// <summary>A server proved to be alive whose place another one wants: ping it.</summary>
    public event Action<KadPeer>? PingWanted;

    private SwarmNetwork Network => swarm.Network;

    /// <summary>A request to this peer is under way: looking for its addresses now would begin a lookup within the
    /// lookup.</summary>
    public bool IsAsking(PeerId peer)
    {
        lock (_asked)
        {
            return _asked.ContainsKey(peer);
        }
    }

    /// <summary>Asks a peer, dialling it when need be.</summary>
    /// <returns>Its answer; for ADD_PROVIDER, which has none, the request. Null when it could not be asked or gave none.</returns>
    public async Task<KadMessage?> AskAsync(KadPeer peer, KadMessage request, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(options.Lookup.RequestTimeout, Network.Time, cancellationToken);
        Count(peer.Peer, 1);
        DateTimeOffset start = Network.Time.GetUtcNow();
        try
        {
            if (peer.Addresses.Count > 0 && Network.ConnectionsOf(peer.Peer).Count == 0)
            {
                swarm.AddAddresses(peer.Peer, peer.Addresses);
            }

            KadMessage answer = await ExchangeAsync(peer.Peer, request, limit.Token).ConfigureAwait(false);
            Seen(peer.Peer);
            return Believed(answer, IpsOf(peer.Peer), options.PublicAddresses);
        }
        catch (ProtocolViolationException violation)
        {
            swarm.Penalize(peer.Peer, violation.Reason);
            Failed(peer.Peer, violation.Reason, violation.Message);
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            cancellationToken.ThrowIfCancellationRequested(); // called off: not the peer's fault
            Failed(peer.Peer, reason, e.Message);
        }
        finally
        {
            _dialled.Used(peer.Peer, dialled: IsDialledSince(peer.Peer, start));
            Count(peer.Peer, -1);
        }

        return null;
    }

    /// <summary>Puts a server into the table, as its connections show it.</summary>
    public void Seen(PeerId peer)
    {
        IReadOnlyList<Multiaddr> addresses =
            [.. Network.AddressesOf(peer).OrderBy(a => a.IsRelayed).ThenBy(a => !options.PublicAddresses.Allows(a))];
        state.Seen(new KadPeer(peer, addresses), IpsOf(peer), out KadPeer? ping);
        if (ping is not null)
        {
            PingWanted?.Invoke(ping);
        }
    }

    /// <summary>Closes connections that requests made, that nobody uses, and that are too many.</summary>
    public void CloseUnused()
    {
        IReadOnlyList<PeerId> unused = _dialled.Leave(
            p => Network.ConnectionsOf(p).All(c => c.ToInfo().OpenStreamCount == 0));
        foreach (SwarmConnection connection in unused.SelectMany(Network.ConnectionsOf))
        {
            connection.Close(EndReason.ClosedLocally);
        }
    }

    private async Task<KadMessage> ExchangeAsync(PeerId peer, KadMessage request, CancellationToken cancellationToken)
    {
        PeerStream stream = await swarm.OpenStreamAsync(peer, options.Protocol, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            await FramedWriter.WriteAsync(stream, KadCodec.Encode(request), cancellationToken).ConfigureAwait(false);
            using var reader = new FramedReader(stream, KadLimits.MaxAnswerBytes);
            if (request.Type == KadMessageType.AddProvider)
            {
                await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
                await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
                return request; // there is no answer, but the end of the stream says that it was read
            }

            ReadOnlyMemory<byte>? bytes = await reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            KadMessage answer = bytes is { } some
                ? KadCodec.Decode(some.Span, KadLimits.MaxAnswerBytes)
                : throw new IOException("the stream ended without an answer");
            await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
            return answer.Type == request.Type
                ? answer
                : throw new ProtocolViolationException(
                    EndReason.UnexpectedMessage, ViolationScope.Stream, $"{answer.Type} for {request.Type}");
        }
    }

    /// <summary>Who answers from the Internet is not believed addresses of our own network: dialling them would only knock at
    /// our neighbours' doors.</summary>
    internal static KadMessage Believed(KadMessage answer, IEnumerable<IPAddress> from, AddressRule publicAddresses)
    {
        if (!from.Any(publicAddresses.Allows))
        {
            return answer;
        }

        IReadOnlyList<KadPeer> Public(IReadOnlyList<KadPeer> peers) =>
            [.. peers.Select(p => p with { Addresses = [.. p.Addresses.Where(publicAddresses.Allows)] })];
        return answer with { CloserPeers = Public(answer.CloserPeers), ProviderPeers = Public(answer.ProviderPeers) };
    }

    private bool IsDialledSince(PeerId peer, DateTimeOffset time) => Network.ConnectionsOf(peer).Any(
        c => c.OpenedAt >= time && c.ToInfo().Direction == ConnectionDirection.Outbound);

    private IEnumerable<IPAddress> IpsOf(PeerId peer) =>
        Network.ConnectionsOf(peer).Select(c => ThinWaist.IpOf(c.RemoteAddress)).OfType<IPAddress>();

    private void Failed(PeerId peer, EndReason reason, string message)
    {
        state.Failed(peer);
        KadLog.RequestFailed(log, peer.ToShortString(), reason, message);
    }

    private void Count(PeerId peer, int change)
    {
        lock (_asked)
        {
            int count = _asked.GetValueOrDefault(peer) + change;
            if (count == 0)
            {
                _asked.Remove(peer);
            }
            else
            {
                _asked[peer] = count;
            }
        }
    }
}
