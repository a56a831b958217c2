using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Who is there: tells the machines whom to take for participants, lets honest nodes leave and come back.</summary>
/// <remarks>
/// All learn at once who leaves and who is back. Where not everybody hears everybody, a machine is told only of those whom it hears in its round, so that a thousand
/// nodes do not keep a million names. A node that is back joins as a late joiner of a mesh does: the robust choice among the models of the last
/// finished round is its model, its momentum is its own, and it trains on from the next round. At most half of the honest are away.
/// </remarks>
/// <param name="options">Checked.</param>
/// <param name="nodes">All nodes.</param>
/// <param name="graph">Null where everybody hears everybody.</param>
/// <param name="time">Where events are scheduled.</param>
/// <param name="network">Tells who leaves.</param>
/// <param name="store">Has the models of the last finished round.</param>
internal sealed class Membership(
    SimulationOptions options, SimulatedNode[] nodes, SimulatedGraph? graph, VirtualTime time, VirtualNetwork network, ContributionStore store)
{
    private readonly bool _alone = options.Aggregator == SimulationOptions.Alone;
    private int _away;

    /// <summary>How often an honest node left.</summary>
    public int Departures { get; private set; }

    /// <summary>Tells all machines whom they begin with, and starts them.</summary>
    public void Start()
    {
        foreach (SimulatedNode node in nodes.Where(n => n.Machine is not null))
        {
            Introduce(node, 1);
            time.Schedule(node, new Started(), TimeSpan.Zero);
        }
    }

    /// <summary>Tells a node whom it hears in its next round, and no more of those whom it heard before.</summary>
    public void Follow(SimulatedNode node, int round)
    {
        if (graph is null || _alone || node.Trainer is null || round > options.Rounds)
        {
            return;
        }

        IReadOnlySet<int> next = graph.Sources(round, node.Index);
        foreach (int gone in node.Known.Where(k => !next.Contains(k)).ToArray())
        {
            node.Known.Remove(gone);
            time.Schedule(node, new ParticipantLeft(nodes[gone].Participant), TimeSpan.Zero);
        }

        Introduce(node, round);
    }

    /// <summary>Lets an honest node go, if it is its turn.</summary>
    /// <param name="node">Has just finished a round.</param>
    /// <returns>Whether it left.</returns>
    public bool TryLeave(SimulatedNode node)
    {
        bool stays = !node.Honest || node.LastRound >= options.Rounds || 2 * (_away + 1) > options.HonestCount;
        if (stays || network.AwayAfter(node.LastRound, node.Index) is not { } away)
        {
            return false;
        }

        _away++;
        Departures++;
        node.IsAway = true;
        node.Life++;
        node.PendingSteps = 0;
        node.Known.Clear();
        node.Fetches.Clear();
        foreach (SimulatedNode other in Others(node).Where(o => graph is null || o.Trainer is null || o.Known.Remove(node.Index)))
        {
            time.Schedule(other, new ParticipantLeft(node.Participant), TimeSpan.Zero);
        }

        time.Schedule(node, new CameBack(), away);
        return true;
    }

    /// <summary>Takes a node back.</summary>
    /// <param name="node">Was away.</param>
    /// <param name="machine">A new one.</param>
    /// <param name="roundsDone">The last round that all present honest nodes have finished.</param>
    public void Return(SimulatedNode node, RoundMachine machine, int roundsDone)
    {
        _away--;
        node.IsAway = false;
        node.Machine = machine;
        node.LastRound = Math.Max(node.LastRound, roundsDone);
        int next = node.LastRound + 1;
        TimeSpan downloaded = _alone ? TimeSpan.Zero : Adopt(node);
        Introduce(node, Math.Min(next, options.Rounds));
        time.Schedule(node, new Started(next), downloaded);
        foreach (SimulatedNode other in Others(node).Where(o => Expects(o, node.Index)))
        {
            time.Schedule(other, new ParticipantJoined(node.Participant), TimeSpan.Zero);
        }
    }

    private IEnumerable<SimulatedNode> Others(SimulatedNode node) =>
        _alone ? [] : nodes.Where(o => o != node && !o.IsAway && o.Machine is not null);

    private bool Expects(SimulatedNode other, int node) =>
        graph is null || other.Trainer is null
        || (graph.Hears(other.Machine!.Round, other.Index, node) && other.Known.Add(node));

    private void Introduce(SimulatedNode node, int round)
    {
        if (_alone)
        {
            return;
        }

        bool hearsAll = graph is null || node.Trainer is null;
        foreach (SimulatedNode other in nodes)
        {
            if (other != node && !other.IsAway
                && (hearsAll || (graph!.Hears(round, node.Index, other.Index) && node.Known.Add(other.Index))))
            {
                time.Schedule(node, new ParticipantJoined(other.Participant), TimeSpan.Zero);
            }
        }
    }

    // Of those whom it hears, for fewer than 2f + 1 it keeps its own model.
    private TimeSpan Adopt(SimulatedNode node)
    {
        ContributionRef[] known = [.. store.OfRound(node.LastRound).Where(c => c.Participant != node.Participant && IsHeard(node, c))];
        ReadOnlyMemory<float>[] models = store.Get(known);
        if (models.Length == 0 || !new TrimmedMean(options.FaultySources).TryAggregate(models[0].Span, models, node.Parameters, null))
        {
            return TimeSpan.Zero;
        }

        node.ReceivedCount += models.Length;
        return models.Max(_ => network.Download(node.Index, time.Now)); // one after the other: the last is the longest
    }

    private bool IsHeard(SimulatedNode node, ContributionRef contribution) =>
        graph?.Hears(node.Index, contribution) ?? true;
}
