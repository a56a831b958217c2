using P2PLearn.Actors.Exchange;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Models;

namespace P2PLearn.Actors.Tests.Exchange;

public sealed class ModelStoreTests
{
    private readonly ModelPool _pool = new(4, 3, ExchangePrecision.Float32);

    [Fact]
    public void A_pool_lends_no_more_than_its_bound_and_lends_again_what_came_back()
    {
        Assert.True(_pool.TryRent(out ModelBuffer? a));
        Assert.True(_pool.TryRent(out _));
        Assert.True(_pool.TryRent(out _));
        Assert.False(_pool.TryRent(out _));
        a.Release();
        Assert.Equal(2, _pool.LentCount);
        Assert.True(_pool.TryRent(out ModelBuffer? again));
        Assert.Same(a, again);
    }

    [Fact]
    public void Floats_and_bytes_are_the_same_memory()
    {
        Assert.True(_pool.TryRent(out ModelBuffer? model));
        model.Values.Span[1] = 1f;
        Assert.Equal(BitConverter.GetBytes(1f), model.WireBytes.Span.Slice(4, 4).ToArray());
        Assert.Equal(16, model.WireBytes.Length);
    }

    [Fact]
    public void As_float16_a_model_has_half_the_bytes_and_is_what_others_read_of_them()
    {
        var pool = new ModelPool(4, 3, ExchangePrecision.Float16);
        ModelBuffer own = pool.Rent();
        ModelBuffer received = pool.Rent();
        new[] { 1f, 0.1f, -3e-8f, 70_000f }.CopyTo(own.Values);
        own.Encode();
        Assert.Equal(pool.WireSize, own.WireBytes.Length);
        Assert.Equal(8, pool.WireSize);
        own.WireBytes.CopyTo(received.WireBytes);
        received.Decode();
        Assert.Equal([1f, 0.099975586f, -5.9604645e-8f, float.PositiveInfinity], received.Values.ToArray());
        Assert.Equal(received.Values.ToArray(), own.Values.ToArray());
        Assert.Equal(16, own.ValueBytes.Length);
    }

    [Fact]
    public void A_buffer_that_is_given_back_twice_is_a_bug()
    {
        Assert.True(_pool.TryRent(out ModelBuffer? model));
        model.Release();
        Assert.Throws<InvalidOperationException>(model.Release);
    }

    [Fact]
    public void A_taken_model_outlives_its_round()
    {
        using var store = new ModelStore();
        Contribution contribution = Add(store, 5, "a");
        Assert.True(store.TryTake(5, contribution.Peer, contribution.Root, out ModelBuffer? taken));
        store.DropBelow(6);
        Assert.Equal(1, _pool.LentCount);
        taken.Release();
        Assert.Equal(0, _pool.LentCount);
        Assert.False(store.TryTake(5, contribution.Peer, contribution.Root, out _));
    }

    [Fact]
    public void The_first_model_of_a_peer_for_a_round_counts()
    {
        using var store = new ModelStore();
        Contribution first = Add(store, 5, "a");
        Assert.True(_pool.TryRent(out ModelBuffer? other));
        Assert.False(store.Add(first with { Root = Hash256.Of([99]) }, other));
        Assert.Equal(1, _pool.LentCount);
        Assert.True(store.Contains(5, first.Peer, first.Root));
        Assert.False(store.Contains(5, first.Peer, Hash256.Of([99])));
    }

    [Fact]
    public void A_model_of_a_round_that_was_dropped_is_not_kept()
    {
        using var store = new ModelStore();
        store.DropBelow(6);
        Add(store, 5, "a");
        Add(store, 6, "a");
        Assert.Equal(1, store.Count);
        Assert.Equal(1, _pool.LentCount);
        Assert.Equal(1, store.CountOf(ReplicaId.FromText("a")));
        Assert.Equal(0, store.CountOf(ReplicaId.FromText("b")));
    }

    [Fact]
    public void The_nodes_own_model_finds_room_when_others_find_none()
    {
        while (_pool.TryRent(out _))
        {
        }

        int full = _pool.LentCount;
        ModelBuffer own = _pool.Rent();
        Assert.Equal(full + 1, _pool.LentCount);
        own.Release();
        Assert.False(_pool.TryRent(out _));
        Assert.Equal(full, _pool.LentCount);
    }

    [Fact]
    public void A_model_is_found_by_its_hash()
    {
        using var store = new ModelStore();
        Contribution contribution = Add(store, 5, "a");
        Assert.True(store.TryTake(contribution.Root, out Contribution? found, out ModelBuffer? model));
        Assert.Equal(contribution, found);
        model.Release();
        Assert.False(store.TryTake(Hash256.Of([98]), out _, out _));
    }

    [Fact]
    public void Disposing_gives_everything_back_and_keeps_nothing_more()
    {
        var store = new ModelStore();
        Add(store, 5, "a");
        Add(store, 6, "b");
        store.Dispose();
        Assert.Equal(0, _pool.LentCount);
        Add(store, 7, "c");
        Assert.Equal(0, store.Count);
        Assert.Equal(0, _pool.LentCount);
    }

    private Contribution Add(ModelStore store, uint round, string peer)
    {
        Assert.True(_pool.TryRent(out ModelBuffer? model));
        var contribution = new Contribution
        {
            Run = RunId.Of([1]),
            Round = round,
            Peer = ReplicaId.FromText(peer),
            Root = Hash256.Of([(byte)round]),
            LayoutHash = Hash256.Of([2]),
            ModelBytes = 16,
            SampleCount = 1,
        };
        store.Add(contribution, model);
        return contribution;
    }
}
