using System.Globalization;

namespace P2PLearn.Learning.Data;

/// <summary>Where data comes from, as a configuration says it: <c>kind:path?name=value&amp;name=value</c>.</summary>
/// <remarks>
/// The path ends at the first question mark. Every message is one line for the user.
/// </remarks>
public sealed class DataSource
{
    private readonly Dictionary<string, string> _options;
    private readonly string _text;

    private DataSource(string text, string kind, string path, Dictionary<string, string> options) =>
        (_text, Kind, Path, _options) = (text, kind, path, options);

    /// <summary>E.g. "csv".</summary>
    public string Kind { get; }

    /// <summary>A file or folder; empty where the kind has a place of its own.</summary>
    public string Path { get; }

    /// <summary>Reads the parts of a source; whether its kind exists is not looked at.</summary>
    /// <exception cref="ArgumentException">An option without a value, or said twice.</exception>
    public static DataSource Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        int question = text.IndexOf('?', StringComparison.Ordinal);
        string place = question < 0 ? text : text[..question];
        int colon = place.IndexOf(':', StringComparison.Ordinal);
        var options = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string option in question < 0 ? [] : text[(question + 1)..].Split('&'))
        {
            int equals = option.IndexOf('=', StringComparison.Ordinal);
            if (equals < 1 || equals == option.Length - 1 || !options.TryAdd(option[..equals], option[(equals + 1)..]))
            {
                throw new ArgumentException($"data source '{text}': '{option}' must be name=value, and each name once");
            }
        }

        return colon < 0
            ? new DataSource(text, place, "", options)
            : new DataSource(text, place[..colon], place[(colon + 1)..], options);
    }

    /// <summary>The same source, also from another working directory: its path made absolute.</summary>
    public string WithAbsolutePath()
    {
        int question = _text.IndexOf('?', StringComparison.Ordinal);
        string options = question < 0 ? "" : _text[question..];
        return Path.Length == 0 ? _text : $"{Kind}:{System.IO.Path.GetFullPath(Path)}{options}";
    }

    /// <summary>Refuses options that the kind does not have, and a missing path.</summary>
    /// <param name="needsPath">Whether there must be a path.</param>
    /// <param name="names">The options of the kind.</param>
    /// <exception cref="ArgumentException">One of those.</exception>
    public void Require(bool needsPath, params ReadOnlySpan<string> names)
    {
        if (needsPath && Path.Length == 0)
        {
            throw new ArgumentException($"data source '{_text}' needs a file or folder after '{Kind}:'");
        }

        foreach (string name in _options.Keys)
        {
            if (!names.Contains(name))
            {
                string known = names.IsEmpty ? "it has none" : $"it has {string.Join(", ", names.ToArray())}";
                throw new ArgumentException($"data source '{_text}': {Kind} has no option '{name}'; {known}");
            }
        }
    }

    /// <summary>An option's text, or null when it is not given.</summary>
    public string? Text(string name) => _options.GetValueOrDefault(name);

    /// <summary>An option that is one of some words.</summary>
    /// <param name="name">The option.</param>
    /// <param name="words">The words; the first holds when the option is not given.</param>
    /// <exception cref="ArgumentException">Another word.</exception>
    public string Word(string name, params ReadOnlySpan<string> words)
    {
        string word = Text(name) ?? words[0];
        return words.Contains(word)
            ? word
            : throw new ArgumentException($"data source '{_text}': {name} must be {string.Join(" or ", words.ToArray())}");
    }

    /// <summary>An option that is an integer in [<paramref name="least"/>, <paramref name="most"/>].</summary>
    /// <exception cref="ArgumentException">No such integer.</exception>
    public int Integer(string name, int otherwise, int least, int most)
    {
        if (Text(name) is not { } text)
        {
            return otherwise;
        }

        return int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least && value <= most
            ? value
            : throw new ArgumentException($"data source '{_text}': {name} must be a number from {least} to {most}");
    }

    /// <summary>The option <c>test</c>: the share of the examples that is kept for testing, in (0, 1).</summary>
    /// <exception cref="ArgumentException">No such number.</exception>
    public double TestShare(double otherwise)
    {
        if (Text("test") is not { } text)
        {
            return otherwise;
        }

        return double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value > 0 && value < 1
            ? value
            : throw new ArgumentException($"data source '{_text}': test must be a share between 0 and 1, such as 0.2");
    }
}
