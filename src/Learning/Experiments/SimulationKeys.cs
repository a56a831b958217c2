using System.Globalization;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Experiments;

/// <summary>The settings of a simulation by the names of the command line, as a grid varies them.</summary>
public static class SimulationKeys
{
    private static readonly Dictionary<string, Func<SimulationOptions, string, SimulationOptions>> Setters = new(StringComparer.Ordinal)
    {
        ["nodes"] = (options, value) => options with { Nodes = Number("nodes", value) },
        ["byzantine"] = (options, value) => options with { Byzantine = Number("byzantine", value) },
        ["guard"] = (options, value) => options with { Guard = Number("guard", value) },
        ["attack"] = (options, value) => options with { Attack = value },
        ["aggregator"] = (options, value) => options with { Aggregator = value },
        ["topology"] = (options, value) => options with { Topology = value },
        ["model"] = (options, value) => options with { Model = value },
        ["partition"] = (options, value) => options with { Partition = value },
        ["gradients"] = (options, value) => options with { Gradients = Number("gradients", value) },
        ["local-steps"] = (options, value) => options with { LocalSteps = Number("local-steps", value) },
        ["mixing-rounds"] = (options, value) => options with { MixingRounds = Number("mixing-rounds", value) },
        ["exchange-precision"] = (options, value) => options with { ExchangePrecision = ExchangePrecisions.Parse(value) },
        ["batch"] = (options, value) => options with { Batch = Number("batch", value) },
        ["latency"] = (options, value) => options with { Network = options.Network with { Latency = NumberRange.Parse(value, "latency") } },
        ["bandwidth"] = (options, value) => options with { Network = options.Network with { Bandwidth = NetworkOptions.ParseBandwidth(value) } },
        ["loss"] = (options, value) => options with { Network = options.Network with { Loss = Real("loss", value) } },
        ["churn"] = (options, value) => options with { Network = options.Network.WithChurn(value) },
        ["seed"] = (options, value) => options with { Seed = ulong.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out ulong seed) ? seed : throw NoNumber("seed", value) },
        ["move-limit"] = (options, value) => options with { MoveLimit = Real("move-limit", value) },
    };

    /// <summary>All names, in the order of the command line's help.</summary>
    public static IReadOnlyList<string> Names { get; } = [.. Setters.Keys];

    /// <summary>The options with one of them changed; not checked together.</summary>
    /// <exception cref="ArgumentException">An unknown name or a value that is none; one line for the user.</exception>
    public static SimulationOptions With(SimulationOptions options, string key, string value) =>
        Setters.TryGetValue(key, out Func<SimulationOptions, string, SimulationOptions>? set)
            ? set(options, value)
            : throw new ArgumentException($"unknown setting '{key}' in the grid: use {string.Join(", ", Names)}");

    private static int Number(string key, string value) =>
        int.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw NoNumber(key, value);

    private static double Real(string key, string value) =>
        double.TryParse(value, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double number) ? number : throw NoNumber(key, value);

    private static ArgumentException NoNumber(string key, string value) => new($"{key} is '{value}', but must be a number");
}
