using System.Text.Json;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Mesh.Tests;

/// <summary>What a node has acknowledged, by saying it on its output or in an answer, over all its lives: none of it may be missing after a kill.</summary>
/// <remarks>Filled while the node lives; read, or copied, when it is dead and its output has ended.</remarks>
internal sealed class CrashTold
{
    /// <summary>Checkpoints that a node keeps the models of.</summary>
    private const int KeptCheckpoints = 2;

    private List<CheckpointMade> _checkpoints = [];

    /// <summary>Who it said it is, at its first start.</summary>
    public string? PeerId { get; private set; }

    /// <summary>Every peer id that it gave itself.</summary>
    public HashSet<string> PeerIds { get; private set; } = [];

    /// <summary>The run's id; null as long as it does not train.</summary>
    public string? Run { get; private set; }

    /// <summary>The highest round that it told as mixed or caught up with; 0 for none.</summary>
    public int Round { get; private set; }

    /// <summary>How many rounds it told so.</summary>
    public int RoundCount { get; private set; }

    /// <summary>Its newest checkpoints, those that it must still keep.</summary>
    public IReadOnlyList<CheckpointMade> Checkpoints => _checkpoints;

    /// <summary>How many checkpoints it told.</summary>
    public int CheckpointCount { get; private set; }

    /// <summary>Each event as the line that it is, in order.</summary>
    public List<string> Lines { get; private set; } = [];

    /// <summary>Proofs of equivocation that it told.</summary>
    public List<EquivocationFound> Equivocations { get; } = [];

    /// <summary>Models that a pull or a push said are kept, by root.</summary>
    public HashSet<string> Models { get; private set; } = [];

    /// <summary>Blocks that a pull said are here, by root: the most.</summary>
    public Dictionary<string, int> Blocks { get; private set; } = [];

    /// <summary>Notes an event.</summary>
    public void Add(MeshEvent happened)
    {
        Lines.Add(JsonSerializer.Serialize(happened, EventLog.Json));
        switch (happened)
        {
            case NodeStarted started:
                PeerId ??= started.PeerId;
                PeerIds.Add(started.PeerId);
                break;
            case RunStarted run:
                Run = run.RunId;
                break;
            case RoundCompleted { Mixed: "mixed" or "caught-up" } round:
                Round = Math.Max(Round, round.Round);
                RoundCount++;
                break;
            case CheckpointMade made:
                Add(made);
                break;
            case EquivocationFound found:
                Equivocations.Add(found);
                break;
        }
    }

    /// <summary>What was told until now.</summary>
    public CrashTold Copy()
    {
        var copy = (CrashTold)MemberwiseClone();
        copy._checkpoints = [.. _checkpoints];
        (copy.PeerIds, copy.Lines, copy.Models, copy.Blocks) = ([.. PeerIds], [.. Lines], [.. Models], new Dictionary<string, int>(Blocks));
        return copy;
    }

    /// <summary>The store was emptied on purpose: what it held is owed no more.</summary>
    public void ForgetBlocks()
    {
        Models.Clear();
        Blocks.Clear();
    }

    private void Add(CheckpointMade made)
    {
        CheckpointCount++;
        _checkpoints.Add(made);
        if (_checkpoints.Count > KeptCheckpoints)
        {
            _checkpoints.RemoveAt(0);
        }
    }
}
