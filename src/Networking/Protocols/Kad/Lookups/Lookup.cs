using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad.Lookups;

/// <summary>Why a lookup is over.</summary>
internal enum LookupEnd
{
    /// <summary>It goes on.</summary>
    None,

    /// <summary>On every path the k closest peers seen have answered.</summary>
    Converged,

    /// <summary>Who started it has what it wanted.</summary>
    Stopped,

    /// <summary>Its time, or its number of requests, is used up; what was found counts.</summary>
    Exhausted,
}

/// <summary>An iterative search for the peers closest to a key, over paths that share no peer.</summary>
/// <remarks>
/// Source: libp2p specs, kad-dht, "Peer routing"; Baumgart and Mies 2007 (S/Kademlia), 4.4. A peer is asked by one path only,
/// and who it names is heard on that path only. Pure: answers, failures and the time come in, the peers to ask come out; the
/// same inputs give the same requests. Bounded by <see cref="LookupOptions.MaxRequests"/> and
/// <see cref="KadLimits.MaxCloserPeers"/> names an answer. Not safe for several threads.
/// </remarks>
internal sealed class Lookup
{
    private readonly LookupOptions _options;
    private readonly KadKey _target;
    private readonly PeerId _self;
    private readonly LookupPath[] _paths;
    private readonly Dictionary<PeerId, LookupCandidate> _claims = []; // who asked each peer last
    private readonly List<LookupCandidate> _asked = []; // those of the claims that have not answered or failed
    private readonly DateTimeOffset _deadline;

    /// <param name="target">What is searched.</param>
    /// <param name="self">This node, never asked.</param>
    /// <param name="seeds">The closest peers of our own table, the closest first; dealt to the paths in turn.</param>
    /// <param name="options">k, α, d and times.</param>
    /// <param name="now">The time.</param>
    public Lookup(
        KadKey target, PeerId self, IReadOnlyList<KadPeer> seeds, LookupOptions options, DateTimeOffset now)
    {
        options.Validate();
        (_target, _self, _options) = (target, self, options);
        _deadline = now + options.Timeout;
        int paths = Math.Clamp(seeds.Count, 1, options.DisjointPaths);
        _paths = [.. Enumerable.Range(0, paths).Select(_ => new LookupPath(options, _claims))];
        for (int i = 0; i < seeds.Count; i++)
        {
            Hear(_paths[i % paths], seeds[i], hops: 1);
        }
    }

    /// <summary>Why it is over; None while it goes on.</summary>
    public LookupEnd End { get; private set; }

    /// <summary>Requests so far.</summary>
    public int RequestCount { get; private set; }

    /// <summary>The k closest peers that answered, the closest first, of each IP group only its share.</summary>
    public IReadOnlyList<KadPeer> Closest
    {
        get
        {
            List<LookupCandidate> closest = [];
            foreach (LookupCandidate candidate in _claims.Values
                .Where(c => c.State == CandidateState.Answered).OrderBy(c => c.Distance))
            {
                // The paths have their shares each for themselves: together they could be all of one owner's.
                if (closest.Count < _options.ResultCount
                    && candidate.Groups.All(g => closest.Count(c => c.Groups.Contains(g)) < _options.MaxPerGroup))
                {
                    closest.Add(candidate);
                }
            }

            return [.. closest.Select(c => c.Peer)];
        }
    }

    /// <summary>When <see cref="Tick"/> has something to do.</summary>
    public DateTimeOffset NextDeadline(DateTimeOffset now) =>
        _asked.Select(c => c.AskedAt + (IsSlow(c, now) ? _options.RequestTimeout : _options.SlowAfter))
            .Append(_deadline)
            .Min();

    /// <summary>How many requests in turn led to a peer that was asked; 0 for another.</summary>
    public int HopsTo(PeerId peer) => _claims.TryGetValue(peer, out LookupCandidate? found) ? found.Hops : 0;

    /// <summary>Begins, or goes on as time passes.</summary>
    /// <returns>The peers to ask now.</returns>
    public IReadOnlyList<KadPeer> Tick(DateTimeOffset now)
    {
        _asked.RemoveAll(c =>
        {
            bool isLate = now - c.AskedAt >= _options.RequestTimeout;
            c.State = isLate ? CandidateState.Failed : c.State;
            return isLate;
        });

        return Next(now);
    }

    /// <summary>A peer answered.</summary>
    /// <param name="peer">One that was to be asked; anybody else is ignored.</param>
    /// <param name="closer">Who it says is closer: at most <see cref="KadLimits.MaxCloserPeers"/> count.</param>
    /// <param name="now">The time.</param>
    /// <returns>The peers to ask now.</returns>
    public IReadOnlyList<KadPeer> Answered(PeerId peer, IReadOnlyList<KadPeer> closer, DateTimeOffset now)
    {
        if (_claims.TryGetValue(peer, out LookupCandidate? candidate) && candidate.State != CandidateState.Answered)
        {
            candidate.State = CandidateState.Answered; // late is better than never
            _asked.Remove(candidate);
            foreach (KadPeer named in closer.Take(KadLimits.MaxCloserPeers))
            {
                Hear(candidate.Path, named, candidate.Hops + 1);
            }
        }

        return Next(now);
    }

    /// <summary>A peer could not be asked, or its answer was none.</summary>
    /// <returns>The peers to ask now.</returns>
    public IReadOnlyList<KadPeer> Failed(PeerId peer, DateTimeOffset now)
    {
        if (_claims.TryGetValue(peer, out LookupCandidate? candidate) && candidate.State == CandidateState.Asked)
        {
            candidate.State = CandidateState.Failed;
            _asked.Remove(candidate);
        }

        return Next(now);
    }

    /// <summary>Ends it: nobody is asked any more.</summary>
    public void Stop() => End = End == LookupEnd.None ? LookupEnd.Stopped : End;

    private bool IsSlow(LookupCandidate asked, DateTimeOffset now) => now - asked.AskedAt >= _options.SlowAfter;

    private void Hear(LookupPath path, KadPeer peer, int hops)
    {
        if (peer.Peer != _self)
        {
            path.Add(new LookupCandidate(
                path,
                peer,
                KadKey.Of(peer.Peer).DistanceTo(_target),
                IpGroups.Of(peer.Addresses, _options.PublicAddresses),
                hops));
        }
    }

    private List<KadPeer> Next(DateTimeOffset now)
    {
        List<KadPeer> ask = [];
        if (End == LookupEnd.None && now >= _deadline)
        {
            End = LookupEnd.Exhausted;
        }

        int places = Math.Max(1, _options.Concurrency / _paths.Length);
        foreach (LookupPath path in End == LookupEnd.None ? _paths : [])
        {
            int free = places - _asked.Count(c => c.Path == path && !IsSlow(c, now));
            for (; free > 0 && RequestCount < _options.MaxRequests && path.Next() is { } next; free--)
            {
                (next.State, next.AskedAt) = (CandidateState.Asked, now);
                _claims[next.Peer.Peer] = next;
                _asked.Add(next);
                RequestCount++;
                ask.Add(next.Peer);
            }
        }

        if (End == LookupEnd.None && Array.TrueForAll(_paths, p => p.IsFinished))
        {
            End = LookupEnd.Converged;
        }
        else if (End == LookupEnd.None && _asked.Count == 0)
        {
            End = LookupEnd.Exhausted; // the requests are used up
        }

        return ask;
    }
}
