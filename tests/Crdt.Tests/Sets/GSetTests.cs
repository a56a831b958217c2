using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Sets;

namespace P2PLearn.Crdt.Tests.Sets;

public sealed class GSetProperties : CrdtLaws<GSet<byte[]>>
{
    protected override IElementCodec<GSet<byte[]>> Codec { get; } = new GSetCodec<byte[]>(ElementCodecs.Bytes);

    protected override (GSet<byte[]> State, GSet<byte[]> Delta) Mutate(GSet<byte[]> state, ReplicaId replica, Op op) =>
        state.Add(Element(op));

    protected override string Read(GSet<byte[]> state) => Text(state.Elements.Select(Convert.ToHexString));

    protected override string Specify(IReadOnlyList<Event> visible) =>
        Text(visible.Select(e => Convert.ToHexString(Element(e.Op))).Distinct().Order(StringComparer.Ordinal));

    private static byte[] Element(Op op) => [(byte)op.Kind, .. new byte[op.Argument % 3]];
}

public sealed class GSetTests
{
    [Fact]
    public void Adding_what_is_there_changes_nothing()
    {
        GSet<string> set = GSet<string>.Bottom.Add("x").State;
        (GSet<string> state, GSet<string> delta) = set.Add("x");

        Assert.Same(set, state);
        Assert.Same(GSet<string>.Bottom, delta);
        Assert.Same(set, set.Join(set));
    }

    [Theory]
    [InlineData("92a161a162", DecodeError.None)]
    [InlineData("92a162a161", DecodeError.OutOfOrder)]
    [InlineData("92a161a161", DecodeError.OutOfOrder)]
    public void Elements_must_ascend(string hex, DecodeError expected)
    {
        CanonicalEncoding.TryDecode(
            new GSetCodec<string>(ElementCodecs.Text), Convert.FromHexString(hex), CrdtLimits.Default, out _, out DecodeError error);
        Assert.Equal(expected, error);
    }
}
