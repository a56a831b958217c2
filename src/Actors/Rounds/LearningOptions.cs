using P2PLearn.Actors.Training;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Rounds;

/// <summary>How this node takes part in learning.</summary>
public sealed record LearningOptions
{
    /// <summary>The run's settings; null: the ones that a member has attested.</summary>
    public RunSettings? Settings { get; init; }

    /// <summary>First hex digits of the run to join, which is under way; null: the one that was proposed last.</summary>
    public string? Join { get; init; }

    /// <summary>Whether this node attests its settings as a run of the mesh: a founder does.</summary>
    public bool Proposes { get; init; }

    /// <summary>What this node trains on.</summary>
    public required TrainingData Data { get; init; }

    /// <summary>How it misbehaves; null for an honest node.</summary>
    public AttackOptions? Attack { get; init; }
}

/// <summary>How a node misbehaves, for experiments.</summary>
/// <param name="Name">The attack's name in the registry.</param>
/// <param name="Accomplices">The other attackers.</param>
public sealed record AttackOptions(string Name, IReadOnlyList<PeerId> Accomplices);
