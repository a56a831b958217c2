using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Squared Euclidean distances between model vectors: the kernel under every rule that compares them.</summary>
/// <remarks>
/// Precision: differences and squares in float, 32 running sums of at most 128 terms each within a block of 4,096 coordinates, blocks
/// added up in double; the relative error is a few 1e-7 whatever d is. Differences are taken before squaring, so nothing is lost
/// when models differ little compared with their norm. Dot products around a common centre would take one operation instead of two, but a
/// Byzantine centre, or an absurd candidate beside an honest one, would take the digits; the Gram matrix around any centre follows from the distances.
/// Determinism: fixed lanes and order, and always the fused multiply-add, which has one result on every machine; so every number of threads and
/// every caller gets the same bits, and d(a, b) = d(b, a) exactly.
/// </remarks>
internal static class SquaredDistance
{
    /// <summary>Coordinates of a block: a block of one vector is 16 KiB, so two or three fit a first-level cache, and those of 64 vectors a second-level one.</summary>
    public const int BlockLength = 4096;

    /// <summary>Coordinates that are summed up before they are added to the total: what one thread does in one go.</summary>
    public const int SegmentLength = 16 * BlockLength;

    /// <summary>m²·d from which several threads are used: below it, a few ms of one thread, starting them costs more than they save.</summary>
    private const long ParallelFrom = 1L << 26;

    private const int Lanes = 8;
    private const int Stride = 4 * Lanes;
    private const int TileSize = 9;
    private const int CacheLine = 16; // floats

    /// <summary>Distances from one pivot to each candidate; every candidate is read once, two at a time beside the pivot.</summary>
    /// <param name="pivot">Shape [d].</param>
    /// <param name="candidates">m vectors of shape [d].</param>
    /// <param name="squared">Shape [m]; ∞ where the difference is not finite or its square overflows a float.</param>
    /// <exception cref="ArgumentException">A candidate has another length than the pivot.</exception>
    public static void FromPivot(
        ReadOnlySpan<float> pivot, IReadOnlyList<ReadOnlyMemory<float>> candidates, Span<double> squared)
    {
        CandidateMean.CheckShapes(candidates, pivot.Length);
        int m = candidates.Count;
        squared = squared[..m];
        squared.Clear();
        for (int start = 0; start < pivot.Length; start += SegmentLength)
        {
            ReadOnlySpan<float> segment = pivot.Slice(start, Math.Min(SegmentLength, pivot.Length - start));
            for (int i = 0; i < m; i += 2)
            {
                int j = Math.Min(i + 1, m - 1); // the last of an odd number is its own partner
                (double one, double two) = OfSegment(
                    segment, candidates[i].Span.Slice(start, segment.Length), candidates[j].Span.Slice(start, segment.Length));
                squared[i] += one;
                squared[j] += j > i ? two : 0;
            }
        }

        ReplaceNonFinite(squared);
    }

    /// <summary>The distance of two vectors of one length; ∞ where their difference is not finite or its square overflows a float.</summary>
    public static double Between(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(a.Length, b.Length);
        double sum = 0;
        for (int start = 0; start < a.Length; start += SegmentLength)
        {
            ReadOnlySpan<float> segment = b.Slice(start, Math.Min(SegmentLength, b.Length - start));
            sum += OfSegment(a.Slice(start, segment.Length), segment, segment).First;
        }

        return double.IsFinite(sum) ? sum : double.PositiveInfinity;
    }

    /// <summary>The m × m distances as far as a rule looks at them.</summary>
    /// <param name="vectors">m vectors of one length.</param>
    /// <param name="pivot">In [0, m).</param>
    /// <param name="allPairs">All, or only those to the pivot: then its row, its column and the diagonal are filled, and 0 stands elsewhere.</param>
    /// <param name="squared">At least m² long; shape [m, m], row-major; symmetric. The diagonal of a vector that is not finite is ∞.</param>
    /// <param name="degree">Threads that may work on it; 1 allocates nothing.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static void Fill(IReadOnlyList<ReadOnlyMemory<float>> vectors, int pivot, bool allPairs, double[] squared, int degree)
    {
        if (allPairs)
        {
            Pairwise(vectors, squared, degree);
            return;
        }

        int m = vectors.Count;
        squared.AsSpan(0, m * m).Clear();
        Span<double> row = squared.AsSpan(pivot * m, m);
        FromPivot(vectors[pivot].Span, vectors, row);
        for (int i = 0; i < m; i++)
        {
            squared[(i * m) + pivot] = row[i];
            squared[(i * m) + i] = double.IsFinite(row[i]) ? 0 : double.PositiveInfinity;
        }
    }

