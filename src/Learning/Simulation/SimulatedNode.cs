using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Rounds;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Simulation;

/// <summary>One node of a simulation: its machine, its model, and what is counted of it.</summary>
/// <param name="index">In [0, n).</param>
/// <param name="participant">Its name.</param>
/// <param name="honest">Whether it follows the protocol.</param>
/// <param name="guard">f', what its rule guards against.</param>
/// <param name="machine">Its rounds; null for attackers whose moves another one makes.</param>
internal sealed class SimulatedNode(int index, Participant participant, bool honest, int guard, IRoundMachine? machine)
{
    public int Index { get; } = index;

    public Participant Participant { get; } = participant;

    public bool Honest { get; } = honest;

    /// <summary>Replaced when it comes back.</summary>
    public IRoundMachine? Machine { get; set; } = machine;

    /// <summary>θ, shape [d]; empty for those who only forge.</summary>
    public float[] Parameters { get; init; } = [];

    /// <summary>θ before the local steps of the round under way, or of the one that it mixes on from, shape [d]; empty when there is no outer step that would look at it.</summary>
    public float[] Previous { get; init; } = [];

    /// <summary>Its outer step; null for none.</summary>
    public IOuterOptimizer? Outer { get; init; }

    /// <summary>How far a mixing may move it; null for any way.</summary>
    public MoveLimit? Limit { get; init; }

    /// <summary>Its training; null for those who only forge.</summary>
    public LocalTrainer? Trainer { get; init; }

    /// <summary>Which of the workers' models the trainer runs on.</summary>
    public int Worker { get; init; }

    /// <summary>How many times longer than the others it trains.</summary>
    public double Slowness { get; init; } = 1;

    /// <summary>Images of its own.</summary>
    public int Images { get; init; }

    /// <summary>What came of its rounds.</summary>
    public NodeTally Tally { get; } = new(guard);

    /// <summary>Steps that are asked for and not done yet, none before a mixing that follows another; null when nothing is asked for.</summary>
    public int? PendingSteps { get; set; }

    /// <summary>The name of its model as its training left it.</summary>
    public ModelRoot Root { get; set; }

    /// <summary>Mean loss of its last local steps; NaN before.</summary>
    public double TrainLoss { get; set; } = double.NaN;

    /// <summary>Contributions received.</summary>
    public long ReceivedCount { get; set; }

    /// <summary>The last round that it has recorded, or joined behind; 0 before.</summary>
    public int LastRound { get; set; }

    /// <summary>Whether it is not there.</summary>
    public bool IsAway { get; set; }

    /// <summary>Grows when it leaves: what was scheduled for an earlier life does not happen.</summary>
    public int Life { get; set; }

    /// <summary>Whom its machine takes for participants, by index; used only where not everybody hears everybody.</summary>
    public HashSet<int> Known { get; } = [];

    /// <summary>How often each contribution was fetched that a broken transfer had lost.</summary>
    public Dictionary<ContributionRef, int> Fetches { get; } = [];
}
