using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.AutoNat;

namespace P2PLearn.Networking.Nat;

/// <summary>What others say they see us at, weighed: pure, the time comes in.</summary>
/// <remarks>
/// Source: libp2p specs, identify, and go-libp2p's rules for observed addresses. Believed are only peers that we dialled
/// from the port we listen on: the NAT maps that port as it does for those that dial us. For each address we listen on,
/// an observer (an IPv4 address or an IPv6 /64) has one vote, its latest; the votes of one network (/24 or /48) weigh no
/// more than <see cref="PerNetwork"/> together, so that neither a peer with many addresses nor an owner of many peers can
/// outvote the others. A vote lives as long as its connection, and <see cref="AutoNatOptions.ObservationLifetime"/>
/// longer. Peers that dialled us only confirm; while we have dialled nobody, they can name an address to be tested. Not
/// safe for several threads.
/// </remarks>
/// <param name="options">Thresholds and caps.</param>
/// <param name="rule">Which addresses count as public; observers and what they see must.</param>
internal sealed class ObservedAddresses(AutoNatOptions options, AddressRule rule)
{
    /// <summary>Addresses that we listen on of which observations are held.</summary>
    public const int MaxLocals = 32;

    /// <summary>Votes held of one network, of each address we listen on: more would not weigh more, and crowd out
    /// others.</summary>
    public const int MaxPerNetwork = 8;

    private readonly Dictionary<IPEndPoint, Dictionary<IPAddress, Vote>> _locals = [];

    /// <summary>What the votes of one network weigh at most: enough to be believed while nobody else says anything.</summary>
    private int PerNetwork => Math.Max(2, options.Observers);

    /// <summary>Votes held.</summary>
    public int Count => _locals.Values.Sum(v => v.Count);

    /// <summary>Tells which addresses we listen on; what was seen of others is forgotten.</summary>
    public void Listen(IEnumerable<Multiaddr> addresses)
    {
        HashSet<IPEndPoint> now = [];
        foreach (Multiaddr address in addresses)
        {
            if (now.Count < MaxLocals && ThinWaist.TryGet(address, out IPEndPoint? end))
            {
                now.Add(end);
            }
        }

        foreach (IPEndPoint gone in _locals.Keys.Except(now).ToList())
        {
            _locals.Remove(gone);
        }

        foreach (IPEndPoint local in now)
        {
            _locals.TryAdd(local, []);
        }
    }

    /// <summary>Takes a peer's word.</summary>
    public ObservationVerdict Add(Observation seen, DateTimeOffset now)
    {
        if (!seen.FromListenPort || !_locals.TryGetValue(seen.Local, out Dictionary<IPAddress, Vote>? votes))
        {
            return ObservationVerdict.NotListening;
        }

        if (seen.Observed.AddressFamily != seen.Local.AddressFamily
            || !rule.Allows(seen.Remote)
            || !rule.Allows(seen.Observed.Address))
        {
            return ObservationVerdict.NotPublic;
        }

        Expire(votes, now);
        IPAddress observer = ThinWaist.Observer(seen.Remote);
        if (votes.TryGetValue(observer, out Vote? earlier) && seen.IsInbound && !earlier.IsInbound)
        {
            return Confirm(earlier, seen, now);
        }

        if (earlier is null && !HasRoom(votes, observer, seen.IsInbound))
        {
            return ObservationVerdict.Full;
        }

        votes[observer] = new Vote(seen.Observed, seen.IsInbound, seen.Connection, now);
        return ObservationVerdict.Taken;
    }

    /// <summary>A connection ended: the word given over it lives on for a while.</summary>
    public void Closed(long connection, DateTimeOffset now)
    {
        foreach (Vote vote in _locals.Values.SelectMany(v => v.Values))
        {
            if (vote.Connection == connection)
            {
                vote.End(now);
            }
        }
    }

