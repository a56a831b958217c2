using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Counters;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Counters;

public sealed class GCounterProperties : CrdtLaws<GCounter>
{
    protected override IElementCodec<GCounter> Codec => CounterCodecs.GCounter;

    protected override (GCounter State, GCounter Delta) Mutate(GCounter state, ReplicaId replica, Op op) =>
        state.Increment(replica, 1);

    protected override string Read(GCounter state) => state.Value.ToString();

    // A delta carries its replica's whole count, so the latest visible event of a replica stands for all before it.
    protected override string Specify(IReadOnlyList<Event> visible) =>
        visible.GroupBy(e => e.Replica).Sum(own => (long)own.Max(e => e.Ordinal)).ToString();
}

public sealed class PNCounterProperties : CrdtLaws<PNCounter>
{
    protected override IElementCodec<PNCounter> Codec => CounterCodecs.PNCounter;

    protected override (PNCounter State, PNCounter Delta) Mutate(PNCounter state, ReplicaId replica, Op op) =>
        op.Kind < 5 ? state.Increment(replica, 1) : state.Decrement(replica, 1);

    protected override string Read(PNCounter state) => state.Value.ToString();

    // As above for each sign: an event stands for all of its sign that its replica had made up to it.
    protected override string Specify(IReadOnlyList<Event> visible) => visible
        .GroupBy(e => (e.Replica, Up: e.Op.Kind < 5))
        .Sum(own => own.Max(Made) * (own.Key.Up ? 1 : -1))
        .ToString();

    private static long Made(Event last) =>
        1 + last.OwnBefore.Count(earlier => earlier.Kind < 5 == last.Op.Kind < 5);
}

public sealed class CounterTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");
    private static readonly ReplicaId B = ReplicaId.FromText("b");

    [Fact]
    public void The_value_is_the_sum_over_replicas_even_beyond_64_bits()
    {
        GCounter counter = GCounter.Bottom.Increment(A, ulong.MaxValue).State.Increment(B, ulong.MaxValue).State;
        Assert.Equal((UInt128)ulong.MaxValue * 2, counter.Value);
        Assert.Throws<OverflowException>(() => counter.Increment(A));
    }

    [Fact]
    public void Nothing_added_changes_nothing()
    {
        (GCounter state, GCounter delta) = GCounter.Bottom.Increment(A, 0);
        Assert.Same(GCounter.Bottom, state);
        Assert.Same(GCounter.Bottom, delta);
    }

    [Fact]
    public void A_counter_may_go_below_zero() =>
        Assert.Equal(-4, PNCounter.Bottom.Increment(A, 3).State.Decrement(B, 7).State.Value);

    [Fact]
    public void A_count_of_zero_and_unsorted_replicas_are_refused()
    {
        Assert.Equal(DecodeError.None, Decode("82c4016101c4016201"));
        Assert.Equal(DecodeError.InvalidValue, Decode("81c4016100"));
        Assert.Equal(DecodeError.InvalidValue, Decode("81c40001"));
        Assert.Equal(DecodeError.OutOfOrder, Decode("82c4016201c4016101"));
        Assert.Equal(DecodeError.OutOfOrder, Decode("82c4016101c4016101"));
    }

    private static DecodeError Decode(string hex)
    {
        CanonicalEncoding.TryDecode(
            CounterCodecs.GCounter, Convert.FromHexString(hex), CrdtLimits.Default, out _, out DecodeError error);
        return error;
    }
}
