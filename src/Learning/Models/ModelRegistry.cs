using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Models;

/// <summary>
/// Models by the name that a configuration gives. Immutable; a program that brings its own models adds them with
/// <see cref="With(string, ModelInput, Func{ModelInput, ITrainableModel})"/>.
/// </summary>
public sealed class ModelRegistry
{
    /// <summary>Longest name of a model: settings of runs carry it.</summary>
    public const int MaxNameLength = 64;

    private readonly ImmutableSortedDictionary<string, Entry> _entries;

    private ModelRegistry(ImmutableSortedDictionary<string, Entry> entries) => _entries = entries;

    /// <summary>
    /// "cnn", "logistic", "mlp" and "resnet", by default for MNIST's 28×28 images and ten classes, and "char-transformer", by default for blocks
    /// of 64 characters of ASCII.
    /// </summary>
    public static ModelRegistry Default { get; } =
        new ModelRegistry(ImmutableSortedDictionary.Create<string, Entry>(StringComparer.Ordinal))
            .With(LogisticRegression.RegisteredName, ModelInput.Mnist, LogisticRegression.For)
            .With(Mlp.RegisteredName, ModelInput.Mnist, Mlp.For)
            .With(Cnn.RegisteredName, ModelInput.Mnist, Cnn.For)
            .With(ResNet.RegisteredName, ModelInput.Mnist, ResNet.For)
            .With(CharTransformer.RegisteredName, CharTransformer.DefaultInput, CharTransformer.For);

    /// <summary>The known names in order.</summary>
    public IEnumerable<string> Names => _entries.Keys;

    /// <summary>Whether a model has that name.</summary>
    public bool Contains(string name) => _entries.ContainsKey(name);

    /// <summary>A registry that knows one more model, which has one shape.</summary>
    /// <exception cref="ArgumentException">The name is taken.</exception>
    public ModelRegistry With(string name, Func<ITrainableModel> factory)
    {
        ArgumentNullException.ThrowIfNull(factory);
        return With(name, ModelInput.Mnist, _ => factory());
    }

    /// <summary>A registry that knows one more model, which is built for the data.</summary>
    /// <param name="name">For a configuration.</param>
    /// <param name="standard">What it is built for when nothing is said.</param>
    /// <param name="factory">Throws <see cref="ArgumentException"/> with one line for an input that it does not take.</param>
    /// <exception cref="ArgumentException">The name is taken, or is none.</exception>
    public ModelRegistry With(string name, ModelInput standard, Func<ModelInput, ITrainableModel> factory)
    {
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentNullException.ThrowIfNull(standard);
        ArgumentNullException.ThrowIfNull(factory);
        if (name.Length > MaxNameLength || name.AsSpan().ContainsAnyExceptInRange('!', '~'))
        {
            throw new ArgumentException($"a model's name must be 1 to {MaxNameLength} printable characters without spaces", nameof(name));
        }

        return _entries.ContainsKey(name)
            ? throw new ArgumentException($"there is already a model '{name}'", nameof(name))
            : new ModelRegistry(_entries.Add(name, new Entry(standard, factory)));
    }

    /// <summary>Creates a model for its standard input; the caller owns it.</summary>
    /// <exception cref="ArgumentException">No model has that name; the message lists those that exist.</exception>
    /// <exception cref="Torch.TorchUnavailableException">libtorch cannot be used here.</exception>
    public ITrainableModel Create(string name)
    {
        Entry entry = Find(name);
        return entry.Factory(entry.Standard);
    }

    /// <summary>Creates a model for some data; the caller owns it.</summary>
    /// <exception cref="ArgumentException">No model has that name, or it does not take such data; one line.</exception>
    /// <exception cref="Torch.TorchUnavailableException">libtorch cannot be used here.</exception>
    public ITrainableModel Create(string name, ModelInput input) => Find(name).Factory(input);

    /// <summary>Throws, in one line for the user, unless a model fits its data.</summary>
    internal static void Require([NotNull] ModelInput? input, bool fits, string name, string what)
    {
        ArgumentNullException.ThrowIfNull(input);
        if (!fits)
        {
            throw new ArgumentException($"model '{name}' takes {what}, not {input}");
        }
    }

    private Entry Find(string name) => _entries.TryGetValue(name, out Entry? entry)
        ? entry
        : throw new ArgumentException($"unknown model '{name}'; known are {string.Join(", ", Names)}", nameof(name));

    private sealed record Entry(ModelInput Standard, Func<ModelInput, ITrainableModel> Factory);
}