    /// <summary>Addresses worth testing: those with enough observers; the only one known, with fewer.</summary>
    /// <returns>At most <see cref="AutoNatOptions.MaxObservedPerListen"/> for each address we listen on, the most seen
    /// first, none that is itself one of those.</returns>
    public IReadOnlyList<ObservedAddress> Candidates(DateTimeOffset now) =>
    [
        .. _locals.Values
            .SelectMany(votes => CandidatesOf(votes, now))
            .Where(a => !_locals.ContainsKey(a.EndPoint))
            .OrderByDescending(a => a.Observers)
            .DistinctBy(a => a.EndPoint),
    ];

    /// <summary>The best guesses of where a hole can be punched: what those that we dialled see, the most seen first, at
    /// most <see cref="AutoNatOptions.MaxObservedPerListen"/> of each family.</summary>
    public IReadOnlyList<Multiaddr> PunchAddresses(DateTimeOffset now) =>
    [
        .. _locals.Values
            .SelectMany(votes => Rank(Live(votes, now).Where(v => !v.Vote.IsInbound)))
            .OrderByDescending(a => a.Observers)
            .DistinctBy(a => a.EndPoint)
            .GroupBy(a => a.EndPoint.AddressFamily)
            .SelectMany(family => family.Take(options.MaxObservedPerListen))
            .Select(a => a.Address),
    ];

    /// <summary>How the NAT chooses ports: the most hindering of the addresses we listen on.</summary>
    /// <remarks>RFC 5780, 4.3, with many observers in place of one server with two addresses: most of them see the same
    /// address (endpoint-independent, or no NAT when it is ours), or they do not.</remarks>
    public NatMapping Mapping(DateTimeOffset now) =>
        _locals.Select(l => MappingOf(l.Value, now)).DefaultIfEmpty(NatMapping.Unknown).Max();

    private static ObservationVerdict Confirm(Vote earlier, Observation seen, DateTimeOffset now)
    {
        if (!earlier.Observed.Equals(seen.Observed))
        {
            return ObservationVerdict.Outweighed;
        }

        earlier.Renew(seen.Connection, now);
        return ObservationVerdict.Taken;
    }

    private bool HasRoom(Dictionary<IPAddress, Vote> votes, IPAddress observer, bool isInbound)
    {
        IPAddress network = ThinWaist.Network(observer);
        List<KeyValuePair<IPAddress, Vote>> near = [.. votes.Where(v => ThinWaist.Network(v.Key).Equals(network))];
        return (near.Count < MaxPerNetwork || MakeRoom(votes, near, isInbound))
            && (votes.Count < options.MaxObservers || MakeRoom(votes, votes, isInbound));
    }

    /// <summary>Drops one of <paramref name="among"/> that has ended, or that dialled us where we dialled the
    /// newcomer.</summary>
    private static bool MakeRoom(
        Dictionary<IPAddress, Vote> votes, IEnumerable<KeyValuePair<IPAddress, Vote>> among, bool isInbound)
    {
        // Who dialled us can be anybody and many: they never crowd out those that we chose to dial.
        (IPAddress observer, Vote? vote) = among
            .Where(v => v.Value.IsInbound ? !isInbound || v.Value.EndedAt is not null : v.Value.EndedAt is not null && !isInbound)
            .OrderByDescending(v => v.Value.IsInbound)
            .ThenBy(v => v.Value.EndedAt ?? DateTimeOffset.MaxValue)
            .ThenBy(v => v.Value.At)
            .FirstOrDefault();
        return vote is not null && votes.Remove(observer);
    }

    private void Expire(Dictionary<IPAddress, Vote> votes, DateTimeOffset now)
    {
        foreach ((IPAddress observer, Vote vote) in votes)
        {
            if (!vote.IsLive(now, options.ObservationLifetime))
            {
                votes.Remove(observer);
            }
        }
    }

    private IEnumerable<(IPAddress Observer, Vote Vote)> Live(Dictionary<IPAddress, Vote> votes, DateTimeOffset now) =>
        votes.Where(v => v.Value.IsLive(now, options.ObservationLifetime)).Select(v => (v.Key, v.Value));

