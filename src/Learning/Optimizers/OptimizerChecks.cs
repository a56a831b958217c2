namespace P2PLearn.Learning.Optimizers;

/// <summary>The ranges that schedules and optimizers share.</summary>
internal static class OptimizerChecks
{
    /// <summary>Throws unless the value is positive and finite.</summary>
    public static void RequireRate(double value, string name)
    {
        if (!(value > 0) || !double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "must be positive and finite");
        }
    }

    /// <summary>Throws unless the value is finite and at least 0.</summary>
    public static void RequireDecay(double value, string name)
    {
        if (!(value >= 0) || !double.IsFinite(value))
        {
            throw new ArgumentOutOfRangeException(name, value, "must be finite and at least 0");
        }
    }

    /// <summary>Throws unless the value is in [0, 1).</summary>
    public static void RequireMomentum(double value, string name)
    {
        if (!(value >= 0 && value < 1))
        {
            throw new ArgumentOutOfRangeException(name, value, "must be in [0, 1)");
        }
    }
}
