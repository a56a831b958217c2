using P2PLearn.Learning.Experiments;

namespace P2PLearn.Node.Plots;

/// <summary>A line of the charts.</summary>
/// <param name="Name">In the legend; empty for the only one.</param>
/// <param name="Results">The runs that it is the mean of, e.g. of several seeds; at least one.</param>
internal sealed record PlottedRun(string Name, IReadOnlyList<RunResults> Results);
