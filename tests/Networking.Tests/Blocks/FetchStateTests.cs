using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

/// <summary>Fetches in virtual time, from donors that are lines of code.</summary>
public sealed class FetchStateTests
{
    private const int Size = 262_144;
    private static readonly TimeSpan Step = TimeSpan.FromMilliseconds(10);
    private static readonly BlockRef[] Model = [.. SomeBlocks.List(100).Select(b => new BlockRef(b.Cid, Size))];

    [Fact]
    public void From_two_donors_each_block_comes_once_and_the_faster_one_brings_more()
    {
        var run = new Run(Model, new Donor(1, 20e6), new Donor(2, 5e6));
        run.UntilDone(TimeSpan.FromSeconds(10));
        Assert.InRange(run.Sent, Model.Length, Model.Length + 2);
        Assert.InRange(run.Donors[0].Sent, 2 * run.Donors[1].Sent, Model.Length);
        Assert.True(run.Donors[1].Sent > 5);
    }

    [Fact]
    public void What_only_one_has_is_asked_for_first_and_of_that_one_only()
    {
        var poor = new Donor(1, 20e6, c => Array.FindIndex(Model, b => b.Cid == c) < 50);
        var run = new Run(Model, new Donor(2, 20e6), poor);
        run.UntilDone(TimeSpan.FromSeconds(10));
        int[] order = [.. run.Donors[0].Served.Select(c => Array.FindIndex(Model, b => b.Cid == c))];
        Assert.True(order.Count(i => i >= 50) == 50);
        Assert.All(order.Skip(2).Take(40), i => // two went out before the other donor was known
            Assert.True(i >= 50, "the rare half comes first"));
    }

    [Fact]
    public void A_stalled_donor_is_dropped_within_5_s_and_its_blocks_come_from_others()
    {
        var run = new Run(Model, new Donor(1, 20e6) { StallsAfter = 10 }, new Donor(2, 2e6));
        run.UntilDone(TimeSpan.FromSeconds(60));
        (PeerId peer, EndReason reason, TimeSpan at) = Assert.Single(run.Dropped);
        Assert.Equal((TestPeers.Id(1), EndReason.Timeout), (peer, reason));
        Assert.True(at - run.Donors[0].LastSent <= TimeSpan.FromSeconds(5), $"dropped {at - run.Donors[0].LastSent} after its last block");
    }

    [Fact]
    public void A_drip_is_no_progress_but_a_slow_block_is()
    {
        var slow = new FetchState(Model, new FetchOptions(), new Random(1));
        Start(slow, TestPeers.Id(1));
        for (int i = 1; i <= 10; i++)
        {
            slow.Progress(TestPeers.Id(1), 20_000, TimeSpan.FromSeconds(i));
            Assert.DoesNotContain(slow.Tick(TimeSpan.FromSeconds(i)), e => e is ProviderDropped);
        }

        var drip = new FetchState(Model, new FetchOptions(), new Random(1));
        Start(drip, TestPeers.Id(1));
        for (int i = 1; i <= 3; i++)
        {
            drip.Progress(TestPeers.Id(1), 100, TimeSpan.FromSeconds(i));
        }

        Assert.Contains(drip.Tick(TimeSpan.FromSeconds(4)), e => e is ProviderDropped { Reason: EndReason.Timeout });

        static void Start(FetchState state, PeerId peer)
        {
            state.AddProvider(peer, TimeSpan.Zero);
            state.Presences(peer, [.. Model.Select(b => new BlockPresence(b.Cid, true))], TimeSpan.Zero);
        }
    }

    [Fact]
    public void A_donor_whose_block_waits_for_the_disk_is_not_stalled_and_one_that_sends_nothing_after_it_is()
    {
        var state = new FetchState(Model, new FetchOptions(), new Random(1));
        state.AddProvider(TestPeers.Id(1), TimeSpan.Zero);
        state.Presences(TestPeers.Id(1), [.. Model.Select(b => new BlockPresence(b.Cid, true))], TimeSpan.Zero);

        state.Hold(TestPeers.Id(1));
        Assert.DoesNotContain(state.Tick(TimeSpan.FromSeconds(60)), e => e is ProviderDropped);

        state.Release(TestPeers.Id(1), TimeSpan.FromSeconds(60));
        Assert.DoesNotContain(state.Tick(TimeSpan.FromSeconds(63)), e => e is ProviderDropped);
        Assert.Contains(state.Tick(TimeSpan.FromSeconds(64)), e => e is ProviderDropped { Reason: EndReason.Timeout });
    }

