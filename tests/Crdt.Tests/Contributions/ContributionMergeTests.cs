using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Tests.Contributions;

public sealed class ContributionMergeTests
{
    private readonly TestSigner _verifier = new();

    [Fact]
    public void What_is_not_validly_signed_is_dropped_before_the_merge()
    {
        Contribution valid = Samples.Create(peer: 0);
        Contribution forged = Samples.Create(peer: 1) with { SampleCount = 1 };
        ContributionMerge merge = Merge(ContributionSet.Bottom, Samples.Set(valid, forged));

        Assert.Equal(Samples.Set(valid), merge.State);
        Assert.Equal(Samples.Set(valid), merge.Added);
        Assert.Equal(1, merge.BadSignature);
    }

    [Fact]
    public void A_forged_statement_does_not_make_an_honest_peer_an_equivocator()
    {
        Contribution[] models = [.. Enumerable.Range(0, 3).Select(model => Samples.Create(model: model)).OrderBy(c => c.Root)];
        Contribution honest = models[2];
        ContributionSet attack = Samples.Set(models[0] with { SampleCount = 9 }, honest);
        ContributionSet mine = Samples.Set(honest);

        Assert.Single(attack.Equivocations);
        ContributionMerge merge = Merge(mine, attack);
        Assert.Same(mine, merge.State);
        Assert.False(merge.Changed);
        Assert.Equal(mine, attack.Filter(_verifier));
    }

    [Fact]
    public void A_signed_conflict_becomes_a_proof_and_is_passed_on()
    {
        ContributionSet mine = Samples.Set(Samples.Create(model: 0));
        ContributionMerge merge = Merge(mine, Samples.Set(Samples.Create(model: 1)));

        Assert.True(Assert.Single(merge.State.Equivocations).IsProof(_verifier));
        Assert.Equal(merge.State, mine.Join(merge.Added));
    }

    [Fact]
    public void An_equivocation_is_no_proof_when_a_signature_or_the_conflict_is_missing()
    {
        Contribution one = Samples.Create(model: 0);
        Contribution two = Samples.Create(model: 1);

        Assert.True(new Equivocation(one, two).IsProof(_verifier));
        Assert.False(new Equivocation(one, one).IsProof(_verifier));
        Assert.False(new Equivocation(one, Samples.Create(round: 1)).IsProof(_verifier));
        Assert.False(new Equivocation(one, two with { Signature = default }).IsProof(_verifier));
        Assert.False(new Equivocation(one with { Signature = default }, two).IsProof(_verifier));
    }

    [Fact]
    public void What_is_known_is_not_verified_again()
    {
        ContributionSet mine = Samples.Set(Samples.Create(peer: 0), Samples.Create(peer: 1));
        ContributionMerge merge = Merge(mine, mine.Add(Samples.Create(peer: 2)).State);

        Assert.Equal(3, merge.State.Count);
        Assert.Equal(1, merge.Added.Count);
        Assert.Equal(1, _verifier.Verified);
    }

    [Fact]
    public void Another_run_a_round_ahead_of_the_window_and_a_stranger_are_out_of_scope()
    {
        ContributionSet foreign = Samples.Set(
            Samples.Create(run: 1),
            Samples.Create(round: 11),
            Samples.Create(peer: 9),
            Samples.Create(round: 10));
        ContributionScope scope = Scope() with { Peers = new HashSet<ReplicaId> { Samples.Peer(0) } };
        ContributionMerge merge = ContributionSet.Bottom.Merge(foreign, _verifier, scope);

        Assert.Equal(3, merge.OutOfScope);
        Assert.Equal(Samples.Set(Samples.Create(round: 10)), merge.State);
        Assert.Equal(1, _verifier.Verified);
    }

    [Theory]
    [InlineData("entries")]
    [InlineData("peers")]
    [InlineData("rounds")]
    [InlineData("runs")]
    [InlineData("model")]
    public void Each_limit_of_the_set_drops_what_is_beyond_it(string limit)
    {
        ContributionSet mine = Samples.Set(Samples.Create());
        Contribution extra = limit switch
        {
            "peers" or "entries" => Samples.Create(peer: 1),
            "rounds" => Samples.Create(round: 1),
            "runs" => Samples.Create(run: 1),
            _ => Samples.Sign(Samples.Unsigned(peer: 1) with { ModelBytes = 1_000_001 }),
        };
        ContributionLimits tight = limit switch
        {
            "entries" => new() { MaxEntries = 1 },
            "peers" => new() { MaxPeersPerRound = 1 },
            "rounds" => new() { MaxRoundsPerRun = 1 },
            "runs" => new() { MaxRuns = 1 },
            _ => new() { MaxModelBytes = 1_000_000 },
        };

        ContributionScope scope = Scope(secondRun: true);
        Assert.Equal(2, mine.Merge(Samples.Set(extra), _verifier, scope).State.Count);
        ContributionMerge merge = mine.Merge(Samples.Set(extra), _verifier, scope with { Limits = tight });
        Assert.Equal(1, merge.OverLimit);
        Assert.Same(mine, merge.State);
    }

    [Fact]
    public void A_full_set_still_takes_the_proof_against_a_peer_it_holds()
    {
        ContributionScope full = Scope() with { Limits = new() { MaxEntries = 1 } };
        ContributionMerge merge =
            Samples.Set(Samples.Create(model: 0)).Merge(Samples.Set(Samples.Create(model: 1)), _verifier, full);

        Assert.Single(merge.State.Equivocations);
    }

    [Fact]
    public void A_foreign_watermark_prunes_only_what_this_replica_can_spare()
    {
        ContributionSet mine = Samples.Set(Samples.Create(round: 1), Samples.Create(round: 5));
        ContributionSet wipe = ContributionSet.Bottom.Prune(Samples.FirstRun, uint.MaxValue).Delta;

        Assert.Same(mine, Merge(mine, wipe).State);
        ContributionMerge merge = mine.Merge(wipe, _verifier, Scope(prunableBelow: 4));
        Assert.Equal(4u, merge.State.PrunedBelow(Samples.FirstRun));
        Assert.Equal([5u], merge.State.RoundsOf(Samples.FirstRun));
        Assert.Equal(merge.State, mine.Join(merge.Added));
        Assert.True(wipe.Filter(_verifier).IsBottom);
    }

    [Fact]
    public void The_watermark_of_a_run_nobody_follows_is_not_kept()
    {
        ContributionSet foreign = ContributionSet.Bottom.Prune(Samples.SecondRun, 3).Delta;

        Assert.True(Merge(ContributionSet.Bottom, foreign).State.IsBottom);
    }

    [Fact]
    public void Rounds_below_the_own_watermark_are_neither_verified_nor_taken()
    {
        ContributionSet mine = ContributionSet.Bottom.Prune(Samples.FirstRun, 4).State;
        ContributionMerge merge = Merge(mine, Samples.Set(Samples.Create(round: 3)));

        Assert.Same(mine, merge.State);
        Assert.Equal(0, _verifier.Verified);
    }

    private static ContributionScope Scope(uint prunableBelow = 0, bool secondRun = false)
    {
        Dictionary<RunId, RunScope> runs = new() { [Samples.FirstRun] = new RunScope(10, prunableBelow) };
        if (secondRun)
        {
            runs[Samples.SecondRun] = new RunScope(10);
        }

        return new ContributionScope { Runs = runs };
    }

    private ContributionMerge Merge(ContributionSet mine, ContributionSet foreign) =>
        mine.Merge(foreign, _verifier, Scope());
}
