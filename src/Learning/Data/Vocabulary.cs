namespace P2PLearn.Learning.Data;

/// <summary>Which characters a text model knows, in the order of their numbers.</summary>
/// <remarks>Nodes that train together need the same one: from one shared text, or <see cref="Ascii"/> when each has its own.</remarks>
public sealed class Vocabulary
{
    /// <summary>What a character that is not in the vocabulary becomes.</summary>
    public const char Unknown = '?';

    private readonly string _characters;

    private Vocabulary(string characters) => _characters = characters;

    /// <summary>Line end and the 95 printable characters of ASCII; every other character reads as <see cref="Unknown"/>.</summary>
    public static Vocabulary Ascii { get; } = new("\n" + string.Concat(Enumerable.Range(' ', 95).Select(c => (char)c)));

    /// <summary>Number of characters; at most <see cref="LabelledExamples.MaxClasses"/>.</summary>
    public int Count => _characters.Length;

    /// <summary>The characters, ascending.</summary>
    public string Characters => _characters;

    /// <summary>The characters of a text, ascending.</summary>
    /// <exception cref="InvalidDataException">Fewer than two, or more than a byte can number.</exception>
    public static Vocabulary Of(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        char[] characters = [.. text.Distinct().Order()];
        return characters.Length is >= 2 and <= LabelledExamples.MaxClasses
            ? new Vocabulary(new string(characters))
            : throw new InvalidDataException(
                $"expected 2 to {LabelledExamples.MaxClasses} different characters, found {characters.Length}");
    }

    /// <summary>The numbers of a text's characters.</summary>
    /// <returns>Shape [length], each in [0, <see cref="Count"/>).</returns>
    public byte[] Encode(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        byte[] numbers = new byte[text.Length];
        int unknown = Math.Max(0, _characters.IndexOf(Unknown, StringComparison.Ordinal));
        for (int i = 0; i < numbers.Length; i++)
        {
            int number = _characters.AsSpan().BinarySearch(text[i]);
            numbers[i] = (byte)(number < 0 ? unknown : number);
        }

        return numbers;
    }
}
