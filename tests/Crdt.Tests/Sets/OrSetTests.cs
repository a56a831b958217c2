using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Sets;

namespace P2PLearn.Crdt.Tests.Sets;

public sealed class OrSetProperties : CrdtLaws<OrSet<string>>
{
    protected override IElementCodec<OrSet<string>> Codec { get; } = new OrSetCodec<string>(ElementCodecs.Text);

    protected override (OrSet<string> State, OrSet<string> Delta) Mutate(OrSet<string> state, ReplicaId replica, Op op) =>
        op.Kind switch
        {
            0 => state.Clear(),
            < 4 => state.Remove(Element(op)),
            _ => state.Add(replica, Element(op)),
        };

    protected override string Read(OrSet<string> state) => Text(state.Elements);

    // The naive set with a tombstone per addition: an addition counts until an operation on its element that saw it.
    protected override string Specify(IReadOnlyList<Event> visible) =>
        Text(Event.Surviving(
                visible, op => op.Kind >= 4, (later, earlier) => later.Kind == 0 || Element(later) == Element(earlier))
            .Select(e => Element(e.Op)).Distinct().Order(StringComparer.Ordinal));

    private static string Element(Op op) => $"e{op.Argument % 4}";
}

public sealed class OrSetTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");
    private static readonly ReplicaId B = ReplicaId.FromText("b");
    private static readonly OrSet<string> Shared = OrSet<string>.Bottom.Add(A, "x").State;

    [Fact]
    public void An_addition_concurrent_with_a_removal_wins()
    {
        OrSet<string> removed = Shared.Remove("x").State;
        OrSet<string> added = Shared.Add(B, "x").State;

        Assert.False(removed.Contains("x"));
        Assert.True(removed.Join(added).Contains("x"));
        Assert.True(added.Join(removed).Contains("x"));
    }

    [Fact]
    public void A_removal_covers_exactly_the_additions_it_has_seen()
    {
        OrSet<string> removed = Shared.Remove("x").State;

        Assert.False(removed.Join(Shared).Contains("x"));
        Assert.False(Shared.Join(Shared.Remove("x").Delta).Contains("x"));
        Assert.True(removed.Add(A, "x").State.Join(Shared).Contains("x"));
    }

    [Fact]
    public void A_removed_element_leaves_no_tombstone()
    {
        OrSet<string> set = OrSet<string>.Bottom;
        for (int i = 0; i < 100; i++)
        {
            set = set.Add(A, $"element {i}").State.Remove($"element {i}").State;
        }

        Assert.Equal(0, set.Count);
        Assert.Equal(9, CanonicalEncoding.Encode(new OrSetCodec<string>(ElementCodecs.Text), set).Length);
    }

    [Fact]
    public void Removing_what_is_not_there_changes_nothing() =>
        Assert.Equal(OrSet<string>.Bottom, Shared.Remove("y").Delta);

    [Theory]
    [InlineData("92 9281c401610190 81a17891 92c4016101", DecodeError.None)]
    [InlineData("92 9281c401610190 81a17890", DecodeError.NotCanonical)]
    [InlineData("92 9281c401610190 81a17891 92c4016102", DecodeError.InvalidValue)]
    [InlineData("92 9281c401610290 81a17892 92c4016102 92c4016101", DecodeError.OutOfOrder)]
    [InlineData("92 9281c401610190 82a17991 92c4016101 a17891 92c4016101", DecodeError.OutOfOrder)]
    public void Elements_need_sorted_dots_of_the_context(string hex, DecodeError expected)
    {
        CanonicalEncoding.TryDecode(
            new OrSetCodec<string>(ElementCodecs.Text),
            Convert.FromHexString(hex.Replace(" ", "")),
            CrdtLimits.Default,
            out _,
            out DecodeError error);
        Assert.Equal(expected, error);
    }
}
