namespace P2PLearn.Learning.Aggregation;

/// <summary>A chain of pre-aggregators on distances: the mixing matrix of all of them, and the distances between what they make.</summary>
/// <remarks>Cost: for each step and pair of rows the square of the number of candidates in which the two rows differ, a few for nearest-neighbour mixing.</remarks>
internal sealed class PreAggregation(IReadOnlyList<IPreAggregator> steps)
{
    /// <summary>Whether any step depends on whose pivot it is.</summary>
    public bool UsesPivot => steps.Any(step => step.UsesPivot);

    /// <summary>Whether any step depends on other distances than those to the pivot.</summary>
    public bool UsesAllPairs => steps.Any(step => step.UsesAllPairs);

    /// <summary>How many rows come out of so many candidates.</summary>
    public int CountAfter(int candidates)
    {
        for (int i = 0; i < steps.Count; i++)
        {
            candidates = steps[i].CountAfter(candidates);
        }

        return candidates;
    }

    /// <summary>The fewest candidates that make <paramref name="needed"/> rows.</summary>
    public int MinCandidates(int needed)
    {
        for (int i = steps.Count - 1; i >= 0; i--)
        {
            needed = steps[i].MinCandidates(needed);
        }

        return needed;
    }

    /// <summary>Runs the chain.</summary>
    /// <param name="squared">At least m² long; on entry distances of the candidates, shape [m, m]; on exit those of the rows, shape [rows, rows].</param>
    /// <param name="pivot">In [0, m).</param>
    /// <param name="matrix">At least m² long; on exit what the rows are made of, shape [rows, m].</param>
    /// <param name="m">At least <see cref="MinCandidates"/>.</param>
    /// <returns>The row that stands for the pivot.</returns>
    public int Run(Span<double> squared, int pivot, Span<double> matrix, int m)
    {
        using Scratch<double> step = Scratch<double>.Rent(m * m);
        using Scratch<double> next = Scratch<double>.Rent(m * m);
        int rows = m;
        matrix[..(m * m)].Clear();
        for (int i = 0; i < m; i++)
        {
            matrix[(i * m) + i] = 1;
        }

        for (int k = 0; k < steps.Count; k++)
        {
            int after = steps[k].CountAfter(rows);
            Span<double> mixing = step.Span[..(after * rows)];
            mixing.Clear();
            steps[k].Mix(squared[..(rows * rows)], pivot, mixing);
            Multiply(mixing, rows, matrix, m, next.Span);
            next.Span[..(after * m)].CopyTo(matrix);
            FillDistances(squared, mixing, rows, next.Span);
            next.Span[..(after * after)].CopyTo(squared);
            pivot = steps[k].KeepsRows ? pivot : RowOf(pivot, mixing, rows);
            rows = after;
        }

        return pivot;
    }

    private static int RowOf(int pivot, ReadOnlySpan<double> mixing, int columns)
    {
        int row = 0;
        while (mixing[(row * columns) + pivot] == 0)
        {
            row++;
        }

        return row;
    }

    private static void Multiply(ReadOnlySpan<double> left, int inner, ReadOnlySpan<double> right, int columns, Span<double> product)
    {
        int rows = left.Length / inner;
        product[..(rows * columns)].Clear();
        for (int i = 0; i < rows; i++)
        {
            for (int k = 0; k < inner; k++)
            {
                double factor = left[(i * inner) + k];
                for (int j = 0; j < columns && factor != 0; j++)
                {
                    product[(i * columns) + j] += factor * right[(k * columns) + j];
                }
            }
        }
    }

    private static void FillDistances(ReadOnlySpan<double> squared, ReadOnlySpan<double> mixing, int columns, Span<double> result)
    {
        int rows = mixing.Length / columns;
        using Scratch<double> difference = Scratch<double>.Rent(columns);
        using Scratch<int> support = Scratch<int>.Rent(columns);
        for (int i = 0; i < rows; i++)
        {
            ReadOnlySpan<double> left = mixing.Slice(i * columns, columns);
            double self = IsFinite(left, squared) ? 0 : double.PositiveInfinity;
            result[(i * rows) + i] = self;
            for (int j = 0; j < i; j++)
            {
                ReadOnlySpan<double> right = mixing.Slice(j * columns, columns);
                double other = result[(j * rows) + j];
                double distance = self + other > 0 ? double.PositiveInfinity : Between(left, right, squared, difference.Span, support.Span);
                result[(i * rows) + j] = result[(j * rows) + i] = distance;
            }
        }
    }

    private static bool IsFinite(ReadOnlySpan<double> row, ReadOnlySpan<double> squared)
    {
        for (int k = 0; k < row.Length; k++)
        {
            if (row[k] != 0 && !double.IsFinite(squared[(k * row.Length) + k]))
            {
                return false;
            }
        }

        return true;
    }

    // ‖Σ c_k·x_k‖² = −Σ_{k<l} c_k·c_l·D_kl when Σ c = 0. Shared members drop out exactly.
    private static double Between(
        ReadOnlySpan<double> left, ReadOnlySpan<double> right, ReadOnlySpan<double> squared, Span<double> difference, Span<int> support)
    {
        int m = left.Length;
        int count = 0;
        for (int k = 0; k < m; k++)
        {
            double c = left[k] - right[k];
            if (c != 0)
            {
                difference[count] = c;
                support[count++] = k;
            }
        }

        double sum = 0;
        for (int a = 0; a < count; a++)
        {
            for (int b = a + 1; b < count; b++)
            {
                sum -= difference[a] * difference[b] * squared[(support[a] * m) + support[b]];
            }
        }

        // Clipping puts several candidates at one distance from the pivot: in float that is a tie, in double a matter of rounding.
        return double.IsFinite(sum) ? (float)Math.Max(0, sum) : double.PositiveInfinity;
    }
}
