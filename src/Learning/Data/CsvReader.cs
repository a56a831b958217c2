using System.Text;

namespace P2PLearn.Learning.Data;

/// <summary>Reads the records of a CSV file one by one.</summary>
/// <remarks>
/// Source: RFC 4180, section 2. Fields may be quoted, a quote inside is doubled, quoted fields may hold line ends; lines end in LF or CRLF.
/// Beyond it: lines that are empty are skipped, and a byte order mark is. Everything that the grammar does not allow is refused with the
/// line. Not safe for several threads.
/// </remarks>
internal sealed class CsvReader : IDisposable
{
    private const int End = -1;

    private readonly StreamReader _text;
    private readonly string _path;
    private readonly CsvLimits _limits;
    private readonly StringBuilder _field = new();
    private int _line = 1;

    /// <summary>Opens a file.</summary>
    /// <exception cref="InvalidDataException">It is larger than allowed.</exception>
    public CsvReader(string path, CsvLimits limits)
    {
        _path = path;
        _limits = limits;
        long length = new FileInfo(path).Length;
        if (length > limits.MaxBytes)
        {
            throw new InvalidDataException($"{path}: {length} bytes are more than the {limits.MaxBytes} that are read");
        }

        _text = new StreamReader(path, new UTF8Encoding(false, throwOnInvalidBytes: true));
    }

    /// <summary>The line on which the last record began, from 1.</summary>
    public int Line { get; private set; }

    /// <summary>Reads the next record.</summary>
    /// <param name="fields">Overwritten; empty at the end.</param>
    /// <returns>False at the end of the file.</returns>
    /// <exception cref="InvalidDataException">Not CSV; one line with file and line.</exception>
    public bool TryRead(List<string> fields)
    {
        fields.Clear();
        try
        {
            SkipEmptyLines();
            Line = _line;
            if (_text.Peek() == End)
            {
                return false;
            }

            while (ReadField(fields))
            {
            }

            return true;
        }
        catch (DecoderFallbackException)
        {
            throw Wrong(_line, "not UTF-8");
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _text.Dispose();

    /// <summary>A refusal that names file and line.</summary>
    public InvalidDataException Wrong(int line, string what) => new($"{_path}:{line}: {what}");

    private void SkipEmptyLines()
    {
        while (_text.Peek() is '\r' or '\n')
        {
            EndLine(_text.Read());
        }
    }

    // True when a comma ended the field, so that one more follows.
    private bool ReadField(List<string> fields)
    {
        if (fields.Count == _limits.MaxColumns)
        {
            throw Wrong(Line, $"more than {_limits.MaxColumns} fields");
        }

        _field.Clear();
        int end = _text.Peek() == '"' ? ReadQuoted() : ReadPlain();
        fields.Add(_field.ToString());
        if (end is '\r' or '\n')
        {
            EndLine(end);
        }

        return end == ',';
    }

    // Up to and with the comma or line end behind the field, which is returned.
    private int ReadPlain()
    {
        while (true)
        {
            int c = _text.Read();
            switch (c)
            {
                case ',' or '\r' or '\n' or End:
                    return c;
                case '"':
                    throw Wrong(_line, "a quote inside a field that is not quoted");
                default:
                    Append((char)c);
                    break;
            }
        }
    }

    private int ReadQuoted()
    {
        int begin = _line;
        _text.Read();
        while (true)
        {
            int c = _text.Read();
            if (c == End)
            {
                throw Wrong(begin, "a quoted field that does not end");
            }

            if (c == '"' && _text.Peek() != '"')
            {
                break;
            }

            Append((char)(c == '"' ? _text.Read() : c));
            _line += c == '\n' ? 1 : 0;
        }

        int after = _text.Read();
        return after is ',' or '\r' or '\n' or End ? after : throw Wrong(_line, "text behind the end of a quoted field");
    }

    private void Append(char c)
    {
        if (_field.Length == _limits.MaxFieldLength)
        {
            throw Wrong(_line, $"a field of more than {_limits.MaxFieldLength} characters");
        }

        _field.Append(c);
    }

    private void EndLine(int c)
    {
        if (c == '\r' && _text.Peek() == '\n')
        {
            _text.Read();
        }

        _line++;
    }
}
