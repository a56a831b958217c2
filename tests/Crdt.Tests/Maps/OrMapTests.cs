using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Counters;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Maps;
using P2PLearn.Crdt.Sets;

namespace P2PLearn.Crdt.Tests.Maps;

public sealed class OrMapProperties : CrdtLaws<OrMap<string, GSet<ulong>>>
{
    protected override IElementCodec<OrMap<string, GSet<ulong>>> Codec { get; } =
        new OrMapCodec<string, GSet<ulong>>(ElementCodecs.Text, new GSetCodec<ulong>(ElementCodecs.UInt64));

    protected override (OrMap<string, GSet<ulong>> State, OrMap<string, GSet<ulong>> Delta) Mutate(
        OrMap<string, GSet<ulong>> state, ReplicaId replica, Op op) =>
        op.Kind < 3
            ? state.Remove(Key(op))
            : state.Update(replica, Key(op), GSet<ulong>.Bottom.Add(op.Stamp).Delta);

    protected override string Read(OrMap<string, GSet<ulong>> state) =>
        Text(state.Keys.Select(key => $"{key}={Text(state[key].Elements)};"));

    // An update carries its own number and those its replica showed; it counts until an operation on its key that saw
    // it.
    protected override string Specify(IReadOnlyList<Event> visible)
    {
        Dictionary<int, HashSet<uint>> carried = [];
        return Text(
            from key in visible.Select(e => Key(e.Op)).Distinct().Order(StringComparer.Ordinal)
            where Surviving(visible, key).Any()
            select $"{key}={Text(Shown(visible, key, carried).Order())};");
    }

    private static HashSet<uint> Shown(IReadOnlyList<Event> visible, string key, Dictionary<int, HashSet<uint>> carried) =>
        [.. Surviving(visible, key).SelectMany(update => Carried(update, carried))];

    private static HashSet<uint> Carried(Event update, Dictionary<int, HashSet<uint>> carried)
    {
        if (!carried.TryGetValue(update.Id, out HashSet<uint>? numbers))
        {
            numbers = [update.Op.Stamp, .. Shown(update.Seen, Key(update.Op), carried)];
            carried.Add(update.Id, numbers);
        }

        return numbers;
    }

    private static IEnumerable<Event> Surviving(IReadOnlyList<Event> visible, string key) =>
        Event.Surviving(visible, op => op.Kind >= 3, (later, earlier) => Key(later) == Key(earlier))
            .Where(update => Key(update.Op) == key);

    private static string Key(Op op) => $"k{op.Argument % 3}";
}

public sealed class OrMapTests
{
    private static readonly ReplicaId A = ReplicaId.FromText("a");
    private static readonly ReplicaId B = ReplicaId.FromText("b");

    [Fact]
    public void Values_of_concurrent_updates_are_joined()
    {
        OrMap<string, PNCounter> left = Count(OrMap<string, PNCounter>.Bottom, A, 3);
        OrMap<string, PNCounter> right = Count(OrMap<string, PNCounter>.Bottom, B, 4);

        Assert.Equal(7, left.Join(right)["x"].Value);
        Assert.Equal(9, Count(left.Join(right), A, 2)["x"].Value);
        Assert.Equal(9, Count(left.Join(right), A, 2).Join(left)["x"].Value);
    }

    [Fact]
    public void An_update_concurrent_with_a_removal_wins_and_a_seen_one_is_gone()
    {
        OrMap<string, PNCounter> shared = Count(OrMap<string, PNCounter>.Bottom, A, 3);
        OrMap<string, PNCounter> removed = shared.Remove("x").State;

        Assert.False(removed.Join(shared).ContainsKey("x"));
        Assert.False(removed.TryGet("x", out _));
        Assert.Equal(PNCounter.Bottom, removed["x"]);
        Assert.Equal(4, removed.Join(Count(shared, B, 1))["x"].Value);
        Assert.Equal(1, Count(removed, B, 1).Join(shared)["x"].Value);
    }

    [Fact]
    public void A_map_of_sets_round_trips()
    {
        OrMapCodec<ulong, OrSet<string>> codec = new(ElementCodecs.UInt64, new OrSetCodec<string>(ElementCodecs.Text));
        OrMap<ulong, OrSet<string>> map = OrMap<ulong, OrSet<string>>.Bottom
            .Update(A, 300, OrSet<string>.Bottom.Add(A, "x").Delta).State
            .Update(B, 7, OrSet<string>.Bottom.Add(B, "y").Delta).State;

        byte[] bytes = CanonicalEncoding.Encode(codec, map);
        Assert.True(CanonicalEncoding.TryDecode(codec, bytes, CrdtLimits.Default, out OrMap<ulong, OrSet<string>>? read, out _));
        Assert.Equal(map, read);
        Assert.Equal([7ul, 300ul], read.Keys);
    }

    [Fact]
    public void A_key_without_an_update_is_refused()
    {
        OrMapCodec<string, GCounter> codec = new(ElementCodecs.Text, CounterCodecs.GCounter);
        byte[] bytes = Convert.FromHexString("92 9280 90 81a17890".Replace(" ", ""));
        Assert.False(CanonicalEncoding.TryDecode(codec, bytes, CrdtLimits.Default, out _, out DecodeError error));
        Assert.Equal(DecodeError.NotCanonical, error);
    }

    private static OrMap<string, PNCounter> Count(OrMap<string, PNCounter> map, ReplicaId replica, ulong amount) =>
        map.Update(replica, "x", map["x"].Increment(replica, amount).Delta).State;
}
