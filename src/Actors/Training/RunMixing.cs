using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Topology;

namespace P2PLearn.Actors.Training;

/// <summary>What a run's settings say about mixing, in the words of Learning.</summary>
public static class RunMixing
{
    /// <summary>Who hears whom, as <see cref="Topologies.Parse"/> reads it.</summary>
    public static string TopologyName(this RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Topology ?? Topologies.All;
    }

    /// <summary>f', how many of those whom a node mixes in a round its rule guards against: what the settings say, or what the topology of <c>min_peers</c> nodes chooses.</summary>
    /// <param name="settings">Without an error.</param>
    public static int FaultySources(this RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return settings.Guard ?? (settings.Topology is null ? settings.Faulty : settings.CreateTopology().FaultySources(settings.Faulty, settings.Rounds));
    }

    /// <summary>The mixing rule, which guards against <see cref="FaultySources"/> and computes distances on all cores where models are large.</summary>
    /// <param name="settings">Without an error.</param>
    public static IAggregator CreateRule(this RunSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Aggregators.Create(settings.Aggregator, settings.FaultySources(), Environment.ProcessorCount);
    }

    /// <summary>What is wrong with topology, guard or rule as one line, or null when all is well.</summary>
    internal static string? FindMixingError(this RunSettings settings)
    {
        if (settings.Guard is { } guard && (guard < 0 || guard > settings.Faulty))
        {
            return RunSettings.Range("guard", guard, $"0 to faulty ({settings.Faulty})");
        }

        if (settings.Topology is not null && settings.Faulty >= settings.MinPeers)
        {
            return RunSettings.Range("faulty", settings.Faulty, $"below min_peers ({settings.MinPeers}) with a topology");
        }

        try
        {
            int faulty = settings.FaultySources();
            return Aggregators.FindError(settings.Aggregator, faulty) is { } unknown ? $"run.aggregator: {unknown}"
                : settings.Topology is null ? null
                : FindTooFew(settings, settings.CreateTopology(), faulty);
        }
        catch (ArgumentException e)
        {
            return $"run.topology: {e.Message}";
        }
    }

    // Where everybody is mixed, more may come than min_peers; how many a topology gives does not grow with them.
    private static string? FindTooFew(RunSettings settings, ITopology topology, int faulty)
    {
        int needed = settings.CreateRule().MinCandidates;
        int heard = 1 + topology.Degree - (Aggregators.HeardBy(settings.Aggregator) == Heard.Quorum ? faulty : 0);
        return heard < needed
                ? $"run.topology: {settings.Aggregator} against {faulty} Byzantine needs {needed} models, a node's own among them, but mixes {heard} with {topology.Name}"
            : heard == needed && faulty > 0 && settings.Aggregator == "cs-plus" // its radius is what is left when the 2f farthest of 2f + 1 are cut off: 0
                ? $"run.topology: {settings.Aggregator} against {faulty} Byzantine of the {heard} models that {topology.Name} gives would keep each node's own: hear more, set guard lower, or use nna"
            : null;
    }

    private static ITopology CreateTopology(this RunSettings settings) => Topologies.Parse(settings.TopologyName(), settings.MinPeers, settings.Seed);
}
