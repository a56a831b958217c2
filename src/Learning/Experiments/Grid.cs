using System.Globalization;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Experiments;

/// <summary>One run of a grid.</summary>
/// <param name="Values">The settings that the grid varies, in its order.</param>
/// <param name="Options">All settings; checked.</param>
public sealed record GridCell(IReadOnlyList<(string Key, string Value)> Values, SimulationOptions Options)
{
    private const string AllSeeds = "seed";

    /// <summary>E.g. "attack=alie,byzantine=2,seed=1".</summary>
    public string Name => Join(Values);

    /// <summary>The same without the seed: what the runs are averaged over.</summary>
    public string GroupName => Join(Group);

    /// <summary>The varied settings without the seed.</summary>
    public IReadOnlyList<(string Key, string Value)> Group => [.. Values.Where(v => v.Key != AllSeeds)];

    /// <summary>A file's name: what a file system may not like is a dash.</summary>
    public string FileName => string.Concat(Name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '=' or ',' or '.' or '+' or '-' ? c : '-')) + ".jsonl";

    private static string Join(IEnumerable<(string Key, string Value)> values) => string.Join(',', values.Select(v => $"{v.Key}={v.Value}"));
}

/// <summary>Values for some settings of a simulation, and all their combinations.</summary>
public static class Grid
{
    /// <summary>The most combinations of a grid.</summary>
    public const int MaxCells = 10_000;

    /// <summary>Reads a grid.</summary>
    /// <param name="terms">
    /// Each "key=value,value,…" with a key of <see cref="SimulationKeys"/>; for whole numbers also "first..last". A value that has commas of its own
    /// cannot be varied.
    /// </param>
    /// <param name="basis">All other settings.</param>
    /// <returns>All combinations, the last term varied first; each checked.</returns>
    /// <exception cref="ArgumentException">A term that is none, or a combination that cannot be run; one line for the user.</exception>
    public static IReadOnlyList<GridCell> Parse(IReadOnlyList<string> terms, SimulationOptions basis)
    {
        ArgumentNullException.ThrowIfNull(terms);
        ArgumentNullException.ThrowIfNull(basis);
        List<(string Key, string Value)[]> axes = [.. terms.Select(ParseTerm)];
        if (axes.Select(a => a[0].Key).GroupBy(k => k).FirstOrDefault(g => g.Count() > 1) is { } twice)
        {
            throw new ArgumentException($"the grid has '{twice.Key}' twice");
        }

        long cells = axes.Aggregate(1L, (count, axis) => Math.Min(int.MaxValue, count * axis.Length));
        if (cells > MaxCells)
        {
            throw new ArgumentException($"the grid has {cells} combinations, but at most {MaxCells} are run");
        }

        IEnumerable<(string Key, string Value)[]> combinations = [[]];
        foreach ((string Key, string Value)[] axis in axes)
        {
            combinations = [.. from chosen in combinations from value in axis select ((string Key, string Value)[])[.. chosen, value]];
        }

        return [.. combinations.Select(values => new GridCell(values, Check(values, basis)))];
    }

    private static SimulationOptions Check((string Key, string Value)[] values, SimulationOptions basis)
    {
        SimulationOptions options = values.Aggregate(basis, (o, v) => SimulationKeys.With(o, v.Key, v.Value));
        try
        {
            options.Validate();
            return options;
        }
        catch (ArgumentException e)
        {
            throw new ArgumentException($"{string.Join(' ', values.Select(v => $"{v.Key}={v.Value}"))}: {e.Message}", e);
        }
    }

    private static (string Key, string Value)[] ParseTerm(string term)
    {
        int equals = term.IndexOf('=', StringComparison.Ordinal);
        string[] values = equals < 1 ? [] : [.. term[(equals + 1)..].Split(',').SelectMany(Expand)];
        if (values.Length == 0 || values.Contains(""))
        {
            throw new ArgumentException($"'{term}' is no part of a grid: write key=value,value or key=1..3");
        }

        if (values.Distinct().Count() != values.Length)
        {
            throw new ArgumentException($"'{term}' has a value twice");
        }

        return [.. values.Select(value => (term[..equals], value))];
    }

    private static IEnumerable<string> Expand(string value)
    {
        string[] ends = value.Split("..");
        if (ends.Length != 2 || !TryRead(ends[0], out int first) || !TryRead(ends[1], out int last))
        {
            return [value];
        }

        return last >= first && last - first < MaxCells
            ? Enumerable.Range(first, last - first + 1).Select(i => i.ToString(CultureInfo.InvariantCulture))
            : throw new ArgumentException($"'{value}' is no range of at most {MaxCells} numbers, the smaller one first");
    }

    private static bool TryRead(string text, out int value) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value);
}
