using P2PLearn.Learning.Simulation;

namespace P2PLearn.Node.Plots;

/// <summary>Runs as charts: accuracy over rounds and over bytes, honest disagreement, and what was kept of the attackers.</summary>
internal static class RunCharts
{
    private const int FewAttackers = 8;

    /// <summary>The charts that the runs have numbers for.</summary>
    /// <param name="runs">One line each.</param>
    public static IReadOnlyList<Chart> Of(IReadOnlyList<PlottedRun> runs)
    {
        Chart[] all =
        [
            Accuracy(runs, "accuracy-rounds", "Accuracy of the honest nodes over rounds (dashed: the worst)", "round", r => r.Round),
            Accuracy(runs, "accuracy-bytes", "Accuracy of the honest nodes over traffic (dashed: the worst)", "received by a node, MB", r => r.BytesPerNode / 1e6),
            new Chart
            {
                Name = "disagreement",
                Title = "Disagreement of the honest models",
                X = "round",
                Y = "RMS distance to their mean",
                FromZero = true,
                Series = [.. runs.Select((run, i) => new ChartSeries(run.Name, Points(run, r => r.Round, r => r.Disagreement), i))],
            },
            Kept(runs),
        ];
        return [.. all.Select(c => c with { Series = [.. c.Series.Where(s => s.Points.Count > 0)] }).Where(c => c.Series.Count > 0)];
    }

    private static Chart Accuracy(IReadOnlyList<PlottedRun> runs, string name, string title, string x, Func<SimulationRound, double> at) => new()
    {
        Name = name,
        Title = title,
        X = x,
        Y = "accuracy, %",
        Most = 100,
        Series =
        [
            .. runs.Select((run, i) => new ChartSeries(run.Name, Points(run, at, r => 100 * r.AccuracyMean), i)),
            .. runs.Select((run, i) => new ChartSeries("", Points(run, at, r => 100 * r.AccuracyWorst), i) { Dashed = true }),
        ],
    };

    private static Chart Kept(IReadOnlyList<PlottedRun> runs)
    {
        int attackers = runs.Count == 1 ? runs[0].Results.SelectMany(r => r.Rounds).Select(r => r.KeptShareOfEach.Count).DefaultIfEmpty().Max() : 0;
        return new Chart
        {
            Name = "kept",
            Title = attackers is > 0 and <= FewAttackers ? "How often each attacker was kept" : "How often attackers were kept (band: least and most of them)",
            X = "round",
            Y = "kept of the times heard, %",
            FromZero = true,
            Most = 100,
            Series = attackers is > 0 and <= FewAttackers
                ? [.. Enumerable.Range(0, attackers).Select(a => new ChartSeries($"attacker {a + 1}", Points(runs[0], r => r.Round, r => 100 * r.KeptShareOfEach.ElementAtOrDefault(a)), a))]
                : [.. runs.Select(WithBand)],
        };
    }

    private static ChartSeries WithBand(PlottedRun run, int colour)
    {
        double? Of(SimulationRound round, Func<IEnumerable<double>, double> choose) =>
            round.KeptShareOfEach.OfType<double>().ToArray() is { Length: > 0 } shares ? 100 * choose(shares) : null;
        IReadOnlyList<(double X, double Y)> least = Points(run, r => r.Round, r => Of(r, s => s.Min()));
        IReadOnlyList<(double X, double Y)> most = Points(run, r => r.Round, r => Of(r, s => s.Max()));
        return new ChartSeries(run.Name, Points(run, r => r.Round, r => 100 * r.KeptShare), colour)
        {
            Band = [.. least.Zip(most, (l, m) => (l.Y, m.Y))],
        };
    }

    // Mean over the runs of a line, round by round; a round counts when all of them have the number.
    private static (double X, double Y)[] Points(PlottedRun run, Func<SimulationRound, double> x, Func<SimulationRound, double?> y) =>
    [
        .. from round in run.Results.SelectMany(r => r.Rounds)
           group round by round.Round into same
           orderby same.Key
           where same.Count() == run.Results.Count && same.All(r => y(r) is { } value && double.IsFinite(value))
           select (same.Average(x), same.Average(r => y(r)!.Value)),
    ];
}
