using System.Net;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Kad.Lookups;

/// <summary>One of the disjoint paths: the candidates it has heard of, the nearest first.</summary>
/// <param name="options">k and limits.</param>
/// <param name="claims">Over all paths: who asked a peer last.</param>
internal sealed class LookupPath(LookupOptions options, IReadOnlyDictionary<PeerId, LookupCandidate> claims)
{
    /// <summary>Candidates kept, as a multiple of k: enough to go on when most of the nearest fail.</summary>
    private const int KeptPerResult = 3;

    private readonly List<LookupCandidate> _candidates = [];
    private readonly List<LookupCandidate> _seeds = [];

    /// <summary>The k nearest that have not failed, and all of our own table, have answered, whoever asked them.</summary>
    public bool IsFinished => Nearest().Concat(Seeds()).All(c => StateOf(c) == CandidateState.Answered);

    /// <summary>The nearest that nobody has asked, among the k nearest that have not failed; then those of our own
    /// table.</summary>
    public LookupCandidate? Next() => Nearest().Concat(Seeds()).FirstOrDefault(c => StateOf(c) == CandidateState.Heard);

    /// <summary>Takes a candidate, unless it is known, its IP group has its share, or all that are kept are nearer.</summary>
    public void Add(LookupCandidate candidate)
    {
        int at = _candidates.BinarySearch(candidate, ByDistance.Instance);
        if (at >= 0 || candidate.Groups.Any(g => CountOf(g) >= options.MaxPerGroup))
        {
            return;
        }

        _candidates.Insert(~at, candidate);
        if (candidate.Hops == 1)
        {
            _seeds.Add(candidate);
        }

        if (_candidates.Count > KeptPerResult * options.ResultCount)
        {
            _candidates.RemoveAt(_candidates.Count - 1);
        }
    }

    private IEnumerable<LookupCandidate> Nearest() =>
        _candidates.Where(c => StateOf(c) != CandidateState.Failed).Take(options.ResultCount);

    /// <summary>However many near ones liars name, each peer that we know ourselves is asked: one honest one is enough.</summary>
    private IEnumerable<LookupCandidate> Seeds() =>
        _seeds.Where(c => StateOf(c) != CandidateState.Failed);

    private int CountOf(IPAddress group) =>
        _candidates.Count(c => StateOf(c) != CandidateState.Failed && c.Groups.Contains(group));

    /// <summary>A peer that another path has asked is not asked again, unless that failed and this path knows of another
    /// address: the first may have been a lie.</summary>
    private CandidateState StateOf(LookupCandidate candidate)
    {
        if (!claims.TryGetValue(candidate.Peer.Peer, out LookupCandidate? claim) || claim == candidate)
        {
            return candidate.State;
        }

        return claim.State != CandidateState.Failed || candidate.State == CandidateState.Failed
            ? claim.State
            : candidate.Peer.Addresses.All(claim.Peer.Addresses.Contains) ? CandidateState.Failed : CandidateState.Heard;
    }

    private sealed class ByDistance : IComparer<LookupCandidate>
    {
        public static readonly ByDistance Instance = new();

        public int Compare(LookupCandidate? x, LookupCandidate? y) => x!.Distance.CompareTo(y!.Distance);
    }
}
