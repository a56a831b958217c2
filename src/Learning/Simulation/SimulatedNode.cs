using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Simulation;

/// <summary>One node of a simulation: its machine, its model, and what is counted of it.</summary>
internal sealed class SimulatedNode(int index, Participant participant, bool honest, IRoundMachine machine)
{
    public int Index { get; } = index;

    public Participant Participant { get; } = participant;

    public bool Honest { get; } = honest;

    public IRoundMachine Machine { get; } = machine;

    /// <summary>θ, shape [d]; empty for those who only forge.</summary>
    public float[] Parameters { get; init; } = [];

    /// <summary>Its training; null for those who only forge.</summary>
    public LocalTrainer? Trainer { get; init; }

    /// <summary>Which of the workers' models the trainer runs on.</summary>
    public int Worker { get; init; }

    /// <summary>How many times longer than the others it trains.</summary>
    public double Slowness { get; init; } = 1;

    /// <summary>Images of its own.</summary>
    public int Images { get; init; }

    /// <summary>Steps that are asked for and not done yet; 0 when none are.</summary>
    public int PendingSteps { get; set; }

    /// <summary>Contributions received.</summary>
    public long ReceivedCount { get; set; }

    /// <summary>Rounds that are recorded.</summary>
    public List<RoundRecord> Records { get; } = [];
}
