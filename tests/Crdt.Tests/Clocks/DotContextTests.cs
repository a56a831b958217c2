using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Clocks;

public sealed class DotContextProperties : CrdtLaws<DotContext>
{
    protected override IElementCodec<DotContext> Codec => ClockCodecs.Context;

    protected override (DotContext State, DotContext Delta) Mutate(DotContext state, ReplicaId replica, Op op)
    {
        DotContext delta = DotContext.Of([state.Next(replica)]);
        return (state.Join(delta), delta);
    }

    protected override string Read(DotContext state) => Text(
        from replica in state.Vector.Counters.Keys.Concat(state.Cloud.Select(dot => dot.Replica)).Distinct().Order()
        from counter in Enumerable.Range(1, 64)
        let dot = new Dot(replica, (ulong)counter)
        where state.Contains(dot)
        select dot);

    protected override string Specify(IReadOnlyList<Event> visible) =>
        Text(visible.Select(e => new Dot(e.Replica, e.Ordinal)).Order());
}

public sealed class DotContextTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");
    private static readonly ReplicaId B = ReplicaId.FromText("b");

    [Fact]
    public void A_gap_that_closes_moves_the_cloud_into_the_vector()
    {
        DotContext gap = DotContext.Of([new(A, 1), new(A, 3), new(A, 4), new(B, 2)]);
        Assert.Equal(1ul, gap.Vector[A]);
        Assert.Equal([new Dot(A, 3), new Dot(A, 4), new Dot(B, 2)], gap.Cloud);

        DotContext closed = gap.Join(DotContext.Of([new(A, 2)]));
        Assert.Equal(4ul, closed.Vector[A]);
        Assert.Equal([new Dot(B, 2)], closed.Cloud);
    }

    [Fact]
    public void The_next_event_comes_after_all_that_were_seen_even_beyond_a_gap()
    {
        Assert.Equal(new Dot(A, 1), DotContext.Bottom.Next(A));
        Assert.Equal(new Dot(A, 6), DotContext.Of([new(A, 1), new(A, 3), new(A, 5), new(B, 9)]).Next(A));
        Assert.Throws<OverflowException>(() => DotContext.Of([new(A, ulong.MaxValue)]).Next(A));
    }

    [Fact]
    public void Joining_what_is_known_returns_the_context_itself()
    {
        DotContext context = DotContext.Of([new(A, 1), new(A, 3)]);
        Assert.Same(context, context.Join(DotContext.Of([new(A, 3)])));
    }

    [Fact]
    public void A_dot_of_nobody_or_of_counter_zero_is_a_bug_of_the_caller()
    {
        Assert.Throws<ArgumentException>(() => DotContext.Of([new(default, 1)]));
        Assert.Throws<ArgumentOutOfRangeException>(() => DotContext.Of([new(A, 0)]));
    }

    [Theory]
    [InlineData("9281c4016103 90", DecodeError.None)]
    [InlineData("9281c4016103 9192c4016105", DecodeError.None)]
    [InlineData("9281c4016103 9192c4016104", DecodeError.NotCanonical)]
    [InlineData("9281c4016103 9192c4016103", DecodeError.NotCanonical)]
    [InlineData("9281c4016103 9292c401610692c4016105", DecodeError.OutOfOrder)]
    [InlineData("9281c4016103 9292c401610592c4016105", DecodeError.OutOfOrder)]
    [InlineData("9281c4016103 9192c4016200", DecodeError.InvalidValue)]
    public void The_cloud_of_encoded_bytes_must_be_sorted_and_compact(string hex, DecodeError expected)
    {
        CanonicalEncoding.TryDecode(
            ClockCodecs.Context, Convert.FromHexString(hex.Replace(" ", "")), CrdtLimits.Default, out _, out DecodeError error);
        Assert.Equal(expected, error);
    }
}
