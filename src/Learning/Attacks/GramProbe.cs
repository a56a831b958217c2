using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Attacks;

/// <summary>Probes a rule that looks only at distances, on the Gram matrix of the honest models and the direction.</summary>
/// <remarks>
/// Everything is relative to μ: honest model i is the i-th basis vector, the Byzantine one z times the last. Centring keeps the distances
/// exact although models differ little compared with their norm. Sums in float within blocks, in double across them.
/// </remarks>
internal sealed class GramProbe : RuleProbe
{
    private const int BlockLength = 2048;
    private readonly IDistanceRule _rule;
    private readonly int _honest;
    private readonly int _size;
    private readonly double[] _gram;
    private readonly double[] _squared;
    private readonly double[] _weights;
    private readonly double[] _total;

    public GramProbe(AttackKnowledge knowledge, IDistanceRule rule, float[] mean, float[] direction)
    {
        _rule = rule;
        _honest = knowledge.Honest.Count;
        _size = _honest + knowledge.ByzantineCount;
        _gram = new double[(_honest + 1) * (_honest + 1)];
        _squared = new double[_size * _size];
        _weights = new double[_size];
        _total = new double[_honest + 1];
        FillGram(knowledge.Honest, mean, direction);
    }

    /// <inheritdoc/>
    public override double Damage(double z)
    {
        FillDistances(z);
        Array.Clear(_total);
        for (int pivot = 0; pivot < _honest; pivot++)
        {
            if (!_rule.TryWeigh(_squared, pivot, _weights))
            {
                return 0;
            }

            for (int j = 0; j < _size; j++)
            {
                _total[Math.Min(j, _honest)] += _weights[j] * (j < _honest ? 1 : z) / _honest;
            }
        }

        double damage = 0;
        for (int i = 0; i <= _honest; i++)
        {
            for (int j = 0; j <= _honest; j++)
            {
                damage += _total[i] * _total[j] * Gram(i, j);
            }
        }

        return damage;
    }

    private double Gram(int i, int j) => _gram[(i * (_honest + 1)) + j];

    private void FillDistances(double z)
    {
        for (int i = 0; i < _size; i++)
        {
            for (int j = 0; j < _size; j++)
            {
                (int a, double x) = i < _honest ? (i, 1.0) : (_honest, z);
                (int b, double y) = j < _honest ? (j, 1.0) : (_honest, z);
                double squared = (x * x * Gram(a, a)) + (y * y * Gram(b, b)) - (2 * x * y * Gram(a, b));
                _squared[(i * _size) + j] = a == b ? 0 : double.IsNaN(squared) ? double.PositiveInfinity : Math.Max(0, squared);
            }
        }
    }

    private void FillGram(IReadOnlyList<ReadOnlyMemory<float>> honest, float[] mean, float[] direction)
    {
        float[] centred = new float[(_honest + 1) * BlockLength];
        for (int start = 0; start < mean.Length; start += BlockLength)
        {
            int length = Math.Min(BlockLength, mean.Length - start);
            for (int i = 0; i < _honest; i++)
            {
                System.Numerics.Tensors.TensorPrimitives.Subtract(
                    honest[i].Span.Slice(start, length), mean.AsSpan(start, length), centred.AsSpan(i * BlockLength));
            }

            direction.AsSpan(start, length).CopyTo(centred.AsSpan(_honest * BlockLength));
            AddBlock(centred, length);
        }

        for (int i = 0; i <= _honest; i++)
        {
            for (int j = 0; j < i; j++)
            {
                _gram[(i * (_honest + 1)) + j] = Gram(j, i);
            }
        }
    }

    private void AddBlock(float[] centred, int length)
    {
        for (int i = 0; i <= _honest; i++)
        {
            for (int j = i; j <= _honest; j++)
            {
                _gram[(i * (_honest + 1)) + j] += Dot(
                    centred.AsSpan(i * BlockLength, length), centred.AsSpan(j * BlockLength, length));
            }
        }
    }

    private static double Dot(ReadOnlySpan<float> left, ReadOnlySpan<float> right)
    {
        ref float a = ref MemoryMarshal.GetReference(left);
        ref float b = ref MemoryMarshal.GetReference(right);
        Vector256<float> sum0 = default, sum1 = default;
        int i = 0;
        for (; i <= left.Length - 16; i += 16)
        {
            sum0 += Vector256.LoadUnsafe(ref a, (nuint)i) * Vector256.LoadUnsafe(ref b, (nuint)i);
            sum1 += Vector256.LoadUnsafe(ref a, (nuint)i + 8) * Vector256.LoadUnsafe(ref b, (nuint)i + 8);
        }

        double rest = 0;
        for (; i < left.Length; i++)
        {
            rest += (double)left[i] * right[i];
        }

        (Vector256<double> lower, Vector256<double> upper) = Vector256.Widen(sum0 + sum1);
        return Vector256.Sum(lower + upper) + rest;
    }
}
