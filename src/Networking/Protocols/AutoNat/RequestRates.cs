using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Nat;

namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>How often something was allowed in the last minute: in all, to a peer, for an IP.</summary>
/// <remarks>
/// Pure, the time comes in. Only what was allowed is remembered, so that it holds at most <paramref name="inAll"/>
/// entries. Safe for several threads.
/// </remarks>
/// <param name="inAll">At most so many in any window.</param>
/// <param name="perPeer">At most so many for one peer.</param>
/// <param name="perIp">At most so many for one IPv4 address or IPv6 /64.</param>
internal sealed class RequestRates(int inAll, int perPeer, int perIp)
{
    /// <summary>The window.</summary>
    public static readonly TimeSpan Window = TimeSpan.FromMinutes(1);

    private readonly Queue<(DateTimeOffset At, PeerId Peer, IPAddress Ip)> _allowed = [];

    /// <summary>Entries held.</summary>
    public int Count
    {
        get
        {
            lock (_allowed)
            {
                return _allowed.Count;
            }
        }
    }

    /// <summary>Counts one more, unless a limit is reached.</summary>
    public bool TryTake(PeerId peer, IPAddress ip, DateTimeOffset now)
    {
        IPAddress group = ThinWaist.Observer(ip);
        lock (_allowed)
        {
            while (_allowed.TryPeek(out (DateTimeOffset At, PeerId Peer, IPAddress Ip) oldest) && now - oldest.At >= Window)
            {
                _allowed.Dequeue();
            }

            if (_allowed.Count >= inAll
                || _allowed.Count(a => a.Peer == peer) >= perPeer
                || _allowed.Count(a => a.Ip.Equals(group)) >= perIp)
            {
                return false;
            }

            _allowed.Enqueue((now, peer, group));
            return true;
        }
    }
}
