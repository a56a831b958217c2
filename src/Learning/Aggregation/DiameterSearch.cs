namespace P2PLearn.Learning.Aggregation;

/// <summary>Which f of m points to remove so that the diameter of the others is the least.</summary>
/// <remarks>
/// A diameter of at most t means that the removed points touch every pair that is farther apart than t: a vertex cover of at most f vertices.
/// The least t is found by bisection over the distances. The search takes the point with most far partners: it goes, or it stays
/// and all of these go; a branch ends when the points left to remove cannot touch all pairs that are left.
/// </remarks>
internal ref struct DiameterSearch
{
    private readonly ReadOnlySpan<double> _squared;
    private readonly Span<int> _removed; // 0, or the depth at which the point was removed
    private readonly Span<bool> _kept;
    private double _threshold;
    private double _bestSum;
    private bool _anySolution;

    /// <summary>Prepares a search.</summary>
    /// <param name="squared">Shape [m, m], never NaN.</param>
    /// <param name="removed">Scratch, shape [m].</param>
    /// <param name="kept">Shape [m]; the solution.</param>
    public DiameterSearch(ReadOnlySpan<double> squared, Span<int> removed, Span<bool> kept)
    {
        _squared = squared;
        _removed = removed;
        _kept = kept;
    }

    private readonly int Count => _removed.Length;

    /// <summary>Finds the m − f points to keep.</summary>
    /// <returns>Their squared diameter; ∞ when no m − f of the points are finite apart.</returns>
    public double Run(int faulty)
    {
        using Scratch<double> sorted = Scratch<double>.Rent((Count * (Count - 1) / 2) + 1);
        int length = Fill(sorted.Span);
        sorted.Span[..length].Sort();
        (int low, int high) = (0, length - 1);
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Covers(sorted.Span[middle], faulty, anySolution: true))
            {
                high = middle;
            }
            else
            {
                low = middle + 1;
            }
        }

        double diameter = sorted.Span[low];
        _bestSum = double.PositiveInfinity;
        if (double.IsFinite(diameter))
        {
            Covers(diameter, faulty, anySolution: false);
        }

        return diameter;
    }

    private readonly int Fill(Span<double> distances)
    {
        int length = 0;
        distances[length++] = 0;
        for (int i = 0; i < Count; i++)
        {
            for (int j = i + 1; j < Count; j++)
            {
                distances[length++] = _squared[(i * Count) + j];
            }
        }

        return length;
    }

    private bool Covers(double threshold, int faulty, bool anySolution)
    {
        _threshold = threshold;
        _anySolution = anySolution;
        _removed.Clear();
        return Search(faulty, 1);
    }

    private bool Search(int budget, int depth)
    {
        (int vertex, int degree, int edges) = Busiest();
        if (degree == 0)
        {
            Accept(budget, depth);
            return true;
        }

        if (edges > budget * degree)
        {
            return false;
        }

        _removed[vertex] = depth;
        bool found = Search(budget - 1, depth + 1);
        _removed[vertex] = 0;
        if ((found && _anySolution) || degree > budget)
        {
            return found;
        }

        for (int j = 0; j < Count; j++)
        {
            _removed[j] = IsEdge(vertex, j) ? depth : _removed[j];
        }

        found |= Search(budget - degree, depth + 1);
        Restore(depth);
        return found;
    }

    private readonly bool IsEdge(int i, int j) =>
        i != j && _removed[i] == 0 && _removed[j] == 0 && _squared[(i * Count) + j] > _threshold;

    // Of equally busy points the one with the higher index goes first.
    private readonly (int Vertex, int Degree, int Edges) Busiest()
    {
        (int vertex, int most, int twice) = (0, 0, 0);
        for (int i = 0; i < Count; i++)
        {
            int degree = 0;
            for (int j = 0; j < Count; j++)
            {
                degree += IsEdge(i, j) ? 1 : 0;
            }

            twice += degree;
            (vertex, most) = degree > 0 && degree >= most ? (i, degree) : (vertex, most);
        }

        return (vertex, most, twice / 2);
    }

    private readonly void Restore(int depth)
    {
        foreach (ref int mark in _removed)
        {
            mark = mark == depth ? 0 : mark;
        }
    }

    // The budget that is left goes to those with the largest sums of distances.
    private void Accept(int budget, int depth)
    {
        if (_anySolution)
        {
            return;
        }

        for (int k = 0; k < budget; k++)
        {
            int outermost = -1;
            double most = -1;
            for (int i = 0; i < Count; i++)
            {
                double sum = _removed[i] == 0 ? SumFrom(i, 0) : -1;
                (outermost, most) = sum >= most && _removed[i] == 0 ? (i, sum) : (outermost, most);
            }

            _removed[outermost] = depth;
        }

        double total = 0;
        for (int i = 0; i < Count; i++)
        {
            total += _removed[i] == 0 ? SumFrom(i, i + 1) : 0;
        }

        if (total < _bestSum || (total == _bestSum && HasLowerIndices()))
        {
            _bestSum = total;
            for (int i = 0; i < Count; i++)
            {
                _kept[i] = _removed[i] == 0;
            }
        }

        Restore(depth);
    }

    private readonly bool HasLowerIndices()
    {
        int i = 0;
        while (i < Count && _kept[i] == (_removed[i] == 0))
        {
            i++;
        }

        return i < Count && _removed[i] == 0;
    }

    private readonly double SumFrom(int i, int first)
    {
        double sum = 0;
        for (int j = first; j < Count; j++)
        {
            sum += _removed[j] == 0 ? _squared[(i * Count) + j] : 0;
        }

        return sum;
    }
}
