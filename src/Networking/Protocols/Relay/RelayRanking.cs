using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Which relay is better than another.</summary>
/// <remarks>
/// In this order: named by the settings; what it lets pass (none known is more than any limit, since members are granted
/// more); in another network than those in use; the shorter round trip; the lower peer id, so that runs repeat. Pure.
/// </remarks>
/// <param name="options">Times.</param>
/// <param name="candidates">All relays, as they are.</param>
internal sealed class RelayRanking(RelayClientOptions options, IReadOnlyCollection<RelayCandidate> candidates)
{
    /// <summary>What a relay is taken for that was not measured yet.</summary>
    public static readonly TimeSpan UnknownRoundTrip = TimeSpan.FromMilliseconds(250);

    /// <summary>A relay that is nearer by less is not worth a change.</summary>
    public static readonly TimeSpan MinGain = TimeSpan.FromMilliseconds(20);

    /// <summary>The relay to ask next; null when there is none.</summary>
    public RelayCandidate? Best(DateTimeOffset now) => Eligible(now).FirstOrDefault();

    /// <summary>The slot to do without first; null when none counts.</summary>
    public RelayCandidate? Worst() => candidates
        .Where(c => c.Counts)
        .OrderBy(c => c.IsConfigured)
        .ThenBy(c => c.Slot!.Limit, Comparer<LinkLimit?>.Create(RelayCandidate.Compare))
        .ThenByDescending(c => IsNetworkUsed(c.Network, besides: c))
        .ThenByDescending(c => c.RoundTrip ?? UnknownRoundTrip)
        .ThenByDescending(c => c.Peer)
        .FirstOrDefault();

    /// <summary>A relay that promises to be clearly better than the worst that counts; null when there is none.</summary>
    public RelayCandidate? Better(DateTimeOffset now) =>
        Worst() is { } worst ? Eligible(now).FirstOrDefault(c => IsClearlyBetter(c, worst, now)) : null;

    private IEnumerable<RelayCandidate> Eligible(DateTimeOffset now) => candidates
        .Where(c => c.IsEligible(now))
        .OrderByDescending(c => c.IsConfigured)
        .ThenBy(c => IsKnown(c, now) && !RelayCandidate.IsAmple(c.LastLimit))
        .ThenBy(c => IsNetworkUsed(c.Network, besides: c))
        .ThenBy(c => c.RoundTrip ?? UnknownRoundTrip)
        .ThenBy(c => c.Peer);

    private bool IsClearlyBetter(RelayCandidate candidate, RelayCandidate than, DateTimeOffset now)
    {
        if (candidate.IsConfigured != than.IsConfigured)
        {
            return candidate.IsConfigured;
        }

        int limits = CompareLimits(candidate, than.Slot!.Limit, now);
        if (limits != 0)
        {
            return limits > 0;
        }

        bool isUsed = IsNetworkUsed(candidate.Network, besides: than);
        bool isDoubled = IsNetworkUsed(than.Network, besides: than);
        return isUsed != isDoubled
            ? isDoubled
            : (candidate.RoundTrip * 2) + MinGain < than.RoundTrip;
    }

    /// <summary>What is not known is hoped for, where it is worth hoping.</summary>
    private int CompareLimits(RelayCandidate candidate, LinkLimit? than, DateTimeOffset now)
    {
        int unknown = RelayCandidate.IsAmple(than) ? 0 : 1;
        return IsKnown(candidate, now) ? RelayCandidate.Compare(candidate.LastLimit, than) : unknown;
    }

    private bool IsKnown(RelayCandidate candidate, DateTimeOffset now) =>
        candidate.GrantedAt + options.RetestInterval > now;

    private bool IsNetworkUsed(string? network, RelayCandidate besides) =>
        network is not null && candidates.Any(c => c.Counts && c != besides && c.Network == network);
}