    [Fact]
    public void More_is_asked_for_when_a_block_has_come_and_not_only_when_it_is_stored()
    {
        var state = new FetchState(Model, new FetchOptions(), new Random(1));
        state.AddProvider(TestPeers.Id(1), TimeSpan.Zero);
        IReadOnlyList<FetchEffect> first = state.Presences(
            TestPeers.Id(1), [.. Model.Select(b => new BlockPresence(b.Cid, true))], TimeSpan.Zero);
        Cid asked = first.OfType<SendWants>().Single().Wants.First(w => !w.WantsHave).Cid;

        Assert.Equal(BlockVerdict.Wanted, state.Received(TestPeers.Id(1), asked, Size, TimeSpan.FromMilliseconds(5)));

        Assert.Contains(state.Refill(TestPeers.Id(1), TimeSpan.FromMilliseconds(5)).OfType<SendWants>().Single().Wants, w => w is { WantsHave: false, IsCancel: false });
    }

    [Fact]
    public void A_donor_killed_half_way_costs_only_what_it_owed()
    {
        var run = new Run(Model, new Donor(1, 10e6), new Donor(2, 10e6));
        run.Until(() => run.Done == 50, TimeSpan.FromSeconds(10));
        run.Kill(0);
        run.UntilDone(TimeSpan.FromSeconds(20));
        Assert.InRange(run.Sent, Model.Length, Model.Length + 2);
    }

    [Fact]
    public void A_donor_that_lies_is_dropped_at_once_and_has_no_say_in_the_rest()
    {
        var state = new FetchState(Model, new FetchOptions(), new Random(1));
        state.AddProvider(TestPeers.Id(1), TimeSpan.Zero);
        Assert.Equal(BlockVerdict.Unasked, state.Received(TestPeers.Id(1), SomeBlocks.Create(500).Cid, 10, TimeSpan.Zero));
        Assert.Contains(state.Lied(TestPeers.Id(1), TimeSpan.Zero), e => e is ProviderDropped { Reason: EndReason.UnexpectedMessage });
        Assert.False(state.HasProvider(TestPeers.Id(1)));
        Assert.Empty(state.Presences(TestPeers.Id(1), [new BlockPresence(Model[0].Cid, true)], TimeSpan.Zero));
    }

    [Fact]
    public void A_donor_that_says_have_and_then_has_not_is_not_asked_again()
    {
        var state = new FetchState(Model[..1], new FetchOptions(), new Random(1));
        state.AddProvider(TestPeers.Id(1), TimeSpan.Zero);
        IReadOnlyList<FetchEffect> asked = state.Presences(TestPeers.Id(1), [new BlockPresence(Model[0].Cid, true)], Step);
        Assert.Contains(asked, e => e is SendWants { Wants: [{ WantsHave: false }] });
        Assert.Empty(state.Presences(TestPeers.Id(1), [new BlockPresence(Model[0].Cid, false)], Step));
        Assert.Contains( // until it has it again
            state.Presences(TestPeers.Id(1), [new BlockPresence(Model[0].Cid, true)], Step), e => e is SendWants);
    }

    [Fact]
    public void A_late_block_is_asked_of_another_at_the_end()
    {
        var run = new Run(Model[..20], new Donor(1, 20e6) { StallsAfter = 5 }, new Donor(2, 20e6));
        run.UntilDone(TimeSpan.FromSeconds(3)); // without waiting for the stall to be noticed
        Assert.Empty(run.Dropped);
    }

    [Fact]
    public void Who_is_asked_about_more_than_it_has_is_asked_about_so_many_at_once()
    {
        var state = new FetchState(Model, new FetchOptions { MaxProbes = 10 }, new Random(1));
        var wants = (SendWants)Assert.Single(state.AddProvider(TestPeers.Id(1), TimeSpan.Zero));
        Assert.Equal(10, wants.Wants.Count(w => w.WantsHave));
        var more = (SendWants)Assert.Single(state.Presences(
            TestPeers.Id(1), [.. wants.Wants.Take(4).Select(w => new BlockPresence(w.Cid, true))], TimeSpan.Zero));
        Assert.Equal(4, more.Wants.Count(w => w.WantsHave));
    }

