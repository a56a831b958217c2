namespace P2PLearn.Learning.Aggregation;

/// <summary>The rows that a coordinate-wise rule sorts: the candidates, or mixtures of them, made block by block and never held as a whole.</summary>
internal readonly ref struct MixedRows
{
    private readonly IReadOnlyList<ReadOnlyMemory<float>> _candidates;
    private readonly ReadOnlySpan<double> _matrix;
    private readonly Span<int> _members;

    /// <summary>The candidates themselves.</summary>
    public MixedRows(IReadOnlyList<ReadOnlyMemory<float>> candidates)
    {
        _candidates = candidates;
        Count = candidates.Count;
    }

    /// <summary>Mixtures.</summary>
    /// <param name="candidates">m vectors.</param>
    /// <param name="matrix">Shape [rows, m]; each row sums to 1.</param>
    /// <param name="members">Scratch, shape [rows, m + 2].</param>
    public MixedRows(IReadOnlyList<ReadOnlyMemory<float>> candidates, ReadOnlySpan<double> matrix, Span<int> members)
    {
        _candidates = candidates;
        _matrix = matrix;
        _members = members;
        Count = matrix.Length / candidates.Count;
        for (int row = 0; row < Count; row++)
        {
            FindMembers(Weights(row), Members(row));
        }
    }

    /// <summary>How many rows.</summary>
    public int Count { get; }

    /// <summary>Writes a row from the coordinate <paramref name="start"/> on; NaN and ∞ come through.</summary>
    public void Load(int row, int start, Span<float> destination)
    {
        if (_matrix.IsEmpty)
        {
            _candidates[row].Span.Slice(start, destination.Length).CopyTo(destination);
            return;
        }

        Span<int> members = Members(row);
        ReadOnlySpan<int> kept = members.Slice(2, members[0]);
        if (members[1] != 0)
        {
            CandidateMean.MeanOfBlock(_candidates, kept, start, destination);
        }
        else
        {
            CandidateMean.WeightedBlock(_candidates, kept, Weights(row), start, destination);
        }
    }

    // Their number, 1 if their weights are equal, their indices.
    private static void FindMembers(ReadOnlySpan<double> weights, Span<int> members)
    {
        int count = 0;
        bool equal = true;
        for (int k = 0; k < weights.Length; k++)
        {
            if (weights[k] != 0)
            {
                equal &= count == 0 || weights[k] == weights[members[2]];
                members[2 + count++] = k;
            }
        }

        members[0] = count;
        members[1] = equal ? 1 : 0;
    }

    private ReadOnlySpan<double> Weights(int row) => _matrix.Slice(row * _candidates.Count, _candidates.Count);

    private Span<int> Members(int row) => _members.Slice(row * (_candidates.Count + 2), _candidates.Count + 2);
}
