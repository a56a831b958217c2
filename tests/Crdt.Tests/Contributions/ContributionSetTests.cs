using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Tests.Contributions;

public sealed class ContributionSetTests
{
    [Fact]
    public void The_part_under_some_runs_has_their_entries_and_watermarks_alone()
    {
        ContributionSet first = Samples.Set(Samples.Create(), Samples.Create(round: 3)).Prune(Samples.FirstRun, 2).State;
        ContributionSet second = Samples.Set(Samples.Create(run: 1)).Prune(Samples.SecondRun, 0).State;

        Assert.Equal(first, first.Join(second).Under(run => run == Samples.FirstRun));
        Assert.Equal(second, first.Join(second).Under(run => run != Samples.FirstRun));
        Assert.Same(first, first.Under(_ => true));
        Assert.Equal(ContributionSet.Bottom, first.Under(_ => false));
    }

    [Fact]
    public void Adding_returns_the_new_state_and_a_delta_that_leads_to_it()
    {
        ContributionSet before = Samples.Set(Samples.Create(peer: 0));
        (ContributionSet state, ContributionSet delta) = before.Add(Samples.Create(peer: 1));

        Assert.Equal(1, before.Count);
        Assert.Equal(2, state.Count);
        Assert.Equal(1, delta.Count);
        Assert.Equal(state, before.Join(delta));
    }

    [Fact]
    public void Adding_what_is_known_changes_nothing()
    {
        ContributionSet set = Samples.Set(Samples.Create());
        (ContributionSet state, ContributionSet delta) = set.Add(Samples.Create());

        Assert.Same(set, state);
        Assert.True(delta.IsBottom);
    }

    [Fact]
    public void Joining_what_is_known_returns_the_set_itself()
    {
        ContributionSet set = Samples.Set(Samples.Create(peer: 0), Samples.Create(peer: 1));

        Assert.Same(set, set.Join(Samples.Set(Samples.Create(peer: 1))));
        Assert.Same(set, set.Join(ContributionSet.Bottom));
    }

    [Fact]
    public void A_contribution_of_nobody_is_a_bug_of_the_caller() =>
        Assert.Throws<ArgumentException>(() => ContributionSet.Bottom.Add(Samples.Create() with { Peer = default }));

    [Fact]
    public void Lookups_ascend_by_run_round_and_peer()
    {
        ContributionSet set = Samples.Set(
            Samples.Create(round: 7, peer: 1),
            Samples.Create(round: 2, peer: 3),
            Samples.Create(round: 2, peer: 0),
            Samples.Create(run: 1, round: 1));

        Assert.Equal(4, set.Count);
        Assert.Equal(2, set.RunCount);
        Assert.Equal(set.Runs.Order(), set.Runs);
        Assert.Equal([2u, 7u], set.RoundsOf(Samples.FirstRun));
        Assert.Equal(2, set.CountOf(Samples.FirstRun, 2));
        Assert.Equal(
            [Samples.Peer(0), Samples.Peer(3)],
            set.ContributionsOf(Samples.FirstRun, 2).Select(contribution => contribution.Peer));
        Assert.Equal(
            set.Entries.OrderBy(e => e.First.Run).ThenBy(e => e.First.Round).ThenBy(e => e.First.Peer), set.Entries);
        Assert.True(set.TryGet(Samples.SecondRun, 1, Samples.Peer(0), out ContributionEntry? entry));
        Assert.Equal(Samples.Create(run: 1, round: 1), entry.Single);
        Assert.False(set.TryGet(Samples.SecondRun, 2, Samples.Peer(0), out _));
        Assert.Empty(set.EntriesOf(Samples.SecondRun, 9));
    }

    [Fact]
    public void Two_statements_for_one_key_are_an_equivocation_and_neither_counts()
    {
        Contribution honest = Samples.Create(peer: 1);
        ContributionSet set = Samples.Set(Samples.Create(model: 0), Samples.Create(model: 1), honest);

        Equivocation proof = Assert.Single(set.Equivocations);
        Assert.True(proof.IsProof(new TestSigner()));
        Assert.Equal([honest], set.ContributionsOf(Samples.FirstRun, 0));
        Assert.Equal(2, set.Count);
        Assert.True(set.TryGet(Samples.FirstRun, 0, Samples.Peer(0), out ContributionEntry? entry));
        Assert.True(entry.IsEquivocation);
        Assert.Null(entry.Single);
    }

