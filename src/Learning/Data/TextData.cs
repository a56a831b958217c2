using System.Text;

namespace P2PLearn.Learning.Data;

/// <summary>Training data out of a text file: what comes after T characters?</summary>
public static class TextData
{
    /// <summary>Largest file that is read, in bytes: a thousand books.</summary>
    public const long MaxBytes = 256L << 20;

    /// <summary>Longest block, in characters.</summary>
    public const int MaxLength = 1024;

    private const int DefaultLength = 64;
    private const double DefaultTestShare = 0.1;

    /// <summary>
    /// Reads <c>text:FILE</c>, UTF-8; options <c>length</c> (T, default 64), <c>vocabulary</c> (<c>file</c>: the characters of the file;
    /// <c>ascii</c>: a fixed one for nodes that each have their own text), <c>test</c> (share at the end of the file, default 0.1).
    /// </summary>
    /// <exception cref="ArgumentException">An option is wrong.</exception>
    /// <exception cref="InvalidDataException">The file is; one line.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static ExampleSets Load(DataSource source)
    {
        ArgumentNullException.ThrowIfNull(source);
        source.Require(needsPath: true, "length", "vocabulary", "test");
        int length = source.Integer("length", DefaultLength, least: 1, MaxLength);
        bool isAscii = source.Word("vocabulary", "file", "ascii") == "ascii";
        double testShare = source.TestShare(DefaultTestShare);
        string text = Read(source.Path);
        try
        {
            return Cut(text, isAscii ? Vocabulary.Ascii : Vocabulary.Of(text), length, testShare);
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{source.Path}: {e.Message}", e);
        }
    }

    /// <summary>Cuts a text: the end is for testing, so that no test block overlaps with what was trained on.</summary>
    /// <param name="text">At least two blocks and their next characters.</param>
    /// <param name="vocabulary">Its characters.</param>
    /// <param name="length">T.</param>
    /// <param name="testShare">In (0, 1).</param>
    /// <exception cref="InvalidDataException">The text is too short.</exception>
    public static ExampleSets Cut(string text, Vocabulary vocabulary, int length, double testShare)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(vocabulary);
        int block = length + 1;
        if (text.Length < 2 * block)
        {
            throw new InvalidDataException($"expected at least {2 * block} characters for blocks of {length}, found {text.Length}");
        }

        ReadOnlyMemory<byte> numbers = vocabulary.Encode(text);
        int testLength = Math.Clamp((int)(text.Length * testShare), block, text.Length - block);
        return new ExampleSets(
            new TextBlocks(numbers[..^testLength], length, vocabulary.Count),
            new TextBlocks(numbers[^testLength..], length, vocabulary.Count));
    }

    private static string Read(string path)
    {
        long bytes = new FileInfo(path).Length;
        if (bytes > MaxBytes)
        {
            throw new InvalidDataException($"{path}: {bytes} bytes are more than the {MaxBytes} that are read");
        }

        try
        {
            return File.ReadAllText(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
        }
        catch (DecoderFallbackException)
        {
            throw new InvalidDataException($"{path}: not UTF-8 text");
        }
    }
}
