using System.Globalization;

namespace P2PLearn.Learning.Data;

/// <summary>Training data out of a CSV file: one column is the class, all others are numbers.</summary>
public static class CsvData
{
    private const double DefaultTestShare = 0.2;

    /// <summary>
    /// Reads <c>csv:FILE</c>; options <c>label</c> (name or number from 1 of the class's column; default the last), <c>header</c> (yes or no),
    /// <c>test</c> (share of the rows, default 0.2).
    /// </summary>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    /// <exception cref="InvalidDataException">The file is; one line with the line of the file.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ExampleSets Load(DataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.Require(needsPath: true, "label", "header", "test");
        bool hasHeader = source.Word("header", "yes", "no") == "yes";
        return Load(source.Path, source.Text("label"), hasHeader, source.TestShare(DefaultTestShare), new CsvLimits());
    }

    /// <summary>Reads a file, cuts it at random but everywhere the same, and standardises by the training rows.</summary>
    /// <param name="path">A CSV file.</param>
    /// <param name="label">The class's column, by the header's name or by its number from 1; null for the last.</param>
    /// <param name="hasHeader">Whether the first record is names.</param>
    /// <param name="testShare">Share of the rows that is for testing, in (0, 1).</param>
    /// <param name="limits">What to accept.</param>
    /// <exception cref="InvalidDataException">The file is not what it should be; one line.</exception>
    public static ExampleSets Load(string path, string? label, bool hasHeader, double testShare, CsvLimits limits)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(limits);
        CsvTable table = CsvTable.Read(path, label, hasHeader, limits);
        if (table.Labels.Count < 2)
        {
            throw new InvalidDataException($"{path}: expected at least 2 rows, found {table.Labels.Count}");
        }

        string[] names = ClassNames(table.Labels);
        if (names.Length is < 2 or > LabelledExamples.MaxClasses)
        {
            throw new InvalidDataException(
                $"{path}: expected 2 to {LabelledExamples.MaxClasses} different labels, found {names.Length}");
        }

        (int[] train, int[] test) = TrainTestCut.Random(table.Labels.Count, testShare);
        Standardisation standardisation = Standardisation.Of(table.Values, table.FeatureCount, train);
        var classes = names.Index().ToDictionary(pair => pair.Item, pair => (byte)pair.Index, StringComparer.Ordinal);
        LabelledFeatures Rows(int[] rows) => new(
            standardisation.Apply(table.Values, rows), rows.Select(r => classes[table.Labels[r]]).ToArray(), table.FeatureCount, names);
        return new ExampleSets(Rows(train), Rows(test));
    }

    // Numbers by their size, else by their characters: 2 before 10, and the same on every machine.
    private static string[] ClassNames(IEnumerable<string> labels)
    {
        string[] names = [.. labels.Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];
        bool areNumbers = names.All(n => double.TryParse(n, NumberStyles.Float, CultureInfo.InvariantCulture, out _));
        return areNumbers ? [.. names.OrderBy(n => double.Parse(n, NumberStyles.Float, CultureInfo.InvariantCulture))] : names;
    }
}
