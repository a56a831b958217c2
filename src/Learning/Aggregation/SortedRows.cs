namespace P2PLearn.Learning.Aggregation;

/// <summary>A block of m rows whose columns a sorting network has ordered, as far as the rule asked for it.</summary>
internal readonly ref struct SortedRows
{
    private readonly Span<float> _values;
    private readonly int _width;

    /// <summary>Looks at a block.</summary>
    /// <param name="values">Row-major; rows beyond m may follow.</param>
    /// <param name="count">m.</param>
    /// <param name="width">Floats from one row to the next.</param>
    /// <param name="length">Columns in use.</param>
    public SortedRows(Span<float> values, int count, int width, int length)
    {
        _values = values;
        _width = width;
        Count = count;
        Length = length;
    }

    /// <summary>m.</summary>
    public int Count { get; }

    /// <summary>Columns in use.</summary>
    public int Length { get; }

    /// <summary>A row, shape [<see cref="Length"/>].</summary>
    public Span<float> this[int row] => _values.Slice(row * _width, Length);
}
