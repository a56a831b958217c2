namespace P2PLearn.Learning.Optimizers;

/// <summary>The outer optimizers by the names that a configuration uses.</summary>
public static class OuterOptimizers
{
    /// <summary>The known names in order.</summary>
    public static IReadOnlyList<string> Names { get; } = [NesterovOuterOptimizer.RegisteredName, NoOuterOptimizer.RegisteredName];

    /// <summary>Creates an outer optimizer that has done no step.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="parameterCount">d.</param>
    /// <param name="options">Of Nesterov; the others do not look at them.</param>
    /// <exception cref="ArgumentException">An unknown name, or a value out of range; one line.</exception>
    public static IOuterOptimizer Create(string name, int parameterCount, NesterovOuterOptions options) => name switch
    {
        NoOuterOptimizer.RegisteredName => new NoOuterOptimizer(),
        NesterovOuterOptimizer.RegisteredName => new NesterovOuterOptimizer(parameterCount, options),
        _ => throw new ArgumentException($"unknown outer optimizer '{name}'; known are {string.Join(", ", Names)}", nameof(name)),
    };
}
