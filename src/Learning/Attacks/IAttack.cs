namespace P2PLearn.Learning.Attacks;

/// <summary>What a Byzantine participant does.</summary>
public interface IAttack
{
    /// <summary>The name in the registry: "alie", "foe".</summary>
    string Name { get; }

    /// <summary>Whether the attackers take part like the honest, but train on the label classes − 1 − y instead of y.</summary>
    bool FlipsLabels { get; }
}
