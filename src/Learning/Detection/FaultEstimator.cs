using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Detection;

/// <summary>Estimates from the history of contributions how many peers are outliers, for runs in which nobody knows f.</summary>
/// <remarks>
/// Two signs, counted over the last W mixings of one node. Far: the logarithm of its distance to the pivot is beyond median + k·max(s, c) of the logarithms of that
/// round, others' only; the spread s is the MAD, or the median of the deviations below the median where that is less: outliers are on the far side, and widen only the
/// MAD. Fewer than half of the peers cannot move these far, and the logarithm makes uneven data and their spread comparable. Twin: exactly the distance of another peer, which two trained models
/// never have, but attackers who all send one vector do (a copied honest node is then counted with its copies). A peer counts that stood out, one way or the
/// other, in more than a share of the rounds it was in: one bad round is no proof. What it cannot see: vectors of different attackers
/// within the honest spread. Pure; cost W·m·log m.
/// </remarks>
public static class FaultEstimator
{
    private const int FewestForMedian = 3;

    /// <summary>Estimates.</summary>
    /// <param name="mixings">What the rule of one node did in its mixings, oldest first; only the last W count.</param>
    /// <param name="self">That node: the pivot, which is not judged.</param>
    /// <param name="declared">f as the run declares it; at least 0.</param>
    /// <param name="options">Checked here.</param>
    public static FaultEstimate Estimate(
        IReadOnlyList<MixOutcome> mixings, Participant self, int declared, FaultEstimatorOptions options)
    {
        ArgumentNullException.ThrowIfNull(mixings);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentOutOfRangeException.ThrowIfNegative(declared);
        options.Validate();
        var standings = new SortedDictionary<Participant, PeerStanding>();
        int from = Math.Max(0, mixings.Count - options.Window);
        for (int i = from; i < mixings.Count; i++)
        {
            Count(standings, [.. mixings[i].Contributors.Where(c => c.Participant != self)], options);
        }

        PeerStanding[] suspects = [.. standings.Values.Where(s =>
            s.Rounds >= options.FewestRounds && Math.Max(s.Far, s.Twin) > options.Share * s.Rounds)];
        return new FaultEstimate(declared, mixings.Count - from, suspects);
    }

    private static void Count(
        SortedDictionary<Participant, PeerStanding> standings, ContributorOutcome[] peers, FaultEstimatorOptions options)
    {
        double limit = Limit(peers, options);
        foreach (ContributorOutcome peer in peers)
        {
            PeerStanding before = standings.GetValueOrDefault(peer.Participant);
            bool twin = float.IsFinite(peer.Distance) && peer.Distance > 0 && peers.Count(p => p.Distance == peer.Distance) > 1;
            standings[peer.Participant] = new PeerStanding(
                peer.Participant,
                before.Rounds + 1,
                before.Far + (peer.Distance > limit || !float.IsFinite(peer.Distance) ? 1 : 0),
                before.Twin + (twin ? 1 : 0),
                before.Rejected + (peer.Kept ? 0 : 1));
        }
    }

    private static double Limit(ContributorOutcome[] peers, FaultEstimatorOptions options)
    {
        if (peers.Length < FewestForMedian)
        {
            return double.PositiveInfinity;
        }

        double median = Median([.. peers.Select(p => (double)p.Distance)]);
        if (!(median > 0) || !double.IsFinite(median))
        {
            return double.PositiveInfinity; // most are copies of the pivot, or not finite: there is nothing to compare with
        }

        double[] deviations = [.. peers.Select(p => Math.Log(p.Distance / median))];
        double spread = Math.Min(Median([.. deviations.Select(Math.Abs)]), Median([.. deviations.Where(d => d <= 0).Select(d => -d)]));
        return median * Math.Exp(options.Spreads * Math.Max(spread, options.LeastSpread));
    }

    // The lower one of two, so that ∞ is not half of it while fewer than half are ∞.
    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[(values.Length - 1) / 2];
    }
}
