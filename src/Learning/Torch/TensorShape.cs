namespace P2PLearn.Learning.Torch;

/// <summary>
/// Sizes of a tensor of up to four dimensions, outermost first, kept in C# so that an operator's inputs are checked
/// before the call.
/// </summary>
internal readonly record struct TensorShape
{
    private readonly int _size0;
    private readonly int _size1;
    private readonly int _size2;
    private readonly int _size3;

    private TensorShape(int rank, int size0, int size1 = 1, int size2 = 1, int size3 = 1) =>
        (Rank, _size0, _size1, _size2, _size3) = (rank, size0, size1, size2, size3);

    /// <summary>Number of dimensions, in [0, 4]; 0 is a scalar.</summary>
    public int Rank { get; }

    /// <summary>Number of elements.</summary>
    public long Count => Rank == 0 ? 1 : (long)_size0 * _size1 * _size2 * _size3;

    /// <summary>Elements per index of the outermost dimension.</summary>
    public long InnerCount => (long)_size1 * _size2 * _size3;

    /// <summary>The size of one dimension.</summary>
    public int this[int dimension] => dimension switch
    {
        0 => _size0,
        1 => _size1,
        2 => _size2,
        3 => _size3,
        _ => throw new ArgumentOutOfRangeException(nameof(dimension)),
    };

    public static TensorShape Of(int size0) => new(1, size0);

    public static TensorShape Of(int size0, int size1) => new(2, size0, size1);

    public static TensorShape Of(int size0, int size1, int size2, int size3) => new(4, size0, size1, size2, size3);

    /// <summary>The shape of a parameter.</summary>
    /// <exception cref="ArgumentException">Not one, two or four dimensions.</exception>
    public static TensorShape Of(IReadOnlyList<int> sizes) => sizes.Count switch
    {
        1 => Of(sizes[0]),
        2 => Of(sizes[0], sizes[1]),
        4 => Of(sizes[0], sizes[1], sizes[2], sizes[3]),
        _ => throw new ArgumentException($"a tensor of {sizes.Count} dimensions is not supported", nameof(sizes)),
    };

    /// <inheritdoc/>
    public override string ToString() => Rank switch
    {
        0 => "[]",
        1 => $"[{_size0}]",
        2 => $"[{_size0}, {_size1}]",
        _ => $"[{_size0}, {_size1}, {_size2}, {_size3}]",
    };
}
