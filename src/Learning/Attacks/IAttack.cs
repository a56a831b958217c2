namespace P2PLearn.Learning.Attacks;

/// <summary>What a Byzantine participant does.</summary>
/// <remarks>An instance belongs to one run: some attacks remember earlier rounds. Not safe for several threads.</remarks>
public interface IAttack
{
    /// <summary>The name in the registry: "alie", "foe".</summary>
    string Name { get; }

    /// <summary>Whether the attackers take part like the honest, but train on the label classes − 1 − y instead of y.</summary>
    bool FlipsLabels { get; }

    /// <summary>When the attackers speak. Default: on time.</summary>
    AttackTiming Timing => AttackTiming.OnTime;
}