    /// <summary>Distances between all pairs, each block read from memory once.</summary>
    /// <param name="vectors">m vectors of one length.</param>
    /// <param name="squared">At least m² long; shape [m, m], row-major; symmetric. The diagonal of a vector that is not finite is ∞.</param>
    /// <param name="degree">Threads that may work on it, where that pays; 1 allocates nothing.</param>
    /// <exception cref="ArgumentException">Lengths differ.</exception>
    public static void Pairwise(IReadOnlyList<ReadOnlyMemory<float>> vectors, double[] squared, int degree = 1)
    {
        int m = vectors.Count;
        int d = m == 0 ? 0 : vectors[0].Length;
        CandidateMean.CheckShapes(vectors, d);
        int segments = (d + SegmentLength - 1) / SegmentLength;
        degree = (long)m * m * d < ParallelFrom ? 1 : degree;
        int parts = degree > 1 ? segments : 1;
        using Scratch<double> partial = Scratch<double>.Rent(parts * m * m);
        Span<double> total = squared.AsSpan(0, m * m);
        total.Clear();
        if (degree > 1)
        {
            InParallel(vectors, segments, partial.Array, degree);
        }

        for (int segment = 0; segment < segments; segment++)
        {
            Span<double> part = partial.Span.Slice(degree > 1 ? segment * m * m : 0, m * m);
            if (degree == 1)
            {
                OfSegment(vectors, segment, part);
            }

            for (int k = 0; k < part.Length; k++)
            {
                total[k] += part[k];
            }
        }

        ReplaceNonFinite(total);
        Mirror(total, m);
    }

    private static void InParallel(IReadOnlyList<ReadOnlyMemory<float>> vectors, int segments, double[] partial, int degree)
    {
        int size = vectors.Count * vectors.Count;
        Parallel.For(
            0, segments, new ParallelOptions { MaxDegreeOfParallelism = degree },
            segment => OfSegment(vectors, segment, partial.AsSpan(segment * size, size)));
    }

    // The upper triangle of one segment, block by block, in tiles of three rows and three columns. A block of all vectors is first copied to where
    // each starts a cache line: else every second of the many loads that follow would touch two.
    private static void OfSegment(IReadOnlyList<ReadOnlyMemory<float>> vectors, int segment, Span<double> part)
    {
        int m = vectors.Count;
        int d = vectors[0].Length;
        using Scratch<float> scratch = Scratch<float>.Rent((m * BlockLength) + CacheLine);
        Span<float> aligned = Align(scratch.Span);
        part.Clear();
        int end = Math.Min(d, (segment + 1) * SegmentLength);
        for (int start = segment * SegmentLength; start < end; start += BlockLength)
        {
            int length = Math.Min(BlockLength, end - start);
            for (int k = 0; k < m; k++)
            {
                vectors[k].Span.Slice(start, length).CopyTo(aligned[(k * BlockLength)..]);
            }

            int i = 0;
            for (; i + 2 < m; i += 3)
            {
                AddThreeRows(aligned, i, length, part, m);
            }

            AddLastRows(aligned, i, length, part, m);
        }
    }

    // Only for speed: should the array be moved, the results are the same.
    private static Span<float> Align(Span<float> memory)
    {
        nint address = Unsafe.ByteOffset(ref Unsafe.NullRef<float>(), ref MemoryMarshal.GetReference(memory));
        int past = (int)(address / sizeof(float) % CacheLine);
        return memory[((CacheLine - past) % CacheLine)..];
    }

    private static ReadOnlySpan<float> Row(ReadOnlySpan<float> block, int i, int length) => block.Slice(i * BlockLength, length);

