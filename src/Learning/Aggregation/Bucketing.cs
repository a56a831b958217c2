using System.Globalization;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Bucketing: the candidates are shuffled, and each s of them become their mean, so that honest ones differ less.</summary>
/// <remarks>
/// Source: Karimireddy, He, Jaggi, ICLR 2022 (arXiv:2006.09365), algorithm 1. Bound: a Byzantine candidate spoils one bucket, so the rule after it has
/// to bear f of ⌈m/s⌉. Cost: before a rule that looks at distances none, before a coordinate-wise one m additions a coordinate. The order depends
/// on the seed and m only: give each round a seed of its own if the attacker should not know the buckets. The last bucket may be smaller.
/// </remarks>
/// <param name="size">s, at least 1.</param>
/// <param name="seed">Of the shuffle.</param>
public sealed class Bucketing(int size, ulong seed = 0) : IPreAggregator
{
    private readonly int _size = size >= 1 ? size : throw new ArgumentOutOfRangeException(nameof(size));

    /// <inheritdoc/>
    public string Name { get; } = string.Create(
        CultureInfo.InvariantCulture, $"bucketing:{size}{(seed == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $",seed={seed}"))}");

    /// <inheritdoc/>
    public bool UsesPivot => false;

    /// <inheritdoc/>
    public bool KeepsRows => false;

    /// <inheritdoc/>
    public bool UsesAllPairs => false;

    /// <inheritdoc/>
    public int CountAfter(int candidates) => (candidates + _size - 1) / _size;

    /// <inheritdoc/>
    public int MinCandidates(int needed) => (_size * (needed - 1)) + 1;

    /// <inheritdoc/>
    public void Mix(ReadOnlySpan<double> squared, int pivot, Span<double> matrix)
    {
        int m = (int)Math.Sqrt(squared.Length);
        using Scratch<int> order = Scratch<int>.Rent(m);
        Shuffle(order.Span);
        for (int i = 0; i < m; i++)
        {
            int bucket = i / _size;
            int members = Math.Min(_size, m - (bucket * _size));
            matrix[(bucket * m) + order.Span[i]] = 1.0 / members;
        }
    }

    // Fisher and Yates.
    private void Shuffle(Span<int> order)
    {
        ulong state = seed;
        for (int i = 0; i < order.Length; i++)
        {
            order[i] = i;
        }

        for (int i = order.Length - 1; i > 0; i--)
        {
            int j = (int)(SeededRandom.SplitMix64(ref state) % (ulong)(i + 1));
            (order[i], order[j]) = (order[j], order[i]);
        }
    }
}
