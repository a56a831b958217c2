using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Tests.Contributions;

namespace P2PLearn.Crdt.Tests.Attestations;

public sealed class AttestationSetTests
{
    private readonly TestSigner _verifier = new();

    [Fact]
    public void The_newest_four_checkpoints_and_one_of_the_others_are_kept()
    {
        AttestationSet set = AttestationSamples.Set(
            from kind in (AttestationKind[])[AttestationKind.Checkpoint, AttestationKind.Reputation, AttestationKind.RunSettings]
            from version in (uint[])[5, 1, 3, 2, 4]
            select AttestationSamples.Create(kind, version: version));
        RunId run = AttestationSamples.Create().Run;

        Assert.Equal([2u, 3u, 4u, 5u], set.Of(AttestationKind.Checkpoint, run).Select(a => a.Version));
        Assert.Equal([5u], set.Of(AttestationKind.Reputation, run).Select(a => a.Version));
        Assert.Equal([5u], set.Of(AttestationKind.RunSettings, run).Select(a => a.Version));
        Assert.Equal(5u, set.Newest(AttestationKind.Checkpoint, run, Samples.Peer(0))?.Version);
        Assert.Null(set.Newest(AttestationKind.Checkpoint, run, Samples.Peer(1)));
        Assert.Equal([run], set.Runs);
        Assert.Equal((6, set.All.Sum(a => a.Payload.Length)), (set.Count, set.PayloadBytes));
        Assert.True(set.Contains(AttestationSamples.Create(version: 5)));
        Assert.False(set.Contains(AttestationSamples.Create(version: 5, payload: 1)));
    }

    [Fact]
    public void Of_two_payloads_of_one_version_the_greater_by_bytes_wins_whichever_comes_first()
    {
        Attestation smaller = AttestationSamples.Create(payload: 1);
        Attestation greater = AttestationSamples.Create(payload: 2);
        AttestationSet set = AttestationSamples.Set(greater, smaller);

        Assert.Equal([greater], set.All);
        Assert.Equal(AttestationSamples.Set(smaller, greater), set);
        Assert.True(set.Add(smaller).Delta.IsBottom);
    }

    [Fact]
    public void The_greatest_version_blocks_its_signer_alone()
    {
        AttestationSet set = AttestationSamples.Set(AttestationSamples.Create(AttestationKind.Reputation, version: uint.MaxValue));

        Assert.True(set.Add(AttestationSamples.Create(AttestationKind.Reputation, version: 1)).Delta.IsBottom);
        Assert.False(set.Add(AttestationSamples.Create(AttestationKind.Reputation, peer: 1, version: 1)).Delta.IsBottom);
        Assert.False(set.Add(AttestationSamples.Create(AttestationKind.Checkpoint, version: 1)).Delta.IsBottom);
    }

    [Fact]
    public void What_cannot_be_an_attestation_is_not_added()
    {
        Attestation valid = AttestationSamples.Create();

        Assert.Throws<ArgumentException>(() => AttestationSet.Bottom.Add(valid with { Kind = (AttestationKind)4 }));
        Assert.Throws<ArgumentException>(() => AttestationSet.Bottom.Add(valid with { Peer = default }));
        Assert.Throws<ArgumentOutOfRangeException>(() => AttestationSet.Bottom.Add(valid with { Payload = new byte[4097] }));
        Assert.Throws<ArgumentOutOfRangeException>(() => (valid with { Payload = new byte[4097] }).SignedBytes());
        Assert.Throws<ArgumentException>(() => (valid with { Peer = default }).SignedBytes());
    }

    [Fact]
    public void Settings_of_another_run_and_forged_attestations_are_dropped_and_counted()
    {
        Attestation settings = AttestationSamples.Create(AttestationKind.RunSettings);
        Attestation other = AttestationSamples.Sign(
            AttestationSamples.Unsigned(AttestationKind.RunSettings, peer: 1) with { Payload = AttestationSamples.Settings[1] });
        Attestation forged = AttestationSamples.Create(peer: 2) with { Version = 9 };
        AttestationMerge merge = Merge(AttestationSet.Bottom, [settings, other, forged], new AttestationScope());

        Assert.Equal(AttestationSamples.Set(settings), merge.State);
        Assert.Equal(2, merge.BadSignature);
        Assert.True(settings.FitsRun);
        Assert.False(other.FitsRun);
    }

