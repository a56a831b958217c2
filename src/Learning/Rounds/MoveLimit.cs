using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Learning.Rounds;

/// <summary>How far a mixing may move a node's model: some times as far as its last mixings did, no farther.</summary>
/// <remarks>
/// A rule looks at one round. Where a node hears a few others only, now and then most of them are attackers, and then nothing in that round says what is far. The node's own past does: the ways of honest
/// mixings are alike, and get shorter as the learning rate falls. What is cut off is cut from a round that was lost anyway; in the next the node is still where the honest can take it along. A node that has to
/// go far, because it was away, goes farther with each mixing. With K mixings after the local steps each is compared with those of its own place, since the first goes farthest. Ways of no length, as of
/// a node that heard nobody, are not remembered. Ours, not a paper's. Cost: one pass over d, another when something is cut off.
/// </remarks>
public sealed class MoveLimit
{
    /// <summary>How many times as far as the median of its last ones a mixing may go, when nothing is said.</summary>
    public const double DefaultFactor = 2;

    /// <summary>Mixings that are remembered, of each place.</summary>
    public const int Remembered = 5;

    /// <summary>Mixings that must be remembered before one is limited.</summary>
    public const int Fewest = 2;

    private readonly double _factor;
    private readonly Memory[] _memories;

    /// <summary>Makes a limit without memory.</summary>
    /// <param name="plan">Says which mixings are alike.</param>
    /// <param name="factor">At least 1.</param>
    public MoveLimit(RoundPlan plan, double factor)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(plan.MixingRounds, 1, nameof(plan));
        if (!(factor >= 1))
        {
            throw new ArgumentOutOfRangeException(nameof(factor), factor, "must be at least 1");
        }

        _factor = factor;
        _memories = [.. Enumerable.Range(0, plan.MixingRounds).Select(_ => new Memory())];
    }

    /// <summary>The limit of a rule's mixings; null when they have none: by a factor of 0, and for the plain mean, which is what it says.</summary>
    public static MoveLimit? For(IAggregator rule, RoundPlan plan, double factor) => factor == 0 || rule is Mean ? null : new MoveLimit(plan, factor);

    /// <summary>Shortens the way from a node's own model to the mixed one when it is too far, and remembers it.</summary>
    /// <param name="round">Counted from 1.</param>
    /// <param name="own">The model before, shape [d].</param>
    /// <param name="mixed">The model after, shape [d]; changed when it is too far away.</param>
    /// <returns>The share of the way that is left, in [0, 1]; 1 when nothing was cut off.</returns>
    public double Apply(int round, ReadOnlySpan<float> own, Span<float> mixed)
    {
        Memory memory = _memories[(round - 1) % _memories.Length];
        double way = Math.Sqrt(SquaredDistance.Between(own, mixed));
        double farthest = memory.Count < Fewest ? double.MaxValue : _factor * memory.Median();
        double kept = 1;
        if (!(way <= farthest))
        {
            kept = double.IsFinite(way) ? farthest / way : 0;
            Shorten(own, mixed, (float)kept);
        }

        memory.Add(kept * way);
        return kept;
    }

    /// <summary>Forgets: the model is another's now.</summary>
    public void Forget()
    {
        foreach (Memory memory in _memories)
        {
            memory.Count = 0;
        }
    }

    private static void Shorten(ReadOnlySpan<float> own, Span<float> mixed, float kept)
    {
        for (int i = 0; i < mixed.Length; i++)
        {
            mixed[i] = kept == 0 ? own[i] : own[i] + (kept * (mixed[i] - own[i]));
        }
    }

    /// <summary>The ways of the last mixings of one place.</summary>
    private sealed class Memory
    {
        private readonly double[] _ways = new double[Remembered];

        /// <summary>Ways remembered so far, those overwritten since included.</summary>
        public int Count { get; set; }

        public void Add(double way)
        {
            if (way > 0) // neither 0 nor NaN
            {
                _ways[Count++ % Remembered] = way;
            }
        }

        /// <summary>The upper one of the two in the middle of an even number.</summary>
        public double Median()
        {
            Span<double> sorted = stackalloc double[Remembered];
            sorted = sorted[..Math.Min(Count, Remembered)];
            _ways.AsSpan(0, sorted.Length).CopyTo(sorted);
            sorted.Sort();
            return sorted[sorted.Length / 2];
        }
    }
}
