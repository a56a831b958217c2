using CsCheck;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Clocks;

public sealed class VersionVectorProperties : CrdtLaws<VersionVector>
{
    protected override IElementCodec<VersionVector> Codec => ClockCodecs.Vector;

    protected override (VersionVector State, VersionVector Delta) Mutate(VersionVector state, ReplicaId replica, Op op) =>
        state.Increment(replica);

    protected override string Read(VersionVector state) => Text(state.Counters.Select(e => $"{e.Key}:{e.Value}"));

    protected override string Specify(IReadOnlyList<Event> visible) =>
        Text(from e in visible
             group e.Ordinal by e.Replica into own
             orderby own.Key
             select $"{own.Key}:{own.Max()}");

    [Fact]
    public void Order_and_meet_agree_with_join() =>
        Gen.Select(Vectors, Vectors).Check(pair =>
        {
            (VersionVector a, VersionVector b) = pair;
            Assert.Equal(a.Join(b).Equals(a), a.Includes(b));
            Assert.Equal(a.Meet(b).Equals(b), a.Includes(b));
            Assert.Equal(a.Meet(b), b.Meet(a));
            Assert.Equal(a, a.Meet(a.Join(b)));
            Assert.Equal(a.Equals(b), a.Compare(b) == CausalOrder.Equal);
            Assert.Equal(a.Compare(b) == CausalOrder.Before, b.Compare(a) == CausalOrder.After);
            Assert.Equal(!a.Includes(b) && !b.Includes(a), a.Compare(b) == CausalOrder.Concurrent);
        });

    private static Gen<VersionVector> Vectors { get; } =
        from counters in Gen.ULong[0, 3].Array[3]
        select counters.Index().Aggregate(
            VersionVector.Bottom,
            (vector, counter) => vector.Raise(ReplicatedHistory<VersionVector>.Name(counter.Index), counter.Item));
}

public sealed class VersionVectorTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");

    [Fact]
    public void A_replica_that_is_missing_stands_at_zero()
    {
        Assert.Equal(0ul, VersionVector.Bottom[A]);
        Assert.Same(VersionVector.Bottom, VersionVector.Bottom.Raise(A, 0));
        Assert.False(VersionVector.Bottom.Contains(new Dot(A, 1)));
        Assert.True(VersionVector.Bottom.Raise(A, 3).Contains(new Dot(A, 3)));
        Assert.False(VersionVector.Bottom.Raise(A, 3).Contains(new Dot(A, 4)));
    }

    [Fact]
    public void The_last_event_of_a_replica_is_not_passed() =>
        Assert.Throws<OverflowException>(() => VersionVector.Bottom.Raise(A, ulong.MaxValue).Increment(A));

    [Fact]
    public void Nobody_has_no_events() =>
        Assert.Throws<ArgumentException>(() => VersionVector.Bottom.Increment(default));

    [Fact]
    public void Joining_what_is_known_returns_the_vector_itself()
    {
        VersionVector vector = VersionVector.Bottom.Raise(A, 2);
        Assert.Same(vector, vector.Join(VersionVector.Bottom.Raise(A, 1)));
    }
}
