using System.Globalization;
using System.Text;

namespace P2PLearn.NatLab.Tests;

/// <summary>What became of one pair.</summary>
/// <param name="From">Who dialled, over the relay.</param>
/// <param name="To">Who was dialled.</param>
/// <param name="Connected">Whether there was a connection at all.</param>
/// <param name="Direct">Whether a direct one took its place.</param>
/// <param name="How">What came of the try to become direct.</param>
/// <param name="Attempt">The punch that succeeded or was the last; 0 for a reversal.</param>
/// <param name="Milliseconds">From the relayed connection to the direct one, at the dialler.</param>
public sealed record PairResult(string From, string To, bool Connected, bool Direct, string How, int? Attempt, double? Milliseconds)
{
    public static string Table(string title, IReadOnlyCollection<PairResult> pairs)
    {
        var text = new StringBuilder(title).AppendLine();
        text.AppendLine(Row("from", "to", "connected", "direct", "how", "attempt", "ms"));
        foreach (PairResult pair in pairs)
        {
            text.AppendLine(Row(
                pair.From, pair.To, pair.Connected ? "yes" : "NO", pair.Direct ? "yes" : "no", pair.How, $"{pair.Attempt}", Round(pair.Milliseconds)));
        }

        return text.AppendLine(Summary(pairs)).ToString();
    }

    public static double Median(IEnumerable<PairResult> pairs)
    {
        double[] all = [.. pairs.Select(p => p.Milliseconds).OfType<double>().Order()];
        return all.Length == 0 ? double.NaN : (all[(all.Length - 1) / 2] + all[all.Length / 2]) / 2;
    }

    private static string Summary(IReadOnlyCollection<PairResult> pairs)
    {
        PairResult[] direct = [.. pairs.Where(p => p.Direct)];
        PairResult[] punched = [.. direct.Where(p => p.How == "Punched")];
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{pairs.Count(p => p.Connected)} of {pairs.Count} connected, {direct.Length} direct, {punched.Length} punched, {punched.Count(p => p.Attempt == 1)} of them at the first attempt; ms: median {Median(direct):0}, {direct.Min(p => p.Milliseconds):0}-{direct.Max(p => p.Milliseconds):0}");
    }

    private static string Row(string from, string to, string connected, string direct, string how, string attempt, string ms) =>
        $"{from,-20}{to,-20}{connected,-11}{direct,-8}{how,-12}{attempt,-9}{ms,8}";

    private static string Round(double? milliseconds) => milliseconds?.ToString("0", CultureInfo.InvariantCulture) ?? "";
}
