using System.Globalization;

namespace P2PLearn.Learning.Aggregation;

/// <summary>One part of a rule's name, "clipped-gossip:tau=1" or "bucketing:2,seed=7": a name and numbers.</summary>
internal sealed class AggregatorTerm
{
    private const int MaxArguments = 4;
    private readonly string _text;
    private readonly Dictionary<string, string> _arguments = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);

    /// <summary>Takes a part to pieces.</summary>
    /// <param name="text">Name, then perhaps a colon and values: "key=value" separated by commas; the first may leave out the key.</param>
    /// <exception cref="ArgumentException">Malformed, in one line for the user.</exception>
    public AggregatorTerm(string text)
    {
        _text = text;
        int colon = text.IndexOf(':', StringComparison.Ordinal);
        Name = colon < 0 ? text : text[..colon];
        string[] parts = colon < 0 ? [] : text[(colon + 1)..].Split(',');
        for (int i = 0; i < parts.Length; i++)
        {
            int equals = parts[i].IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? "" : parts[i][..equals];
            if (i >= MaxArguments || (equals < 0 && i > 0) || equals == 0 || !_arguments.TryAdd(key, parts[i][(equals + 1)..]))
            {
                throw new ArgumentException($"aggregator '{text}': after the colon come key=value pairs, separated by commas");
            }
        }
    }

    /// <summary>What stands before the colon.</summary>
    public string Name { get; }

    /// <summary>A number above 0, or null when it is not given.</summary>
    /// <param name="key">The parameter; "" is the value without a key.</param>
    public double? Positive(string key)
    {
        _used.Add(key);
        if (!_arguments.TryGetValue(key, out string? text))
        {
            return null;
        }

        return double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value > 0 && double.IsFinite(value)
            ? value
            : throw Bad(key, text, "a number above 0");
    }

    /// <summary>A whole number from 1 to <paramref name="maximum"/>, or null when it is not given.</summary>
    public int? Count(string key, int maximum)
    {
        _used.Add(key);
        if (!_arguments.TryGetValue(key, out string? text))
        {
            return null;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= 1 && value <= maximum
            ? value
            : throw Bad(key, text, $"a whole number from 1 to {maximum}");
    }

    /// <summary>Any whole number that is not negative, or 0 when it is not given.</summary>
    public ulong Seed(string key)
    {
        _used.Add(key);
        return !_arguments.TryGetValue(key, out string? text) ? 0
            : ulong.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ulong value) ? value
            : throw Bad(key, text, "a whole number");
    }

    /// <summary>Refuses values that nobody has asked for.</summary>
    /// <exception cref="ArgumentException">There is one, in one line for the user.</exception>
    public void CheckAllUsed()
    {
        foreach (string key in _arguments.Keys)
        {
            if (!_used.Contains(key))
            {
                throw new ArgumentException(
                    key.Length == 0 ? $"aggregator '{_text}': {Name} takes no value without a key" : $"aggregator '{_text}': {Name} has no parameter '{key}'");
            }
        }
    }

    /// <summary>The error for a value that has to be given.</summary>
    public ArgumentException Missing(string example) => new($"aggregator '{_text}': {Name} needs a value, as in '{example}'");

    private ArgumentException Bad(string key, string text, string wanted) =>
        new($"aggregator '{_text}': {(key.Length == 0 ? "the value" : key)} is '{text}', not {wanted}");
}
