using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>The contributed models of all nodes, each once. Models that nobody wants any more give their memory to new ones.</summary>
internal sealed class ContributionStore(int dimension)
{
    private readonly Dictionary<ContributionRef, float[]> _models = [];
    private readonly Stack<float[]> _free = new();

    /// <summary>Memory for a model, shape [d], with any content.</summary>
    public float[] Rent() => _free.TryPop(out float[]? model) ? model : new float[dimension];

    /// <summary>Takes a model; its memory belongs to the store from here on.</summary>
    public ContributionRef Add(Participant participant, int round, float[] model)
    {
        var reference = new ContributionRef(participant, round, ModelRoot.OfModel(model));
        _models.Add(reference, model);
        return reference;
    }

    /// <summary>The models of contributions, in the same order; lent until the next <see cref="Forget"/>.</summary>
    public ReadOnlyMemory<float>[] Get(IReadOnlyList<ContributionRef> contributions) =>
        [.. contributions.Select(c => new ReadOnlyMemory<float>(_models[c]))];

    /// <summary>Drops what nobody wants.</summary>
    public void Forget(Func<ContributionRef, bool> wanted)
    {
        foreach (ContributionRef reference in _models.Keys.Where(r => !wanted(r)).ToList())
        {
            _models.Remove(reference, out float[]? model);
            _free.Push(model!);
        }
    }
}
