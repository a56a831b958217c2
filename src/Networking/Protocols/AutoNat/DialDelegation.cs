using System.Net;
using System.Security.Cryptography;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat.Wire.V2;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>Has another server dial in our place.</summary>
/// <remarks>
/// A NAT that filters by address lets us pass, since the requester is connected to us, and nobody else: our own dial would
/// find reachable what is not. To another server we are a plain v2 client that names the requester's address and nonce; it
/// asks us for the data that an address not ours costs, so that nobody is dialled more often or for less than by the
/// book. The specification lets the dial-back come from anybody. Safe for several threads.
/// </remarks>
/// <param name="network">Who is connected.</param>
/// <param name="limits">How often.</param>
/// <param name="rule">Which servers are on the public Internet.</param>
/// <param name="requester">Asks.</param>
/// <param name="counters">Counts.</param>
internal sealed class DialDelegation(
    ISwarmNetwork network,
    AutoNatServerLimits limits,
    AddressRule rule,
    DialRequester requester,
    AutoNatCounters counters)
{
    /// <summary>Servers asked one after the other, when the earlier ones refuse, or have no time.</summary>
    public const int MaxAsked = 3;

    private readonly ILogger _log = network.LoggerFactory.CreateLogger<AutoNatService>();

    private readonly RequestRates _rates =
        new(limits.MaxDelegationsPerMinute, limits.MaxDelegationsPerPeer, limits.MaxDelegationsPerMinute);

    /// <summary>Tries it.</summary>
    /// <param name="client">Who wants to know.</param>
    /// <param name="clientIp">Where we see it.</param>
    /// <param name="address">At that IP.</param>
    /// <param name="nonce">The requester's.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>Null when nobody could be asked, or would not: the dial is ours then.</returns>
    public async Task<DialStatus?> TryAsync(
        SwarmConnection client, IPAddress clientIp, Multiaddr address, ulong nonce, CancellationToken cancellationToken)
    {
        SwarmConnection[] others = [.. network.Connections.Where(c => IsFit(c, client, clientIp))];
        if (others.Length == 0 || !_rates.TryTake(client.RemotePeer, clientIp, network.Time.GetUtcNow()))
        {
            AutoNatLog.NotDelegated(_log, address, others.Length, others.Length > 0);
            return null;
        }

        RandomNumberGenerator.Shuffle(others.AsSpan());
        foreach (SwarmConnection other in others.Take(MaxAsked))
        {
            DialVerdict verdict = await requester.AskAsync(other, [address], nonce, cancellationToken).ConfigureAwait(false);
            AutoNatLog.Delegated(_log, other.RemotePeer.ToShortString(), address, verdict.IsRefused || verdict.IsRejected ? "it would not" : verdict.Status.ToString());
            if (verdict.Index == 0 && verdict.Status != DialStatus.Unused)
            {
                counters.Add(AutoNatEvent.Delegated);
                return verdict.Status;
            }

            if (!verdict.IsRefused && !verdict.IsRejected)
            {
                break; // it may have dialled, or been paid
            }
        }

        return null;
    }

    private bool IsFit(SwarmConnection other, SwarmConnection client, IPAddress clientIp) =>
        !other.IsRelayed
        && !other.IsClosing
        && other.RemotePeer != client.RemotePeer
        && network.Speaks(other.RemotePeer, AutoNatProtocol.DialRequest) == true
        && ThinWaist.IpOf(other.RemoteAddress) is { } ip
        && rule.Allows(ip)
        && !ThinWaist.Observer(ip).Equals(ThinWaist.Observer(clientIp));
}
