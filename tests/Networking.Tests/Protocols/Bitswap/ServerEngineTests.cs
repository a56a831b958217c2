using CsCheck;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Tests.Blocks;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Bitswap;

public sealed class ServerEngineTests
{
    private readonly Dictionary<Cid, int> _store = [];
    private readonly PeerId _a = TestPeers.Id(1);
    private readonly PeerId _b = TestPeers.Id(2);

    [Fact]
    public void What_is_here_is_sent_and_what_is_not_is_said_and_sent_when_it_comes()
    {
        ServerEngine engine = Create();
        (Cid here, Cid later) = (Add(1, 5000), SomeBlocks.Create(2).Cid);
        engine.Receive(_a, Wants(Block(here), Have(here) with { Cid = later }));

        ServeTask first = Next(engine);
        Assert.Equal([here], first.Blocks);
        Assert.Equal([new BlockPresence(later, false)], first.Presences);
        engine.Sent(first, true);
        Assert.False(engine.TryNext(out _));

        engine.Stored(later, 7000);
        Assert.Equal([new BlockPresence(later, true)], Next(engine).Presences);
        Assert.Equal((5000, 1, 0), engine.LedgerOf(_a));
    }

    [Fact]
    public void A_small_block_is_sent_instead_of_have()
    {
        ServerEngine engine = Create();
        Cid small = Add(1, 1024);
        Cid large = Add(2, 1025);
        engine.Receive(_a, Wants(Have(small), Have(large)));
        ServeTask task = Next(engine);
        Assert.Equal([small], task.Blocks);
        Assert.Equal([new BlockPresence(large, true)], task.Presences);
    }

    [Fact]
    public void A_cancelled_want_is_not_served()
    {
        ServerEngine engine = Create();
        Cid cid = Add(1, 5000);
        Cid absent = SomeBlocks.Create(9).Cid;
        engine.Receive(_a, Wants(Block(cid), Block(absent) with { SendDontHave = false }));
        engine.Receive(_a, Wants(Block(cid) with { IsCancel = true }, Block(absent) with { IsCancel = true }));
        engine.Stored(absent, 10);
        Assert.Equal(0, engine.LedgerOf(_a).Wants);
        Assert.True(!engine.TryNext(out ServeTask? task) || task!.Blocks.Count == 0);
    }

    [Fact]
    public void A_full_list_takes_the_place_of_the_old_one()
    {
        ServerEngine engine = Create();
        (Cid old, Cid fresh) = (Add(1, 5000), Add(2, 5000));
        engine.Receive(_a, Wants(Block(old)));
        engine.Receive(_a, Wants(Block(fresh)) with { IsFull = true });
        Assert.Equal([fresh], Next(engine).Blocks);
    }

    [Fact]
    public void Higher_priority_goes_first_then_age()
    {
        ServerEngine engine = Create(new BitswapOptions { MaxServeBytes = 1 });
        Cid[] cids = [.. Enumerable.Range(0, 4).Select(i => Add(i, 5000))];
        engine.Receive(_a, Wants(Block(cids[0]), Block(cids[1]) with { Priority = 2 }, Block(cids[2]), Block(cids[3]) with { Priority = 9 }));
        List<Cid> served = [];
        while (engine.TryNext(out ServeTask? task))
        {
            served.AddRange(task!.Blocks);
            engine.Sent(task, true);
        }

        Assert.Equal([cids[3], cids[1], cids[0], cids[2]], served);
    }

    [Fact]
    public void Peers_take_turns_whatever_they_want()
    {
        ServerEngine engine = Create(new BitswapOptions { MaxServeBytes = 10_000 });
        Cid[] cids = [.. Enumerable.Range(0, 100).Select(i => Add(i, 5000))];
        engine.Receive(_a, Wants([.. cids.Select(Block)]));
        engine.Receive(_b, Wants(Block(cids[0]), Block(cids[1]), Block(cids[2])));
        List<PeerId> turns = [];
        for (int i = 0; i < 4; i++)
        {
            ServeTask task = Next(engine);
            turns.Add(task.Peer);
            engine.Sent(task, true);
        }

        Assert.Equal([_a, _b, _a, _b], turns);
    }