    [Fact]
    public void What_is_known_or_older_is_not_verified_and_what_is_unwanted_neither()
    {
        AttestationSet mine = AttestationSamples.Set(AttestationSamples.Create(AttestationKind.Reputation, version: 5));
        AttestationScope scope = new()
        {
            Runs = new HashSet<RunId> { AttestationSamples.Create().Run },
            Peers = new HashSet<ReplicaId> { Samples.Peer(0) },
        };
        AttestationMerge merge = Merge(
            mine,
            [AttestationSamples.Create(AttestationKind.Reputation, version: 5), AttestationSamples.Create(run: 1), AttestationSamples.Create(peer: 1)],
            scope);

        Assert.Same(mine, merge.State);
        Assert.Equal(2, merge.OutOfScope);
        Assert.False(Merge(mine, [AttestationSamples.Create(AttestationKind.Reputation, version: 4)], scope).Changed);
        Assert.Equal(0, _verifier.Verified);
    }

    [Theory]
    [InlineData("entries")]
    [InlineData("runs")]
    [InlineData("peers")]
    [InlineData("payload")]
    [InlineData("all payloads")]
    public void Each_limit_drops_what_is_beyond_it(string limit)
    {
        AttestationSet mine = AttestationSamples.Set(AttestationSamples.Create());
        Attestation extra = limit switch
        {
            "runs" => AttestationSamples.Create(run: 1),
            "peers" => AttestationSamples.Create(peer: 1),
            "payload" => AttestationSamples.Sign(AttestationSamples.Unsigned(version: 1) with { Payload = new byte[100] }),
            _ => AttestationSamples.Create(version: 1),
        };
        AttestationLimits tight = limit switch
        {
            "entries" => new() { MaxEntries = 1 },
            "runs" => new() { MaxRuns = 1 },
            "peers" => new() { MaxPeersPerRun = 1 },
            "payload" => new() { MaxPayloadBytes = 99 },
            _ => new() { MaxTotalPayloadBytes = mine.PayloadBytes + extra.Payload.Length - 1 },
        };

        Assert.True(Merge(mine, [extra], new AttestationScope()).Changed);
        AttestationMerge merge = Merge(mine, [extra], new AttestationScope { Limits = tight });
        Assert.Same(mine, merge.State);
        Assert.Equal((1, 0), (merge.OverLimit, merge.BadSignature));
    }

    [Fact]
    public void A_full_set_still_takes_a_newer_version_in_the_place_of_an_older_one()
    {
        Attestation old = AttestationSamples.Create(AttestationKind.Reputation, version: 1);
        Attestation renewed = AttestationSamples.Create(AttestationKind.Reputation, version: 2);
        AttestationLimits full = new() { MaxEntries = 1, MaxRuns = 1, MaxPeersPerRun = 1, MaxTotalPayloadBytes = old.Payload.Length };

        Assert.Equal([renewed], Merge(AttestationSamples.Set(old), [renewed], new AttestationScope { Limits = full }).State.All);
    }

    [Fact]
    public void Forged_attestations_use_up_no_room()
    {
        Attestation honest = AttestationSamples.Create(peer: 9);
        AttestationMerge merge = Merge(
            AttestationSet.Bottom,
            [.. Enumerable.Range(0, 8).Select(peer => AttestationSamples.Create(peer: peer) with { Version = 7 }), honest],
            new AttestationScope { Limits = new() { MaxEntries = 1 } });

        Assert.Equal([honest], merge.State.All);
        Assert.Equal(8, merge.BadSignature);
    }

    private AttestationMerge Merge(AttestationSet mine, Attestation[] foreign, AttestationScope scope) =>
        mine.Merge(AttestationSamples.Set(foreign), _verifier, scope);
}
