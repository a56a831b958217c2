namespace P2PLearn.Learning.Topology;

/// <summary>How many marked ones are among those drawn without putting back.</summary>
public static class Hypergeometric
{
    /// <summary>P(X &gt; <paramref name="bound"/>), relative error about 1e-12 even where it is tiny.</summary>
    /// <param name="population">N, at least 0.</param>
    /// <param name="marked">K, in [0, N].</param>
    /// <param name="draws">s, in [0, N].</param>
    /// <param name="bound">Any.</param>
    public static double Tail(int population, int marked, int draws, int bound)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(population);
        ArgumentOutOfRangeException.ThrowIfNegative(marked);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(marked, population);
        ArgumentOutOfRangeException.ThrowIfNegative(draws);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(draws, population);
        int least = Math.Max(0, draws - (population - marked));
        int most = Math.Min(marked, draws);
        if (bound < least)
        {
            return 1;
        }

        if (bound >= most)
        {
            return 0;
        }

        // From one probability to the next by their ratio.
        double probability = Math.Exp(
            LogChoose(marked, bound + 1) + LogChoose(population - marked, draws - bound - 1) - LogChoose(population, draws));
        double tail = 0;
        for (int k = bound + 1; k <= most; k++)
        {
            tail += probability;
            probability *= (double)(marked - k) * (draws - k) / ((k + 1.0) * (population - marked - draws + k + 1));
        }

        return Math.Min(1, tail);
    }

    /// <summary>The smallest f' such that in all of many independent draws together the chance of more than f' marked in any is below δ.</summary>
    /// <param name="population">N.</param>
    /// <param name="marked">K, in [0, N].</param>
    /// <param name="draws">s, in [0, N].</param>
    /// <param name="times">How many times s are drawn; at least 1.</param>
    /// <param name="chance">δ, in (0, 1).</param>
    public static int SmallestBound(int population, int marked, int draws, int times, double chance)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(times, 1);
        if (!(chance is > 0 and < 1))
        {
            throw new ArgumentOutOfRangeException(nameof(chance), chance, "must be in (0, 1)");
        }

        int bound = 0;
        while (ChanceInAny(Tail(population, marked, draws, bound), times) >= chance)
        {
            bound++;
        }

        return bound;
    }

    // 1 − (1 − p)^T; for a tiny p, where 1 − p would round, T·p, which is its limit from above.
    private static double ChanceInAny(double once, int times) =>
        once < 1e-9 ? once * times : 1 - Math.Pow(1 - once, times);

    private static double LogChoose(int total, int chosen)
    {
        double sum = 0;
        for (int i = 1; i <= Math.Min(chosen, total - chosen); i++)
        {
            sum += Math.Log((total - i + 1.0) / i);
        }

        return sum;
    }
}
