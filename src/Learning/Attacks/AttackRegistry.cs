namespace P2PLearn.Learning.Attacks;

/// <summary>The attacks by the names that a configuration uses.</summary>
public static class AttackRegistry
{
    /// <summary>All names.</summary>
    public static IReadOnlyList<string> Names { get; } = ["none", "alie", "foe", "sign-flip", "label-flip", "nan"];

    /// <summary>Makes an attack: an <see cref="IModelAttack"/>, or one that only changes what the attackers train on.</summary>
    /// <param name="name">One of <see cref="Names"/>.</param>
    /// <exception cref="ArgumentException">An unknown name, in one line for the user.</exception>
    public static IAttack Create(string name) => name switch
    {
        "none" => new NoAttack(),
        "alie" => new Alie(),
        "foe" => new Foe(),
        "sign-flip" => new SignFlip(),
        "label-flip" => new LabelFlip(),
        "nan" => new NotFinite(),
        _ => throw new ArgumentException($"unknown attack '{name}': use {string.Join(", ", Names)}"),
    };
}
