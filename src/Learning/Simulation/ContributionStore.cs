using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>The contributed models of all nodes, each once, shared by all who mix them. Models that nobody wants any more give their memory to new ones.</summary>
internal sealed class ContributionStore(int dimension)
{
    private readonly Dictionary<ContributionRef, (float[] Model, bool Shared)> _models = [];
    private readonly Stack<float[]> _free = new();

    /// <summary>The most model memory that there ever was, in models: here, or waiting for its next use.</summary>
    public int AllocatedModels { get; private set; }

    /// <summary>Memory for a model, shape [d], with any content.</summary>
    public float[] Rent()
    {
        if (_free.TryPop(out float[]? model))
        {
            return model;
        }

        AllocatedModels++;
        return new float[dimension];
    }

    /// <summary>Takes a model; its memory belongs to the store from here on. The same model of the same participant may be given again.</summary>
    /// <param name="participant">Whose.</param>
    /// <param name="round">Of which round.</param>
    /// <param name="root">Its name, as <see cref="ModelRoot.OfModel"/> gives it.</param>
    /// <param name="model">Shape [d].</param>
    public ContributionRef Add(Participant participant, int round, ModelRoot root, float[] model)
    {
        var reference = new ContributionRef(participant, round, root);
        if (!_models.TryAdd(reference, (model, Shared: false)))
        {
            _free.Push(model);
        }

        return reference;
    }

    /// <summary>Takes one model that many participants send; its memory is never given to another.</summary>
    /// <param name="participants">At least one.</param>
    /// <param name="round">The round.</param>
    /// <param name="model">Shape [d]; not changed by anybody any more.</param>
    /// <returns>The root that is the same for all of them.</returns>
    public ModelRoot AddShared(IEnumerable<Participant> participants, int round, float[] model)
    {
        ModelRoot root = ModelRoot.OfModel(model);
        foreach (Participant participant in participants)
        {
            _models.TryAdd(new ContributionRef(participant, round, root), (model, Shared: true));
        }

        return root;
    }

    /// <summary>The contributions of a round that are here, by participant.</summary>
    public ContributionRef[] OfRound(int round) => [.. _models.Keys.Where(r => r.Round == round).OrderBy(r => r.Participant)];

    /// <summary>Whether a contribution is here.</summary>
    public bool Contains(ContributionRef contribution) => _models.ContainsKey(contribution);

    /// <summary>The model of a contribution; lent until the next <see cref="Forget"/>.</summary>
    public ReadOnlyMemory<float> Get(ContributionRef contribution) => _models[contribution].Model;

    /// <summary>The models of contributions, in the same order; lent until the next <see cref="Forget"/>.</summary>
    public ReadOnlyMemory<float>[] Get(IReadOnlyList<ContributionRef> contributions)
    {
        var models = new ReadOnlyMemory<float>[contributions.Count];
        for (int i = 0; i < models.Length; i++)
        {
            models[i] = Get(contributions[i]);
        }

        return models;
    }

    /// <summary>Drops the contributions of all rounds before one.</summary>
    public void Forget(int before)
    {
        foreach (ContributionRef reference in _models.Keys.Where(r => r.Round < before).ToList())
        {
            _models.Remove(reference, out (float[] Model, bool Shared) removed);
            if (!removed.Shared)
            {
                _free.Push(removed.Model);
            }
        }
    }
}
