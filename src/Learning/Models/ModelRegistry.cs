using System.Collections.Immutable;

namespace P2PLearn.Learning.Models;

/// <summary>
/// Models by the name that a configuration gives. Immutable; a program that brings its own models adds them with
/// <see cref="With"/>.
/// </summary>
public sealed class ModelRegistry
{
    private readonly ImmutableSortedDictionary<string, Func<ITrainableModel>> _factories;

    private ModelRegistry(ImmutableSortedDictionary<string, Func<ITrainableModel>> factories) => _factories = factories;

    /// <summary>"cnn", "logistic" and "mlp", for MNIST's 28×28 images and ten classes.</summary>
    public static ModelRegistry Default { get; } =
        new ModelRegistry(ImmutableSortedDictionary.Create<string, Func<ITrainableModel>>(StringComparer.Ordinal))
            .With(LogisticRegression.RegisteredName, () => new LogisticRegression())
            .With(Mlp.RegisteredName, () => new Mlp())
            .With(Cnn.RegisteredName, () => new Cnn());

    /// <summary>The known names in order.</summary>
    public IEnumerable<string> Names => _factories.Keys;

    /// <summary>A registry that knows one more model.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public ModelRegistry With(string name, Func<ITrainableModel> factory)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(factory);
        return _factories.ContainsKey(name)
            ? throw new ArgumentException($"there is already a model '{name}'", nameof(name))
            : new ModelRegistry(_factories.Add(name, factory));
    }

    /// <summary>Creates a model, which the caller owns.</summary>
    /// <exception cref="ArgumentException">No model has that name; the message lists those that exist.</exception>
    /// <exception cref="Torch.TorchUnavailableException">libtorch cannot be used here.</exception>
    public ITrainableModel Create(string name) => _factories.TryGetValue(name, out Func<ITrainableModel>? factory)
        ? factory()
        : throw new ArgumentException($"unknown model '{name}'; known are {string.Join(", ", Names)}", nameof(name));
}
