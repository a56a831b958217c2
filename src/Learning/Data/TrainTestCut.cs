namespace P2PLearn.Learning.Data;

/// <summary>Cuts examples that come in one piece into training and test examples, everywhere the same.</summary>
internal static class TrainTestCut
{
    private const ulong Seed = 1; // one for all, so that nodes that read the same file agree without a word

    /// <summary>A random cut.</summary>
    /// <param name="count">Number of examples; at least 2.</param>
    /// <param name="testShare">In (0, 1).</param>
    /// <returns>Indices, each side ascending and not empty.</returns>
    public static (int[] Train, int[] Test) Random(int count, double testShare)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 2);
        int[] order = [.. Enumerable.Range(0, count)];
        new SeededRandom(Seed).Shuffle<int>(order);
        int testCount = Math.Clamp((int)Math.Round(count * testShare), 1, count - 1);
        int[] test = order[..testCount];
        int[] train = order[testCount..];
        Array.Sort(test);
        Array.Sort(train);
        return (train, test);
    }
}
