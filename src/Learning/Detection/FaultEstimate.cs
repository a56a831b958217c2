using System.Globalization;

namespace P2PLearn.Learning.Detection;

/// <summary>What the history of contributions says about f.</summary>
/// <param name="Declared">f as the run declares it.</param>
/// <param name="Rounds">Mixings that were looked at.</param>
/// <param name="Suspects">The peers that look like outliers, by participant.</param>
public sealed record FaultEstimate(int Declared, int Rounds, IReadOnlyList<PeerStanding> Suspects)
{
    /// <summary>The f that these outliers call for: their number, never below the declared f.</summary>
    /// <remarks>A lower bound of what is needed: an attacker that stays within the spread of the honest is not seen.</remarks>
    public int Suggested => Math.Max(Declared, Suspects.Count);

    /// <summary>Whether more peers look like outliers than the run guards against.</summary>
    public bool IsDeclaredTooSmall => Suspects.Count > Declared;

    /// <summary>One line, e.g. "declared f = 1, but 3 peers look like outliers over 10 rounds: a (far in 10 of 10), …".</summary>
    public string Describe()
    {
        string head = string.Create(
            CultureInfo.InvariantCulture,
            $"declared f = {Declared}, {(IsDeclaredTooSmall ? "but" : "and")} {Suspects.Count} {(Suspects.Count == 1 ? "peer looks like an outlier" : "peers look like outliers")} over {Rounds} rounds");
        return Suspects.Count == 0 ? head : $"{head}: {string.Join(", ", Suspects.Select(Describe))}";
    }

    private static string Describe(PeerStanding peer) => 2 * peer.Far >= peer.Rounds
        ? string.Create(CultureInfo.InvariantCulture, $"{peer.Participant} (far in {peer.Far} of {peer.Rounds})")
        : string.Create(CultureInfo.InvariantCulture, $"{peer.Participant} (same vector as another in {peer.Twin} of {peer.Rounds})");
}
