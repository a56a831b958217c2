namespace P2PLearn.Learning.Attacks;

/// <summary>Lateness: the opposite of the honest mean, sent when the others should have stopped waiting for it.</summary>
/// <remarks>It costs the honest their deadlines, until they no longer wait for those who have missed several rounds in a row.</remarks>
public sealed class Late : IModelAttack
{
    private readonly SignFlip _attack = new();

    /// <inheritdoc/>
    public string Name => "late";

    /// <inheritdoc/>
    public bool FlipsLabels => false;

    /// <inheritdoc/>
    public AttackTiming Timing => AttackTiming.Late;

    /// <inheritdoc/>
    public void Forge(AttackKnowledge knowledge, Span<float> result) => _attack.Forge(knowledge, result);
}
