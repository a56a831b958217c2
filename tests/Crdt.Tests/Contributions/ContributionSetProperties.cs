using CsCheck;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Contributions;

public sealed class ContributionSetProperties : CrdtLaws<ContributionSet>
{
    protected override IElementCodec<ContributionSet> Codec => ContributionSetCodec.Default;

    protected override (ContributionSet State, ContributionSet Delta) Mutate(ContributionSet state, ReplicaId replica, Op op) =>
        op.Kind == 0 ? state.Prune(Run(op), op.Stamp) : state.Add(Contribution(op));

    protected override string Read(ContributionSet state) => Text(
        state.Runs.Select(run => $"{run} below {state.PrunedBelow(run)};")
            .Concat(state.Entries.Select(entry => Show([entry.First, .. entry.Second is null ? [] : new[] { entry.Second }]))));

    // Keep everything, then: drop what is below the largest watermark, of each statement the smallest signature, of
    // each key the two statements that sort first.
    protected override string Specify(IReadOnlyList<Event> visible)
    {
        Dictionary<RunId, uint> below = visible.Where(e => e.Op.Kind == 0)
            .GroupBy(e => Run(e.Op)).ToDictionary(run => run.Key, run => run.Max(e => e.Op.Stamp));
        Contribution[] kept = [.. visible.Where(e => e.Op.Kind != 0).Select(e => Contribution(e.Op))
            .Where(c => c.Round >= below.GetValueOrDefault(c.Run))];
        IEnumerable<RunId> runs = below.Where(run => run.Value > 0).Select(run => run.Key)
            .Concat(kept.Select(c => c.Run)).Distinct().Order();
        return Text(
            runs.Select(run => $"{run} below {below.GetValueOrDefault(run)};").Concat(
                kept.GroupBy(c => (c.Run, c.Round, c.Peer)).OrderBy(key => key.Key)
                    .Select(key => Show(key.GroupBy(c => c with { Signature = default })
                        .Select(statement => statement.MinBy(c => c.Signature)!)
                        .OrderBy(c => c.Root).ThenBy(c => c.SampleCount).Take(2)))));
    }

    private static RunId Run(Op op) => op.Argument % 2 == 0 ? Samples.FirstRun : Samples.SecondRun;

    // Few keys and many models, so that three and more conflicting statements of one key are the rule.
    private static Contribution Contribution(Op op) => Samples.Sign(
        Samples.Unsigned(op.Argument % 2, op.Stamp / 2 * 2, op.Argument / 2 % 2, op.Argument / 4 % 5) with
        {
            SampleCount = (uint)(op.Argument / 20 % 2),
        },
        variant: (byte)(op.Kind % 2));

    private static string Show(IEnumerable<Contribution> statements) =>
        Text(statements.Select(c => $"{c.Round} {c.Peer} {c.Root} {c.SampleCount} {c.Signature};"));
}

public sealed class ContributionMergeProperties
{
    [Fact]
    public void A_merge_equals_filtering_and_joining_in_any_order_of_arrival() =>
        Gen.Select(Samples.Signed.Array[0, 12], Samples.Signed.Array[0, 12], Gen.Int).Check(test =>
        {
            Random random = new(test.Item3);
            TestSigner verifier = new();
            ContributionSet mine = Samples.Set(test.Item1);
            ContributionSet foreign = Samples.Set(test.Item2.Select(
                c => random.Next(3) == 0 ? c with { SampleCount = 7 } : c)); // one in three forged
            ContributionScope scope = new()
            {
                Runs = new Dictionary<RunId, RunScope> { [Samples.FirstRun] = new(9), [Samples.SecondRun] = new(9) },
            };

            ContributionMerge merge = mine.Merge(foreign, verifier, scope);
            Assert.Equal(mine.Join(foreign.Filter(verifier)), merge.State);
            Assert.Equal(merge.State, mine.Join(merge.Added));
            Assert.Equal(merge.Changed, !merge.State.Equals(mine));
            Assert.All(merge.State.Entries, entry => Assert.True(entry.First.IsSigned(verifier)));
            Assert.All(merge.State.Equivocations, proof => Assert.True(proof.IsProof(verifier)));
            Assert.False(merge.State.Merge(foreign, verifier, scope).Changed);
        });
}
