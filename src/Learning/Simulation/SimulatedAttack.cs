using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Attacks;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Makes the vectors of all Byzantine nodes of a run; each vector once, however many of them send it.</summary>
internal sealed class SimulatedAttack(SimulationOptions options, SimulatedGraph? graph, ContributionStore store, ClaimedSamples samples)
{
    // Enough that their mean hardly depends on who they are, few enough that trying an attack on them is cheap.
    private const int MaxSamples = 16;

    private readonly IAttack _attack = AttackRegistry.Create(options.Attack, options.Seed);
    private readonly IAggregator _rule = options.CreateRule();
    private readonly Dictionary<Participant, int> _indices =
        Enumerable.Range(0, options.Nodes).ToDictionary(i => SimulationNodes.Name(i, options.Nodes));

    /// <summary>Whether victims get vectors of their own.</summary>
    public bool IsPerVictim => _attack is IVictimAttack;

    /// <summary>The one vector of a round, for everybody, shape [d]; called once a round.</summary>
    public float[] ForAll(Forge forge)
    {
        ReadOnlyMemory<float>[] honest = store.Get(forge.Honest);
        float[] forged = new float[honest[0].Length];
        var knowledge = new AttackKnowledge(honest, RuleOf(forge.Honest.Select(c => c.Participant), options.Byzantine), options.Byzantine) { Samples = Samples(forge, honest) };
        ((IModelAttack)_attack).Forge(knowledge, forged);
        options.ExchangePrecision.Round(forged);
        return forged;
    }

    /// <summary>The vectors of a round for those who hear attackers, by the victims' index; called once a round.</summary>
    public IEnumerable<(int Victim, int[] Attackers, float[] Model)> ForVictims(Forge forge)
    {
        ReadOnlyMemory<float>[] honest = store.Get(forge.Honest);
        int[] indices = Indices(forge);
        int[][] neighbourhoods = [.. indices.Select(node => Seen(forge.Round, node, indices))];
        for (int i = 0; i < indices.Length; i++)
        {
            int[] attackers = Attackers(forge.Round, indices[i]);
            if (attackers.Length > 0)
            {
                float[] forged = new float[honest[i].Length];
                IAggregator rule = RuleOf(neighbourhoods[i].Select(j => forge.Honest[j].Participant), attackers.Length);
                ((IVictimAttack)_attack).Forge(
                    new VictimKnowledge(forge.Round, honest, neighbourhoods, i, rule, attackers.Length), forged);
                options.ExchangePrecision.Round(forged);
                yield return (indices[i], attackers, forged);
            }
        }
    }

    // The candidates of a probe are the honest, then the attackers.
    private IAggregator RuleOf(IEnumerable<Participant> honest, int attackers) =>
        samples.Bind(_rule, honest.Concat(Enumerable.Range(options.HonestCount, attackers).Select(i => SimulationNodes.Name(i, options.Nodes))));

    /// <summary>What some of those who hear an attacker hear, others in each round; null where everybody hears everybody.</summary>
    private List<AttackKnowledge>? Samples(Forge forge, ReadOnlyMemory<float>[] honest)
    {
        if (graph is null)
        {
            return null;
        }

        var tried = new List<AttackKnowledge>();
        int[] indices = Indices(forge);
        int first = forge.Round * MaxSamples;
        for (int k = 0; k < indices.Length && tried.Count < MaxSamples; k++)
        {
            int victim = (first + k) % indices.Length;
            int attackers = Attackers(forge.Round, indices[victim]).Length;
            if (attackers > 0)
            {
                int[] seen = Seen(forge.Round, indices[victim], indices);
                tried.Add(new AttackKnowledge([.. seen.Select(i => honest[i])], RuleOf(seen.Select(i => forge.Honest[i].Participant), attackers), attackers) { Victim = Array.IndexOf(seen, victim) });
            }
        }

        return tried;
    }

    private int[] Indices(Forge forge) => [.. forge.Honest.Select(c => _indices[c.Participant])];

    // Places among the honest of those that a node mixes, its own among them.
    private int[] Seen(int round, int node, int[] indices) =>
        [.. Enumerable.Range(0, indices.Length).Where(i => indices[i] == node || Hears(round, node, indices[i]))];

    private int[] Attackers(int round, int node) =>
        [.. Enumerable.Range(options.HonestCount, options.Byzantine).Where(attacker => Hears(round, node, attacker))];

    private bool Hears(int round, int node, int from) => graph is null || graph.Hears(round, node, from);
}
