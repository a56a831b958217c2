using CsCheck;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Tests.Contributions;

namespace P2PLearn.Crdt.Tests.Attestations;

public sealed class AttestationSetProperties : CrdtLaws<AttestationSet>
{
    protected override IElementCodec<AttestationSet> Codec => AttestationSetCodec.Default;

    protected override (AttestationSet State, AttestationSet Delta) Mutate(AttestationSet state, ReplicaId replica, Op op) =>
        state.Add(Attestation(op));

    protected override string Read(AttestationSet state) => Text(state.All.Select(Show));

    // Keep everything, then: of each version the greatest, of those the newest 4 checkpoints, 1 of the others.
    protected override string Specify(IReadOnlyList<Event> visible) => Text(
        visible.Select(e => Attestation(e.Op))
            .GroupBy(a => (a.Kind, a.Run, a.Peer)).OrderBy(slot => slot.Key)
            .SelectMany(slot => slot
                .GroupBy(a => a.Version)
                .Select(version => version
                    .OrderBy(a => Convert.ToHexString(a.Payload.Span), StringComparer.Ordinal).ThenBy(a => a.Signature).Last())
                .OrderByDescending(a => a.Version).Take(slot.Key.Kind == AttestationKind.Checkpoint ? 4 : 1).Reverse())
            .Select(Show));

    // Few keys and up to a dozen versions with several payloads each, so that replacing and falling off are the rule.
    private static Attestation Attestation(Op op) => AttestationSamples.Sign(
        AttestationSamples.Unsigned(
            (AttestationKind)(op.Kind % 5 == 0 ? 1 : op.Kind % 5 == 1 ? 3 : 2), op.Argument % 2, op.Argument / 2 % 2, (uint)(op.Argument / 4 % 2 * 6) + op.Stamp, op.Argument / 8 % 3),
        variant: (byte)(op.Argument / 24 % 2));

    private static string Show(Attestation a) => $"{a.Kind} {a.Run} {a.Peer} {a.Version} {Convert.ToHexString(a.Payload.Span)} {a.Signature};";
}

public sealed class AttestationMergeProperties
{
    private static readonly Gen<Attestation> Signed =
        from kind in Gen.Int[1, 3]
        from run in Gen.Int[0, 1]
        from peer in Gen.Int[0, 3]
        from version in Gen.UInt[0, 7]
        from payload in Gen.Int[0, 2]
        select AttestationSamples.Create((AttestationKind)kind, run, peer, version, payload);

    [Fact]
    public void A_merge_equals_filtering_and_joining() =>
        Gen.Select(Signed.Array[0, 12], Signed.Array[0, 12], Gen.Int).Check(test =>
        {
            Random random = new(test.Item3);
            TestSigner verifier = new();
            AttestationSet mine = AttestationSamples.Set(test.Item1);
            Attestation[] sent = [.. test.Item2.Select(a => random.Next(3) == 0 ? a with { Version = a.Version + 1 } : a)]; // one in three forged
            AttestationSet foreign = AttestationSamples.Set(sent);
            AttestationSet valid = AttestationSamples.Set(foreign.All.Where(a => a.IsSigned(verifier)));

            AttestationMerge merge = mine.Merge(foreign, verifier, new AttestationScope());
            Assert.Equal(mine.Join(valid), merge.State);
            Assert.Equal(merge.State, mine.Join(merge.Added));
            Assert.Equal(merge.Changed, !merge.State.Equals(mine));
            Assert.All(merge.State.All, attestation => Assert.True(attestation.IsSigned(verifier)));
            Assert.Equal(merge.State.All.Count(), merge.State.Count);
            Assert.Equal(merge.State.All.Sum(a => a.Payload.Length), merge.State.PayloadBytes);
            Assert.False(merge.State.Merge(foreign, verifier, new AttestationScope()).Changed);
        });
}
