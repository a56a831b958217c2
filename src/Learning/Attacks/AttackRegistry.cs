namespace P2PLearn.Learning.Attacks;

/// <summary>The attacks by the names that a configuration uses.</summary>
public static class AttackRegistry
{
    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } =
    [
        "none", "alie", "foe", "sign-flip", "label-flip", "nan", "mimic", "gaussian", "replay", "silent", "late",
        "sparse-alie", "sparse-foe", "dissensus", "spectral", "drift", "split",
    ];

    /// <summary>Those that a process in a mesh can carry out: one vector for everybody, or honest work on wrong labels. The others are for simulations.</summary>
    public static IReadOnlyList<string> MeshNames { get; } =
    [
        "alie", "foe", "sign-flip", "label-flip", "nan", "mimic", "gaussian", "replay",
    ];

    /// <summary>Makes an attack for one run of seed 1.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">An unknown name, in one line for the user.</exception>
    public static IAttack Create(string name) => Create(name, 1);

    /// <summary>
    /// Makes an attack for one run: an <see cref="IModelAttack"/>, an <see cref="IVictimAttack"/>, or one that only changes what the attackers train
    /// on or when they speak.
    /// </summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <param name="seed">What is random in it follows from this.</param>
    /// <exception cref="ArgumentException">An unknown name, in one line for the user.</exception>
    public static IAttack Create(string name, ulong seed) => name switch
    {
        "none" => new NoAttack(),
        "alie" => new Alie(),
        "foe" => new Foe(),
        "sign-flip" => new SignFlip(),
        "label-flip" => new LabelFlip(),
        "nan" => new NotFinite(),
        "mimic" => new Mimic(),
        "gaussian" => new Gaussian(seed),
        "replay" => new Replay(),
        "silent" => new Silent(),
        "late" => new Late(),
        "sparse-alie" => new SparseAlie(),
        "sparse-foe" => new SparseFoe(),
        "dissensus" => new Dissensus(),
        "spectral" => new Spectral(),
        "drift" => new Drift(),
        "split" => new Split(),
        _ => throw new ArgumentException($"unknown attack '{name}': use {string.Join(", ", Names)}"),
    };
}
