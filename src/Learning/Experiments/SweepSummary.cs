using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace P2PLearn.Learning.Experiments;

/// <summary>One row of a sweep's table: a combination of all that was varied but the seed.</summary>
/// <param name="Values">The combination, e.g. attack and byzantine; empty when only seeds were varied.</param>
/// <param name="Runs">How many seeds.</param>
/// <param name="MeanAccuracy">Accuracy of the honest nodes, mean over nodes and seeds, in [0, 1].</param>
/// <param name="Spread">Standard deviation of the seeds' means; 0 for one seed.</param>
/// <param name="WorstAccuracy">Accuracy of the worst honest node of all seeds.</param>
/// <param name="KeptShare">Share of the times that attackers were heard in which they were kept; null when none was heard.</param>
/// <param name="BytesPerNode">Received by an honest node, mean.</param>
/// <param name="VirtualSeconds">Mean.</param>
public sealed record SweepRow(
    IReadOnlyDictionary<string, string> Values,
    int Runs,
    double MeanAccuracy,
    double Spread,
    double WorstAccuracy,
    double? KeptShare,
    long BytesPerNode,
    double VirtualSeconds);

/// <summary>A sweep as a table.</summary>
public static class SweepSummary
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, // names are read by people; the output is never put into a page
    };

    /// <summary>The rows, in the order of the grid.</summary>
    public static IReadOnlyList<SweepRow> Of(IReadOnlyList<SweptCell> cells) =>
        [.. cells.GroupBy(c => c.Cell.GroupName).Select(group => Row([.. group]))];

    /// <summary>The table as text, with aligned columns.</summary>
    public static string ToText(IReadOnlyList<SweepRow> rows) => Align(Cells(rows, "P2"));

    /// <summary>The table as comma-separated values with a header; fractions as numbers.</summary>
    public static string ToCsv(IReadOnlyList<SweepRow> rows) =>
        string.Concat(Cells(rows, "0.#####").Select(row => string.Join(',', row.Select(Quote)) + "\n"));

    /// <summary>One line of JSON: an array of the rows.</summary>
    public static string ToJson(IReadOnlyList<SweepRow> rows) => JsonSerializer.Serialize(rows, Json);

    private static SweepRow Row(SweptCell[] cells)
    {
        double[] means = [.. cells.Select(c => c.Report.HonestMeanAccuracy)];
        double mean = means.Average();
        long kept = cells.Sum(c => c.Report.PerNode.Sum(n => (long)n.KeptByzantine));
        long heard = kept + cells.Sum(c => c.Report.PerNode.Sum(n => (long)n.RejectedByzantine));
        return new SweepRow(
            cells[0].Cell.Group.ToDictionary(v => v.Key, v => v.Value),
            cells.Length,
            mean,
            means.Length == 1 ? 0 : Math.Sqrt(means.Sum(m => (m - mean) * (m - mean)) / (means.Length - 1)),
            cells.Min(c => c.Report.HonestWorstAccuracy),
            heard == 0 ? null : (double)kept / heard,
            (long)cells.Average(c => c.Report.BytesPerNode),
            cells.Average(c => c.Report.VirtualSeconds));
    }

    private static List<string[]> Cells(IReadOnlyList<SweepRow> rows, string fraction)
    {
        string[] keys = rows.Count == 0 ? [] : [.. rows[0].Values.Keys];
        string Share(double? value) => value?.ToString(fraction, CultureInfo.InvariantCulture) ?? "";
        return
        [
            [.. keys, "runs", "mean", "spread", "worst", "kept", "bytes_per_node", "virtual_seconds"],
            .. rows.Select(row => (string[])
            [
                .. keys.Select(key => row.Values[key]),
                row.Runs.ToString(CultureInfo.InvariantCulture),
                Share(row.MeanAccuracy),
                Share(row.Spread),
                Share(row.WorstAccuracy),
                Share(row.KeptShare),
                row.BytesPerNode.ToString(CultureInfo.InvariantCulture),
                row.VirtualSeconds.ToString("0.0", CultureInfo.InvariantCulture),
            ]),
        ];
    }

    private static string Align(List<string[]> cells)
    {
        int[] widths = [.. Enumerable.Range(0, cells[0].Length).Select(column => cells.Max(row => row[column].Length))];
        int words = cells[0].Length - 7; // what was varied is text, what was measured is numbers
        var text = new StringBuilder();
        foreach (string[] row in cells)
        {
            text.AppendJoin("  ", row.Select((cell, i) => i < words ? cell.PadRight(widths[i]) : cell.PadLeft(widths[i]))).Append('\n');
        }

        return text.ToString();
    }

    private static string Quote(string value) =>
        value.AsSpan().IndexOfAny(",\"\n") < 0 ? value : '"' + value.Replace("\"", "\"\"", StringComparison.Ordinal) + '"';
}