    private static void AddThreeRows(ReadOnlySpan<float> block, int i, int length, Span<double> part, int m)
    {
        ReadOnlySpan<float> p = Row(block, i, length);
        ReadOnlySpan<float> q = Row(block, i + 1, length);
        ReadOnlySpan<float> r = Row(block, i + 2, length);
        Span<double> ofP = part.Slice(i * m, m);
        Span<double> ofQ = part.Slice((i + 1) * m, m);
        Span<double> ofR = part.Slice((i + 2) * m, m);
        Add(OfBlocks(p, p, q), ref ofP[i], ref ofP[i + 1]); // with oneself: 0, or NaN
        Add(OfBlocks(q, q, r), ref ofQ[i + 1], ref ofQ[i + 2]);
        Add(OfBlocks(r, r, p), ref ofR[i + 2], ref ofP[i + 2]);
        Span<double> tile = stackalloc double[TileSize];
        int j = i + 3;
        for (; j + 2 < m; j += 3)
        {
            OfTile(p, q, r, Row(block, j, length), Row(block, j + 1, length), Row(block, j + 2, length), tile);
            for (int k = 0; k < 3; k++)
            {
                ofP[j + k] += tile[k];
                ofQ[j + k] += tile[3 + k];
                ofR[j + k] += tile[6 + k];
            }
        }

        for (; j < m; j++)
        {
            ReadOnlySpan<float> a = Row(block, j, length);
            Add(OfBlocks(a, p, q), ref ofP[j], ref ofQ[j]);
            ofR[j] += OfBlocks(a, r, r).First;
        }
    }

    private static void AddLastRows(ReadOnlySpan<float> block, int i, int length, Span<double> part, int m)
    {
        for (; i < m; i++)
        {
            ReadOnlySpan<float> p = Row(block, i, length);
            int j = Math.Min(i + 1, m - 1);
            (double self, double pair) = OfBlocks(p, p, Row(block, j, length));
            part[(i * m) + i] += self;
            part[(i * m) + j] += j > i ? pair : 0;
        }
    }

    private static void Add((double First, double Second) pair, ref double first, ref double second)
    {
        first += pair.First;
        second += pair.Second;
    }

    private static (double First, double Second) OfSegment(
        ReadOnlySpan<float> pivot, ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        (double one, double two) = (0, 0);
        for (int at = 0; at < pivot.Length; at += BlockLength)
        {
            int length = Math.Min(BlockLength, pivot.Length - at);
            (double ofOne, double ofTwo) = OfBlocks(pivot.Slice(at, length), first.Slice(at, length), second.Slice(at, length));
            one += ofOne;
            two += ofTwo;
        }

        return (one, two);
    }

    private static void Mirror(Span<double> squared, int m)
    {
        for (int i = 1; i < m; i++)
        {
            for (int j = 0; j < i; j++)
            {
                squared[(i * m) + j] = squared[(j * m) + i];
            }
        }
    }

    private static void ReplaceNonFinite(Span<double> squared)
    {
        foreach (ref double value in squared)
        {
            value = double.IsFinite(value) ? value : double.PositiveInfinity; // NaN would sort first
        }
    }

    private static (double First, double Second) OfBlocks(
        ReadOnlySpan<float> pivot, ReadOnlySpan<float> first, ReadOnlySpan<float> second)
    {
        int done = pivot.Length - (pivot.Length % Stride);
        (double one, double two) = OfStrides(
            ref MemoryMarshal.GetReference(pivot), ref MemoryMarshal.GetReference(first), ref MemoryMarshal.GetReference(second), done);
        return (one + OfRest(pivot[done..], first[done..]), two + OfRest(pivot[done..], second[done..]));
    }

