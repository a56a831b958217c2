namespace P2PLearn.Crdt.Encoding;

/// <summary>Fills a span from its start: the fixed layouts that are signed.</summary>
/// <param name="destination">Large enough for all that is written; otherwise slicing throws.</param>
internal ref struct SpanWriter(Span<byte> destination)
{
    private readonly Span<byte> _destination = destination;

    /// <summary>Bytes written so far.</summary>
    public int Written { get; private set; }

    /// <summary>The next <paramref name="count"/> bytes, to be filled by the caller.</summary>
    public Span<byte> Take(int count)
    {
        Span<byte> field = _destination.Slice(Written, count);
        Written += count;
        return field;
    }

    /// <summary>Copies bytes in.</summary>
    public void Write(ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(bytes.Length));
}
