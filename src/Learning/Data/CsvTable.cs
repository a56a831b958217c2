using System.Globalization;

namespace P2PLearn.Learning.Data;

/// <summary>The content of a CSV file: numbers, and a text per row that is its class.</summary>
internal sealed class CsvTable
{
    private readonly string _path;
    private readonly CsvLimits _limits;
    private readonly List<float> _values = [];
    private readonly List<string> _labels = [];
    private int _columns;
    private int _labelColumn;
    private string[] _names = [];

    private CsvTable(string path, CsvLimits limits) => (_path, _limits) = (path, limits);

    /// <summary>Row-major, shape [rows, features]; the label's column left out.</summary>
    public IReadOnlyList<float> Values => _values;

    /// <summary>One a row, never empty.</summary>
    public IReadOnlyList<string> Labels => _labels;

    /// <summary>Numbers of a row.</summary>
    public int FeatureCount => _columns - 1;

    /// <summary>Reads a file.</summary>
    /// <param name="path">A CSV file.</param>
    /// <param name="label">The label's column, by the header's name or by its number from 1; null for the last.</param>
    /// <param name="hasHeader">Whether the first record is names.</param>
    /// <param name="limits">What to accept.</param>
    /// <exception cref="InvalidDataException">Something is missing or no number; one line with file, line and column.</exception>
    public static CsvTable Read(string path, string? label, bool hasHeader, CsvLimits limits)
    {
        var table = new CsvTable(path, limits);
        using var reader = new CsvReader(path, limits);
        var fields = new List<string>();
        bool any = reader.TryRead(fields);
        table.SetColumns(fields, label, hasHeader);
        any = any && (!hasHeader || reader.TryRead(fields));
        for (; any; any = reader.TryRead(fields))
        {
            table.Add(reader, fields);
        }

        return table;
    }

    private void SetColumns(List<string> first, string? label, bool hasHeader)
    {
        _columns = first.Count;
        if (_columns < 2)
        {
            throw new InvalidDataException($"{_path}: expected a label and at least one number in a row, found {_columns} columns");
        }

        _names = hasHeader ? [.. first] : [.. Enumerable.Range(1, _columns).Select(i => i.ToString(CultureInfo.InvariantCulture))];
        _labelColumn = label is null ? _columns - 1 : Array.IndexOf(_names, label);
        if (_labelColumn < 0 && int.TryParse(label, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= 1 && number <= _columns)
        {
            _labelColumn = number - 1;
        }

        if (_labelColumn < 0)
        {
            string known = string.Join(", ", _names.Take(10).Select(Shown)) + (_columns > 10 ? ", …" : "");
            throw new InvalidDataException($"{_path}: there is no column '{label}' for the label; there are {known}");
        }
    }

    private void Add(CsvReader reader, List<string> fields)
    {
        if (fields.Count != _columns)
        {
            throw reader.Wrong(reader.Line, $"expected {_columns} fields, found {fields.Count}");
        }

        if (_values.Count > _limits.MaxValues - FeatureCount)
        {
            throw reader.Wrong(reader.Line, $"more than {_limits.MaxValues} numbers in all");
        }

        for (int i = 0; i < fields.Count; i++)
        {
            if (fields[i].Length == 0)
            {
                throw reader.Wrong(reader.Line, $"column '{Shown(_names[i])}' is empty; missing values are not guessed");
            }

            if (i != _labelColumn)
            {
                _values.Add(Number(reader, fields[i], _names[i]));
            }
        }

        _labels.Add(fields[_labelColumn]);
    }

    private static float Number(CsvReader reader, string field, string column) =>
        float.TryParse(field, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && float.IsFinite(value)
            ? value
            : throw reader.Wrong(reader.Line, $"column '{Shown(column)}' is '{Shown(field)}', expected a number");

    // One line, and a short one, whatever the file holds.
    private static string Shown(string field)
    {
        string start = field.Length <= 32 ? field : field[..32] + "…";
        return string.Concat(start.Select(c => char.IsControl(c) ? ' ' : c));
    }
}
