namespace P2PLearn.Learning.Attacks;

/// <summary>Looks for the largest value of a function of one non-negative number with a fixed number of evaluations.</summary>
/// <remarks>
/// As in the code of Farhadkhani et al., ICML 2023 (arXiv:2209.10931): start at 0; step 1, doubled while it helps; then smaller and smaller steps
/// around the best, each 0.8 of the one before. A trial below 0 is replaced by the half-way point until it is not.
/// </remarks>
internal static class LineSearch
{
    private const double Contraction = 0.8;

    /// <summary>Searches.</summary>
    /// <param name="value">The function; NaN counts as no improvement.</param>
    /// <param name="evaluations">At least 1.</param>
    /// <returns>The best argument tried.</returns>
    public static double Maximize(Func<double, double> value, int evaluations)
    {
        double best = 0;
        double bestValue = value(0);
        double step = 1;
        double trial = 0;
        bool growing = true;
        for (int i = 1; i < evaluations; i++)
        {
            trial = growing ? best + step : Next(trial, best, step);
            double trialValue = value(trial);
            bool better = trialValue > bestValue;
            if (better)
            {
                (best, bestValue) = (trial, trialValue);
            }

            growing &= better;
            step *= growing ? 2 : Contraction;
        }

        return best;
    }

    private static double Next(double trial, double best, double step)
    {
        if (trial < best)
        {
            return trial + step;
        }

        double next = trial - step;
        while (next < 0)
        {
            next = trial > 0 ? (next + trial) / 2 : 0;
        }

        return next;
    }
}
