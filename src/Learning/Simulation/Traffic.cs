using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Carries contributions from node to node: who hears of what, and when it is there.</summary>
/// <remarks>
/// A model is pushed by its maker. When that transfer breaks, the receiver knows only that there is such a contribution, and its machine fetches it, as a
/// daemon's does. Between an honest and a Byzantine node nothing breaks and nothing takes time but the honest one's own link.
/// </remarks>
/// <param name="options">Checked.</param>
/// <param name="nodes">All nodes.</param>
/// <param name="graph">Null where everybody hears everybody.</param>
/// <param name="time">Where arrivals are scheduled.</param>
/// <param name="network">The links.</param>
/// <param name="store">Has what may still be fetched.</param>
internal sealed class Traffic(
    SimulationOptions options, SimulatedNode[] nodes, SimulatedGraph? graph, VirtualTime time, VirtualNetwork network, ContributionStore store)
{
    private readonly Dictionary<Participant, SimulatedNode> _byName = nodes.ToDictionary(n => n.Participant);
    private readonly SimulatedNode? _forging = nodes.FirstOrDefault(n => n.Trainer is null);
    private readonly int[] _all = [.. Enumerable.Range(0, nodes.Length)];

    /// <summary>Transfers that broke.</summary>
    public long BrokenTransfers { get; private set; }

    /// <summary>Sends a contribution to all who hear its maker, and to the attackers, who hear everybody.</summary>
    public void Announce(ContributionRef contribution)
    {
        if (options.Aggregator == SimulationOptions.Alone)
        {
            return;
        }

        SimulatedNode from = _byName[contribution.Participant];
        foreach (int listener in graph?.Listeners(contribution.Round, from.Index) ?? _all)
        {
            SimulatedNode to = nodes[listener];
            if (to != from && to.Trainer is not null && !to.IsAway)
            {
                Push(from, to, contribution);
            }
        }

        if (_forging is not null && from.Honest)
        {
            time.Schedule(_forging, new ModelArrived(contribution), TimeSpan.Zero);
        }
    }

    /// <summary>Sends a contribution to one node.</summary>
    public void Push(SimulatedNode from, SimulatedNode to, ContributionRef contribution)
    {
        TimeSpan delay = TimeSpan.Zero;
        if (from.Honest && to.Honest)
        {
            delay = network.Latency(contribution.Round, from.Index, to.Index, 0);
            TimeSpan sent = network.Upload(from.Index, time.Now);
            if (network.IsLost(contribution.Round, from.Index, to.Index, 0))
            {
                BrokenTransfers++;
                time.Schedule(to, new HeadKnown(contribution), delay);
                return;
            }

            delay += sent;
        }

        time.Schedule(to, new ModelReached(contribution), delay);
    }

    /// <summary>Takes in that the first byte of a model has come: it is there once the node's link has carried it.</summary>
    public void Receive(SimulatedNode to, ContributionRef contribution)
    {
        to.ReceivedCount++;
        time.Schedule(to, new ModelArrived(contribution), network.Download(to.Index, time.Now));
    }

    /// <summary>Fetches a contribution from its maker.</summary>
    public void Fetch(SimulatedNode to, ContributionRef contribution)
    {
        SimulatedNode from = _byName[contribution.Participant];
        int attempt = to.Fetches[contribution] = to.Fetches.GetValueOrDefault(contribution) + 1;
        TimeSpan there = from.Honest ? network.Latency(contribution.Round, to.Index, from.Index, attempt) : TimeSpan.Zero;
        if (from.IsAway || !store.Contains(contribution))
        {
            time.Schedule(to, new FetchFailed(contribution), there + there);
            return;
        }

        TimeSpan sent = from.Honest ? network.Upload(from.Index, time.Now + there) : TimeSpan.Zero;
        TimeSpan back = from.Honest ? network.Latency(contribution.Round, from.Index, to.Index, attempt) : TimeSpan.Zero;
        bool lost = from.Honest && network.IsLost(contribution.Round, from.Index, to.Index, attempt);
        BrokenTransfers += lost ? 1 : 0;
        time.Schedule(to, lost ? new FetchFailed(contribution) : new ModelReached(contribution), there + sent + back);
    }

    /// <summary>Tells a node that is back of what was said meanwhile: it fetches what it can use.</summary>
    public void CatchUpOnHeads(SimulatedNode to, int fromRound)
    {
        for (int round = fromRound; round <= options.Rounds; round++)
        {
            foreach (ContributionRef known in store.OfRound(round))
            {
                int maker = _byName[known.Participant].Index;
                if (maker != to.Index && (graph is null || graph.Hears(round, to.Index, maker)))
                {
                    time.Schedule(to, new HeadKnown(known), network.Latency(round, maker, to.Index, 0));
                }
            }
        }
    }
}