    /// <summary>Distances of three pivots to three candidates over a block, with a third of the loads of nine pairs. The same bits on any machine.</summary>
    /// <param name="p">Shape [b].</param>
    /// <param name="q">Shape [b].</param>
    /// <param name="r">Shape [b].</param>
    /// <param name="a">Shape [b].</param>
    /// <param name="b">Shape [b].</param>
    /// <param name="c">Shape [b].</param>
    /// <param name="tile">Shape [3, 3], row-major; the rows are p, q, r.</param>
    internal static void OfTile(
        ReadOnlySpan<float> p, ReadOnlySpan<float> q, ReadOnlySpan<float> r,
        ReadOnlySpan<float> a, ReadOnlySpan<float> b, ReadOnlySpan<float> c, Span<double> tile)
    {
        int done = Vector512.IsHardwareAccelerated ? p.Length - (p.Length % Stride) : 0;
        if (done == 0)
        {
            (tile[0], tile[3]) = OfBlocks(a, p, q);
            (tile[1], tile[4]) = OfBlocks(b, p, q);
            (tile[2], tile[5]) = OfBlocks(c, p, q);
            (tile[6], tile[7]) = OfBlocks(r, a, b);
            tile[8] = OfBlocks(r, c, c).First;
            return;
        }

        OfWideStrides(
            ref MemoryMarshal.GetReference(p), ref MemoryMarshal.GetReference(q), ref MemoryMarshal.GetReference(r),
            ref MemoryMarshal.GetReference(a), ref MemoryMarshal.GetReference(b), ref MemoryMarshal.GetReference(c),
            done, ref tile[..TileSize][0]);
        if (done < p.Length)
        {
            AddRests(p[done..], a[done..], b[done..], c[done..], tile);
            AddRests(q[done..], a[done..], b[done..], c[done..], tile[3..]);
            AddRests(r[done..], a[done..], b[done..], c[done..], tile[6..]);
        }
    }

    private static void AddRests(ReadOnlySpan<float> p, ReadOnlySpan<float> a, ReadOnlySpan<float> b, ReadOnlySpan<float> c, Span<double> row)
    {
        row[0] += OfRest(p, a);
        row[1] += OfRest(p, b);
        row[2] += OfRest(p, c);
    }

    // The loops stand in methods that call nothing: a call after a loop makes the compiler keep the running sums on the stack, in the loop too.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static (double First, double Second) OfStrides(ref float p, ref float a, ref float b, int length)
    {
        Vector256<float> a0 = default, a1 = default, a2 = default, a3 = default;
        Vector256<float> b0 = default, b1 = default, b2 = default, b3 = default;
        for (nuint i = 0; i < (nuint)length; i += Stride)
        {
            Vector256<float> p0 = Vector256.LoadUnsafe(ref p, i);
            Vector256<float> p1 = Vector256.LoadUnsafe(ref p, i + Lanes);
            Vector256<float> p2 = Vector256.LoadUnsafe(ref p, i + (2 * Lanes));
            Vector256<float> p3 = Vector256.LoadUnsafe(ref p, i + (3 * Lanes));
            a0 = AddSquare(p0 - Vector256.LoadUnsafe(ref a, i), a0);
            a1 = AddSquare(p1 - Vector256.LoadUnsafe(ref a, i + Lanes), a1);
            a2 = AddSquare(p2 - Vector256.LoadUnsafe(ref a, i + (2 * Lanes)), a2);
            a3 = AddSquare(p3 - Vector256.LoadUnsafe(ref a, i + (3 * Lanes)), a3);
            b0 = AddSquare(p0 - Vector256.LoadUnsafe(ref b, i), b0);
            b1 = AddSquare(p1 - Vector256.LoadUnsafe(ref b, i + Lanes), b1);
            b2 = AddSquare(p2 - Vector256.LoadUnsafe(ref b, i + (2 * Lanes)), b2);
            b3 = AddSquare(p3 - Vector256.LoadUnsafe(ref b, i + (3 * Lanes)), b3);
        }

        return (SumInDouble((a0 + a1) + (a2 + a3)), SumInDouble((b0 + b1) + (b2 + b3)));
    }

