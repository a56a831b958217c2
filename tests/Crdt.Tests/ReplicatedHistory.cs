using CsCheck;
using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Tests;

/// <summary>What a mutation does, in numbers that each type reads in its own way.</summary>
public readonly record struct Op(int Kind, int Argument, uint Stamp);

/// <summary>
/// One step of a history: a mutation at a replica, a full exchange, or one delta delivered late, early or again.
/// </summary>
public readonly record struct Step(int Replica, int What, int Other, Op Op);

/// <summary>A mutation that happened, and which mutations its replica had seen by then.</summary>
/// <param name="id">Its place in the history.</param>
/// <param name="replica">Who made it.</param>
/// <param name="op">What it was.</param>
/// <param name="seen">The events its replica had seen.</param>
/// <param name="ownBefore">The earlier mutations of the same replica.</param>
public sealed class Event(int id, ReplicaId replica, Op op, IReadOnlyList<Event> seen, IReadOnlyList<Op> ownBefore)
{
    private HashSet<int>? _replaced;

    public int Id => id;

    public ReplicaId Replica => replica;

    public Op Op => op;

    public IReadOnlyList<Event> Seen => seen;

    public IReadOnlyList<Op> OwnBefore => ownBefore;

    /// <summary>The how-manieth of its replica it was, from 1.</summary>
    public ulong Ordinal => (ulong)ownBefore.Count + 1;

    /// <summary>
    /// Of these events the writes that still count: no visible operation replaced them, having found them counting
    /// when it happened.
    /// </summary>
    /// <param name="visible">All events that are visible.</param>
    /// <param name="isWrite">Which events write.</param>
    /// <param name="replaces">Whether the first operation, if it sees the second, takes its place or removes
    /// it.</param>
    public static IEnumerable<Event> Surviving(
        IReadOnlyList<Event> visible, Func<Op, bool> isWrite, Func<Op, Op, bool> replaces) =>
        visible.Where(e => isWrite(e.Op) && !visible.Any(later => later.Replaced(isWrite, replaces).Contains(e.Id)));

    private HashSet<int> Replaced(Func<Op, bool> isWrite, Func<Op, Op, bool> replaces) =>
        _replaced ??= [.. Surviving(Seen, isWrite, replaces).Where(e => replaces(Op, e.Op)).Select(e => e.Id)];
}

/// <summary>
/// Several replicas that mutate, exchange states and lose, repeat and reorder deltas, with the events that each has
/// seen: what a replicated type must show is a function of those alone (Burckhardt et al., Replicated Data Types:
/// Specification, Verification, Optimality, 2014), which makes the oracle.
/// </summary>
internal sealed class ReplicatedHistory<T>
    where T : ICrdt<T>
{
    public const int ReplicaCount = 4;

    private readonly HashSet<int>[] _seen = [.. Enumerable.Range(0, ReplicaCount).Select(_ => new HashSet<int>())];

    public ReplicatedHistory(IEnumerable<Step> steps, Func<T, ReplicaId, Op, (T State, T Delta)> mutate)
    {
        foreach (Step step in steps)
        {
            Run(step, mutate);
            Reached.Add((Replicas[step.Replica], SeenBy(step.Replica)));
        }
    }

    /// <summary>Histories of up to 24 steps, two in three of them mutations.</summary>
    public static Gen<Step[]> Steps { get; } =
        (from replica in Gen.Int[0, ReplicaCount - 1]
         from what in Gen.Int[0, 5]
         from other in Gen.Int[0, 999]
         from kind in Gen.Int[0, 9]
         from argument in Gen.Int[0, 999]
         from stamp in Gen.UInt[0, 5]
         select new Step(replica, what, other, new Op(kind, argument, stamp))).Array[1, 24];

    public T[] Replicas { get; } = [.. Enumerable.Repeat(T.Bottom, ReplicaCount)];

    public List<Event> Events { get; } = [];

    /// <summary>Every state that a replica was in, and the events it had seen then.</summary>
    public List<(T State, IReadOnlyList<Event> Seen)> Reached { get; } = [];

    /// <summary>Each mutation: the state before, after, and the delta.</summary>
    public List<(T Before, T After, T Delta)> Mutations { get; } = [];

    public T All => Replicas.Aggregate(T.Bottom, (all, state) => all.Join(state));

    public static ReplicaId Name(int index) => ReplicaId.FromText($"r{index}");

    private Event[] SeenBy(int replica) => [.. _seen[replica].Order().Select(id => Events[id])];

    private void Run(Step step, Func<T, ReplicaId, Op, (T State, T Delta)> mutate)
    {
        ref T state = ref Replicas[step.Replica];
        HashSet<int> seen = _seen[step.Replica];
        if (step.What < 4)
        {
            ReplicaId name = Name(step.Replica);
            Op[] own = [.. Events.Where(earlier => earlier.Replica == name).Select(earlier => earlier.Op)];
            Event happened = new(Events.Count, name, step.Op, SeenBy(step.Replica), own);
            T before = state;
            (state, T delta) = mutate(before, happened.Replica, step.Op);
            Mutations.Add((before, state, delta));
            Events.Add(happened);
            seen.Add(happened.Id);
        }
        else if (step.What == 4)
        {
            state = state.Join(Replicas[step.Other % ReplicaCount]);
            seen.UnionWith(_seen[step.Other % ReplicaCount]);
        }
        else if (Mutations.Count > 0)
        {
            T delta = Mutations[step.Other % Mutations.Count].Delta;
            state = state.Join(delta);
            if (!delta.Equals(T.Bottom)) // a mutation that changed nothing sends nothing
            {
                seen.Add(step.Other % Mutations.Count);
            }
        }
    }
}