    private IEnumerable<ObservedAddress> CandidatesOf(Dictionary<IPAddress, Vote> votes, DateTimeOffset now)
    {
        List<(IPAddress, Vote Vote)> live = [.. Live(votes, now)];
        HashSet<IPEndPoint> dialled = [.. live.Where(v => !v.Vote.IsInbound).Select(v => v.Vote.Observed)];
        List<ObservedAddress> ranked =
            [.. Rank(live.Where(v => dialled.Count == 0 || dialled.Contains(v.Vote.Observed)))];
        List<ObservedAddress> believed = [.. ranked.Where(a => a.Observers >= options.Observers)];
        if (believed.Exists(a => a.Networks > 1))
        {
            believed.RemoveAll(a => a.Networks == 1); // one owner's word, against that of several
        }

        bool isOnlyOne = believed.Count == 0 && dialled.Count == 1 && ranked.Count == 1;
        return (isOnlyOne ? ranked : believed).Take(options.MaxObservedPerListen);
    }

    private IEnumerable<ObservedAddress> Rank(IEnumerable<(IPAddress Observer, Vote Vote)> votes) => votes
        .GroupBy(v => v.Vote.Observed)
        .Select(g => new ObservedAddress(
            g.Key,
            ThinWaist.Weigh(g.Select(v => v.Observer), PerNetwork),
            g.Select(v => ThinWaist.Network(v.Observer)).Distinct().Count(),
            g.Max(v => v.Vote.At)))
        .OrderByDescending(a => a.Observers)
        .ThenByDescending(a => a.Networks)
        .ThenByDescending(a => a.LastSeenAt)
        .ThenBy(a => a.EndPoint.ToString(), StringComparer.Ordinal);

    private NatMapping MappingOf(Dictionary<IPAddress, Vote> votes, DateTimeOffset now)
    {
        List<(IPAddress Observer, Vote Vote)> dialled = [.. Live(votes, now).Where(v => !v.Vote.IsInbound)];
        int all = ThinWaist.Weigh(dialled.Select(v => v.Observer), PerNetwork);
        return Rank(dialled).FirstOrDefault() is not { } most ? NatMapping.Unknown
            : 2 * most.Observers <= all ? NatMapping.EndpointDependent
            : _locals.ContainsKey(most.EndPoint) ? NatMapping.None
            : most.Observers >= 2 ? NatMapping.EndpointIndependent
            : NatMapping.Unknown;
    }

    private sealed class Vote(IPEndPoint observed, bool isInbound, long connection, DateTimeOffset at)
    {
        public IPEndPoint Observed { get; } = observed;

        public bool IsInbound { get; } = isInbound;

        /// <summary>The latest that it was given over.</summary>
        public long Connection { get; private set; } = connection;

        public DateTimeOffset At { get; private set; } = at;

        /// <summary>Null while the connection lives.</summary>
        public DateTimeOffset? EndedAt { get; private set; }

        public void Renew(long connection, DateTimeOffset now) => (Connection, At, EndedAt) = (connection, now, null);

        public void End(DateTimeOffset now) => EndedAt = now;

        public bool IsLive(DateTimeOffset now, TimeSpan lifetime) => EndedAt is not { } ended || now - ended < lifetime;
    }
}

/// <summary>An address that others see us at.</summary>
/// <param name="EndPoint">IP and port.</param>
/// <param name="Observers">The weight of those that saw it: distinct observers, few of any one network.</param>
/// <param name="Networks">Distinct networks (/24 or /48) among them.</param>
/// <param name="LastSeenAt">When one last said so.</param>
internal sealed record ObservedAddress(IPEndPoint EndPoint, int Observers, int Networks, DateTimeOffset LastSeenAt)
{
    /// <summary>As an address.</summary>
    public Multiaddr Address { get; } = Multiaddr.FromTcpEndPoint(EndPoint);
}
