using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Registers;

namespace P2PLearn.Crdt.Tests.Registers;

public sealed class LwwRegisterProperties : CrdtLaws<LwwRegister<byte[]>>
{
    protected override IElementCodec<LwwRegister<byte[]>> Codec { get; } =
        new LwwRegisterCodec<byte[]>(ElementCodecs.Bytes);

    protected override (LwwRegister<byte[]> State, LwwRegister<byte[]> Delta) Mutate(
        LwwRegister<byte[]> state, ReplicaId replica, Op op) =>
        state.Set(replica, op.Stamp, [(byte)(op.Argument % 5)]); // stamps repeat: one writer, one time, two values

    protected override string Read(LwwRegister<byte[]> state) =>
        state.HasValue ? $"{state.Timestamp} {state.Writer} {state.Value[0]}" : "none";

    protected override string Specify(IReadOnlyList<Event> visible) => visible.Count == 0
        ? "none"
        : visible.OrderBy(e => (e.Op.Stamp, e.Replica, e.Op.Argument % 5))
            .Select(e => $"{e.Op.Stamp} {e.Replica} {e.Op.Argument % 5}").Last();
}

public sealed class LwwRegisterTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");
    private static readonly ReplicaId B = ReplicaId.FromText("b");

    [Fact]
    public void The_larger_timestamp_wins_then_the_larger_writer()
    {
        LwwRegister<string> first = LwwRegister<string>.Bottom.Set(B, 5, "old").State;

        Assert.Equal("new", first.Set(A, 6, "new").State.Value);
        Assert.Same(first, first.Set(A, 5, "concurrent").State);
        Assert.Equal("concurrent", LwwRegister<string>.Bottom.Set(A, 5, "old").State.Set(B, 5, "concurrent").State.Value);
    }

    [Fact]
    public void A_register_never_written_has_no_value()
    {
        Assert.False(LwwRegister<string>.Bottom.HasValue);
        Assert.Throws<InvalidOperationException>(() => LwwRegister<string>.Bottom.Value);
        Assert.Throws<ArgumentException>(() => LwwRegister<string>.Bottom.Set(default, 1, "x"));
        Assert.True(LwwRegister<ulong>.Bottom.Set(A, 0, 0).State.HasValue);
    }
}
