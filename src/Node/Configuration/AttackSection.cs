namespace P2PLearn.Node.Configuration;

/// <summary>How this node misbehaves: for experiments in a mesh of one's own.</summary>
public sealed record AttackSection
{
    /// <summary><c>alie</c>, <c>foe</c>, <c>sign-flip</c>, <c>label-flip</c> or <c>nan</c>.</summary>
    public string Name { get; init; } = "alie";

    /// <summary>Peer ids of the other attackers, whom the attacker does not count among the honest.</summary>
    public IReadOnlyList<string> Colluders { get; init; } = [];
}