    [Theory]
    [InlineData("samples")]
    [InlineData("base")]
    [InlineData("codec")]
    [InlineData("layout")]
    [InlineData("length")]
    public void The_same_root_with_another_field_is_an_equivocation_too(string field)
    {
        Contribution first = Samples.Create();
        Contribution second = Samples.Sign(field switch
        {
            "samples" => first with { SampleCount = 1 },
            "base" => first with { Base = Hash256.Of("other"u8) },
            "codec" => first with { Codec = (ModelCodec)1 },
            "layout" => first with { LayoutHash = Hash256.Of("other"u8) },
            _ => first with { ModelBytes = 1 },
        });

        Assert.Single(Samples.Set(first, second).Equivocations);
        Assert.NotEqual(first.Signature, second.Signature);
    }

    [Fact]
    public void Of_many_conflicting_statements_the_two_with_the_smallest_roots_stay_in_any_order()
    {
        Contribution[] conflicting = [.. Enumerable.Range(0, 6).Select(model => Samples.Create(model: model))];
        Contribution[] smallest = [.. conflicting.OrderBy(contribution => contribution.Root).Take(2)];

        Equivocation forwards = Assert.Single(Samples.Set(conflicting).Equivocations);
        Equivocation backwards = Assert.Single(Samples.Set(conflicting.Reverse()).Equivocations);

        Assert.Equal(new Equivocation(smallest[0], smallest[1]), forwards);
        Assert.Equal(forwards, backwards);
    }

    [Fact]
    public void A_second_signature_of_the_same_statement_is_no_equivocation()
    {
        Contribution one = Samples.Sign(Samples.Unsigned(), 0);
        Contribution other = Samples.Sign(Samples.Unsigned(), 1);
        ContributionSet set = Samples.Set(one, other);

        Assert.Empty(set.Equivocations);
        Assert.Equal(set, Samples.Set(other, one));
        Assert.Equal(one.Signature < other.Signature ? one : other, Assert.Single(set.Entries).Single);
    }

    [Fact]
    public void Pruning_drops_old_rounds_and_keeps_them_out()
    {
        ContributionSet full = Samples.Set(
            Samples.Create(round: 1), Samples.Create(round: 2), Samples.Create(round: 3), Samples.Create(run: 1, round: 1));
        (ContributionSet pruned, ContributionSet delta) = full.Prune(Samples.FirstRun, 3);

        Assert.Equal(2, pruned.Count);
        Assert.Equal(3u, pruned.PrunedBelow(Samples.FirstRun));
        Assert.Equal(0u, pruned.PrunedBelow(Samples.SecondRun));
        Assert.Equal(pruned, full.Join(delta));
        Assert.Equal(pruned, delta.Join(full));
        Assert.Equal(pruned, pruned.Join(full));
        Assert.Same(pruned, pruned.Add(Samples.Create(round: 2)).State);
        Assert.Same(pruned, pruned.Prune(Samples.FirstRun, 2).State);
    }

    [Fact]
    public void Ten_thousand_entries_are_added_one_by_one_and_shared()
    {
        ContributionSet set = ContributionSet.Bottom;
        for (uint round = 0; round < 200; round++)
        {
            for (int peer = 0; peer < 50; peer++)
            {
                set = set.Add(Samples.Unsigned(round: round, peer: peer)).State;
            }
        }

        Contribution next = Samples.Unsigned(round: 200);
        long before = GC.GetAllocatedBytesForCurrentThread();
        ContributionSet added = set.Add(next).State;
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(10_001, added.Count);
        Assert.InRange(allocated, 1, 16 * 1024);
    }

    [Fact]
    public void The_digest_is_that_of_the_canonical_bytes()
    {
        ContributionSet set = Samples.Set(Samples.Create(peer: 0), Samples.Create(peer: 1));

        Assert.Equal(Hash256.Of(ContributionSetCodec.Encode(set)), set.Digest());
        Assert.Equal(set.Digest(), Samples.Set(Samples.Create(peer: 1), Samples.Create(peer: 0)).Digest());
        Assert.NotEqual(set.Digest(), ContributionSet.Bottom.Digest());
    }
}