    [Fact]
    public void The_end_takes_back_what_is_asked_for()
    {
        var state = new FetchState(Model, new FetchOptions(), new Random(1));
        state.AddProvider(TestPeers.Id(1), TimeSpan.Zero);
        var cancels = (SendWants)Assert.Single(state.End());
        Assert.Equal(Model.Length, cancels.Wants.Count(w => w.IsCancel));
    }

    /// <summary>A donor with so many bytes a second.</summary>
    private sealed class Donor(int number, double bytesPerSecond, Func<Cid, bool>? has = null)
    {
        private double _credit;

        public PeerId Peer => TestPeers.Id(number);

        public List<Cid> Queue { get; } = [];

        public List<Cid> Served { get; } = [];

        public int StallsAfter { get; init; } = int.MaxValue;

        public TimeSpan LastSent { get; private set; }

        public int Sent => Served.Count;

        public bool Has(Cid cid) => has?.Invoke(cid) ?? true;

        public IEnumerable<Cid> Serve(TimeSpan now)
        {
            _credit = Queue.Count == 0 ? 0 : _credit + (bytesPerSecond * Step.TotalSeconds);
            while (_credit >= Size && Queue.Count > 0 && Sent < StallsAfter)
            {
                Cid cid = Queue[0];
                Queue.RemoveAt(0);
                _credit -= Size;
                Served.Add(cid);
                LastSent = now;
                yield return cid;
            }
        }
    }

    private sealed class Run
    {
        private readonly FetchState _state;
        private readonly List<Donor> _alive;
        private TimeSpan _now;

        public Run(BlockRef[] blocks, params Donor[] donors)
        {
            Donors = donors;
            _alive = [.. donors];
            _state = new FetchState(blocks, new FetchOptions(), new Random(7));
            foreach (Donor donor in donors)
            {
                Carry(_state.AddProvider(donor.Peer, _now));
            }
        }

        public Donor[] Donors { get; }

        public int Done { get; private set; }

        public int Sent => Donors.Sum(d => d.Sent);

        public List<(PeerId Peer, EndReason Reason, TimeSpan At)> Dropped { get; } = [];

        public void UntilDone(TimeSpan limit) => Until(() => _state.IsDone, limit);

        public void Until(Func<bool> condition, TimeSpan limit)
        {
            TimeSpan end = _now + limit;
            while (!condition())
            {
                Assert.True(_now < end, $"{Done} blocks after {limit}");
                _now += Step;
                foreach (Donor donor in _alive.ToArray())
                {
                    foreach (Cid cid in donor.Serve(_now).ToArray())
                    {
                        if (_state.Received(donor.Peer, cid, Size, _now) == BlockVerdict.Wanted)
                        {
                            Done++;
                            Carry(_state.Refill(donor.Peer, _now));
                            _state.Stored(cid);
                        }
                    }
                }

                Carry(_state.Tick(_now));
            }
        }

        public void Kill(int donor)
        {
            _alive.Remove(Donors[donor]);
            Carry(_state.RemoveProvider(Donors[donor].Peer, _now));
        }

        private void Carry(IReadOnlyList<FetchEffect> effects)
        {
            foreach (FetchEffect effect in effects)
            {
                if (effect is ProviderDropped dropped)
                {
                    Dropped.Add((dropped.Peer, dropped.Reason, _now));
                    _alive.RemoveAll(d => d.Peer == dropped.Peer);
                }
                else if (_alive.Find(d => d.Peer == effect.Peer) is { } donor)
                {
                    Take(donor, ((SendWants)effect).Wants);
                }
            }
        }

        private void Take(Donor donor, IReadOnlyList<WantEntry> wants)
        {
            List<BlockPresence> answers = [];
            foreach (WantEntry want in wants)
            {
                donor.Queue.Remove(want.Cid);
                if (want.WantsHave)
                {
                    answers.Add(new BlockPresence(want.Cid, donor.Has(want.Cid)));
                }
                else if (!want.IsCancel)
                {
                    donor.Queue.Add(want.Cid);
                }
            }

            if (answers.Count > 0)
            {
                Carry(_state.Presences(donor.Peer, answers, _now));
            }
        }
    }
}
