using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Simulation;

/// <summary>Events of all nodes in the order of a clock that jumps from one to the next; equal times keep the order of scheduling.</summary>
internal sealed class VirtualTime
{
    private readonly PriorityQueue<(SimulatedNode Node, int Life, RoundEvent Happened), (TimeSpan Time, long Order)> _queue = new();
    private long _scheduled;

    /// <summary>The time of the last event taken.</summary>
    public TimeSpan Now { get; private set; }

    /// <summary>Tells a node an event after a delay, unless it leaves before.</summary>
    public void Schedule(SimulatedNode node, RoundEvent happened, TimeSpan delay) =>
        _queue.Enqueue((node, node.Life, happened), (Now + delay, _scheduled++));

    /// <summary>Takes the next event; false when nothing will ever happen again.</summary>
    public bool TryNext(out SimulatedNode node, out RoundEvent happened)
    {
        while (_queue.TryDequeue(out (SimulatedNode Node, int Life, RoundEvent Happened) next, out (TimeSpan Time, long) at))
        {
            Now = at.Time;
            (node, happened) = (next.Node, next.Happened);
            if (next.Life == node.Life)
            {
                return true;
            }
        }

        (node, happened) = (null!, null!);
        return false;
    }
}