    // Two accumulators of 16 lanes hold the four of 8 lanes that OfStrides has.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void OfWideStrides(
        ref float p, ref float q, ref float r, ref float a, ref float b, ref float c, int length, ref double tile)
    {
        Vector512<float> pa0 = default, pa1 = default, pb0 = default, pb1 = default, pc0 = default, pc1 = default;
        Vector512<float> qa0 = default, qa1 = default, qb0 = default, qb1 = default, qc0 = default, qc1 = default;
        Vector512<float> ra0 = default, ra1 = default, rb0 = default, rb1 = default, rc0 = default, rc1 = default;
        for (nuint i = 0; i < (nuint)length; i += Stride)
        {
            Vector512<float> p0 = Vector512.LoadUnsafe(ref p, i);
            Vector512<float> q0 = Vector512.LoadUnsafe(ref q, i);
            Vector512<float> r0 = Vector512.LoadUnsafe(ref r, i);
            Vector512<float> a0 = Vector512.LoadUnsafe(ref a, i);
            pa0 = AddSquare(p0 - a0, pa0);
            qa0 = AddSquare(q0 - a0, qa0);
            ra0 = AddSquare(r0 - a0, ra0);
            Vector512<float> b0 = Vector512.LoadUnsafe(ref b, i);
            pb0 = AddSquare(p0 - b0, pb0);
            qb0 = AddSquare(q0 - b0, qb0);
            rb0 = AddSquare(r0 - b0, rb0);
            Vector512<float> c0 = Vector512.LoadUnsafe(ref c, i);
            pc0 = AddSquare(p0 - c0, pc0);
            qc0 = AddSquare(q0 - c0, qc0);
            rc0 = AddSquare(r0 - c0, rc0);
            Vector512<float> p1 = Vector512.LoadUnsafe(ref p, i + (2 * Lanes));
            Vector512<float> q1 = Vector512.LoadUnsafe(ref q, i + (2 * Lanes));
            Vector512<float> r1 = Vector512.LoadUnsafe(ref r, i + (2 * Lanes));
            Vector512<float> a1 = Vector512.LoadUnsafe(ref a, i + (2 * Lanes));
            pa1 = AddSquare(p1 - a1, pa1);
            qa1 = AddSquare(q1 - a1, qa1);
            ra1 = AddSquare(r1 - a1, ra1);
            Vector512<float> b1 = Vector512.LoadUnsafe(ref b, i + (2 * Lanes));
            pb1 = AddSquare(p1 - b1, pb1);
            qb1 = AddSquare(q1 - b1, qb1);
            rb1 = AddSquare(r1 - b1, rb1);
            Vector512<float> c1 = Vector512.LoadUnsafe(ref c, i + (2 * Lanes));
            pc1 = AddSquare(p1 - c1, pc1);
            qc1 = AddSquare(q1 - c1, qc1);
            rc1 = AddSquare(r1 - c1, rc1);
        }

        Unsafe.Add(ref tile, 0) = SumInDouble(pa0, pa1);
        Unsafe.Add(ref tile, 1) = SumInDouble(pb0, pb1);
        Unsafe.Add(ref tile, 2) = SumInDouble(pc0, pc1);
        Unsafe.Add(ref tile, 3) = SumInDouble(qa0, qa1);
        Unsafe.Add(ref tile, 4) = SumInDouble(qb0, qb1);
        Unsafe.Add(ref tile, 5) = SumInDouble(qc0, qc1);
        Unsafe.Add(ref tile, 6) = SumInDouble(ra0, ra1);
        Unsafe.Add(ref tile, 7) = SumInDouble(rb0, rb1);
        Unsafe.Add(ref tile, 8) = SumInDouble(rc0, rc1);
    }

    // One rounding instead of two and half the work; machines without the instruction get the same bits from the runtime, slowly.
    private static Vector512<float> AddSquare(Vector512<float> value, Vector512<float> sum) => Vector512.FusedMultiplyAdd(value, value, sum);

    private static Vector256<float> AddSquare(Vector256<float> value, Vector256<float> sum) => Vector256.FusedMultiplyAdd(value, value, sum);

    private static double SumInDouble(Vector512<float> first, Vector512<float> second) =>
        SumInDouble((first.GetLower() + first.GetUpper()) + (second.GetLower() + second.GetUpper()));

    private static float OfRest(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        float sum = 0;
        for (int k = 0; k < left.Length; k++)
        {
            float difference = left[k] - right[k];
            sum = MathF.FusedMultiplyAdd(difference, difference, sum);
        }

        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static double SumInDouble(Vector256<float> sums)
    {
        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(sums);
        Vector256<double> four = lower + upper;
        return (four[0] + four[1]) + (four[2] + four[3]);
    }
}