    [Fact]
    public void One_message_a_peer_is_under_way_and_all_together_are_bounded()
    {
        ServerEngine engine = Create(new BitswapOptions { MaxServeBytes = 10_000, MaxInFlightBytes = 25_000 });
        Cid[] cids = [.. Enumerable.Range(0, 10).Select(i => Add(i, 5000))];
        for (int i = 0; i < 5; i++)
        {
            engine.Receive(TestPeers.Id(i), Wants([.. cids.Select(Block)]));
        }

        ServeTask first = Next(engine);
        Assert.NotEqual(first.Peer, Next(engine).Peer);
        Assert.False(engine.TryNext(out _));
        Assert.Equal(20_000, engine.InFlightBytes);
        engine.Sent(first, true);
        Assert.True(engine.TryNext(out _));
    }

    [Fact]
    public void A_giant_wantlist_is_kept_within_its_bound()
    {
        ServerEngine engine = Create(new BitswapOptions { MaxWantsPerPeer = 10 });
        engine.Receive(_a, Wants([.. SomeBlocks.List(500).Select(b => Block(b.Cid) with { SendDontHave = false })]));
        Assert.Equal(10, engine.LedgerOf(_a).Wants);
    }

    [Fact]
    public void Who_asks_without_reading_is_cut_off_and_so_are_too_many_peers()
    {
        ServerEngine engine = Create(new BitswapOptions { MaxPresencesPerPeer = 100, MaxPeers = 1 });
        WantEntry[] flood = [.. SomeBlocks.List(60).Select(b => Block(b.Cid))];
        Assert.Equal(EndReason.None, engine.Receive(_a, Wants(flood)));
        Assert.Equal(EndReason.TooManyRequests, engine.Receive(_b, Wants(flood)));
        Assert.Equal(EndReason.TooManyRequests, engine.Receive(_a, Wants(flood)));
        Assert.Equal(0, engine.PeerCount);
        Assert.False(engine.TryNext(out _));
    }

    [Fact]
    public void Whatever_peers_do_its_bounds_hold_and_every_want_is_served_or_kept() => Gen.Select(
        Gen.Int[0, 3], Gen.Int[0, 19], Gen.Int[0, 5]).Array[1, 200].Sample(steps =>
    {
        var options = new BitswapOptions { MaxWantsPerPeer = 8, MaxServeBytes = 8_000, MaxInFlightBytes = 16_000 };
        var held = new Dictionary<Cid, int>();
        var engine = new ServerEngine(options, c => held.TryGetValue(c, out int size) ? size : null);
        Queue<ServeTask> underWay = new();
        foreach ((int peer, int block, int what) in steps)
        {
            Cid cid = SomeBlocks.Create(block).Cid;
            switch (what)
            {
                case 0: engine.Receive(TestPeers.Id(peer), Wants(Block(cid))); break;
                case 1: engine.Receive(TestPeers.Id(peer), Wants(Have(cid))); break;
                case 2: engine.Receive(TestPeers.Id(peer), Wants(Block(cid) with { IsCancel = true })); break;
                case 3: held[cid] = 3000; engine.Stored(cid, 3000); break;
                case 4: engine.Disconnected(TestPeers.Id(peer)); break;
                default:
                    if (engine.TryNext(out ServeTask? task))
                    {
                        underWay.Enqueue(task!);
                    }
                    else if (underWay.TryDequeue(out ServeTask? sent))
                    {
                        engine.Sent(sent, true);
                    }

                    break;
            }

            Assert.InRange(engine.InFlightBytes, 0, options.MaxInFlightBytes);
            Assert.All(Enumerable.Range(0, 4), p => Assert.InRange(engine.LedgerOf(TestPeers.Id(p)).Wants, 0, options.MaxWantsPerPeer));
        }

        while (underWay.TryDequeue(out ServeTask? task) || engine.TryNext(out task))
        {
            engine.Sent(task!, true);
        }

        Assert.Equal(0, engine.InFlightBytes);
    }, iter: 200);

    private static BitswapMessage Wants(params WantEntry[] wants) => new() { Wants = wants };

    private static WantEntry Block(Cid cid) => new(cid, 1, false, false, true);

    private static WantEntry Have(Cid cid) => new(cid, 1, false, true, true);

    private static ServeTask Next(ServerEngine engine)
    {
        Assert.True(engine.TryNext(out ServeTask? task));
        return task!;
    }

    private ServerEngine Create(BitswapOptions? options = null) =>
        new(options ?? new BitswapOptions(), c => _store.TryGetValue(c, out int size) ? size : null);

    private Cid Add(int seed, int size)
    {
        Cid cid = SomeBlocks.Create(seed).Cid;
        _store[cid] = size;
        return cid;
    }
}
