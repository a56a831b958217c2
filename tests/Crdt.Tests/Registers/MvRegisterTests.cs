using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Registers;

namespace P2PLearn.Crdt.Tests.Registers;

public sealed class MvRegisterProperties : CrdtLaws<MvRegister<string>>
{
    protected override IElementCodec<MvRegister<string>> Codec { get; } = new MvRegisterCodec<string>(ElementCodecs.Text);

    protected override (MvRegister<string> State, MvRegister<string> Delta) Mutate(
        MvRegister<string> state, ReplicaId replica, Op op) =>
        op.Kind == 0 ? state.Clear() : state.Set(replica, Value(op));

    protected override string Read(MvRegister<string> state) => Text(state.Values);

    // A write is shown until a write or clearing that saw it.
    protected override string Specify(IReadOnlyList<Event> visible) =>
        Text(Event.Surviving(visible, op => op.Kind != 0, (_, _) => true)
            .Select(write => Value(write.Op)).Distinct().Order(StringComparer.Ordinal));

    private static string Value(Op op) => $"v{op.Argument % 6}";
}

public sealed class MvRegisterTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");
    private static readonly ReplicaId B = ReplicaId.FromText("b");

    [Fact]
    public void Concurrent_writes_are_both_kept_until_a_write_has_seen_them()
    {
        MvRegister<string> left = MvRegister<string>.Bottom.Set(A, "x").State;
        MvRegister<string> right = MvRegister<string>.Bottom.Set(B, "y").State;
        MvRegister<string> both = left.Join(right);

        Assert.Equal(["x", "y"], both.Values);
        Assert.Equal(["z"], both.Set(A, "z").State.Join(left).Join(right).Values);
        Assert.Equal(["y"], left.Clear().State.Join(right).Values);
    }

    [Fact]
    public void Two_processes_under_one_id_still_agree()
    {
        MvRegister<string> one = MvRegister<string>.Bottom.Set(A, "x").State;
        MvRegister<string> two = MvRegister<string>.Bottom.Set(A, "y").State;

        Assert.Equal(one.Join(two), two.Join(one));
        Assert.Equal(["y"], one.Join(two).Values);
    }

    [Fact]
    public void A_value_whose_write_is_not_in_the_context_is_refused()
    {
        byte[] bytes = Convert.FromHexString("92 9280 90 9193c4016101a178".Replace(" ", ""));
        Assert.False(CanonicalEncoding.TryDecode(
            new MvRegisterCodec<string>(ElementCodecs.Text), bytes, CrdtLimits.Default, out _, out DecodeError error));
        Assert.Equal(DecodeError.InvalidValue, error);
    }
}
