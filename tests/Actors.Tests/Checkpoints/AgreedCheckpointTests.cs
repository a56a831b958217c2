using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Checkpoints;

/// <summary>What a checkpoint is, and which one everybody names.</summary>
public sealed class AgreedCheckpointTests
{
    private static readonly RunSettings Settings = new() { Faulty = 1, MinPeers = 4, Gradients = 2000 };
    private static readonly RunId Run = RunId.Of(Settings.Encode());

    [Fact]
    public void What_was_attested_is_read_back()
    {
        Checkpoint made = Attested.Checkpoint(3, Run, 40);
        Assert.True(Checkpoint.TryRead(Attested.Of(made, 3), out Checkpoint? read));
        Assert.Equal(made, read);
        Assert.True(Checkpoint.TryRead(Attested.Of(made with { Accuracy = null }, 3), out read));
        Assert.Null(read.Accuracy);
    }

    [Theory]
    [InlineData(0, 2)] // another version
    [InlineData(33, 0xFF)] // more bytes than there are
    public void What_is_no_checkpoint_is_not_read(int at, byte value)
    {
        Checkpoint made = Attested.Checkpoint(3, Run, 40);
        byte[] payload = made.Encode();
        payload[at] = value;
        Assert.False(Checkpoint.TryRead(Attested.Sign(3, AttestationKind.Checkpoint, Run, 40, payload), out _));
        Assert.False(Checkpoint.TryRead(Attested.Sign(3, AttestationKind.Checkpoint, Run, 40, made.Encode()[..^1]), out _));
        Assert.False(Checkpoint.TryRead(Attested.Sign(3, AttestationKind.Checkpoint, Run, 0, made.Encode()), out _)); // there is no round 0
        Assert.False(Checkpoint.TryRead(Attested.Sign(3, AttestationKind.Reputation, Run, 40, made.Encode()), out _));
    }

    [Fact]
    public void An_accuracy_that_is_none_is_unknown()
    {
        Checkpoint made = Attested.Checkpoint(1, Run, 10) with { Accuracy = 1.5 };
        Assert.True(Checkpoint.TryRead(Attested.Of(made, 1), out Checkpoint? read));
        Assert.Null(read.Accuracy);
    }

    [Theory]
    [InlineData(1, 8, 3)]
    [InlineData(0, 8, 3)]
    [InlineData(2, 8, 5)]
    [InlineData(0, 1, 1)]
    [InlineData(0, 2, 2)]
    [InlineData(1, 2, 2)]
    [InlineData(3, 2, 4)] // whatever a run of two wants of three faulty ones
    public void As_many_are_needed_as_give_the_honest_a_majority(int faulty, int minPeers, int needed) =>
        Assert.Equal(needed, AgreedCheckpoint.NeededBy(Settings with { Faulty = faulty, MinPeers = minPeers }));

    [Fact]
    public void The_newest_round_that_enough_members_have_is_named()
    {
        AttestationSet set = Attested.Set(Run, (1, 10), (2, 10), (3, 10), (4, 10), (1, 20), (2, 20), (4, 20), (1, 30), (2, 30));
        AgreedCheckpoint newest = AgreedCheckpoint.Newest(set, Run, Settings)!;
        Assert.Equal(20u, newest.Round);
        Assert.Equal(3, newest.Makers.Count);
        Assert.Null(AgreedCheckpoint.Newest(Attested.Set(Run, (1, 10), (2, 10)), Run, Settings));
        Assert.Null(AgreedCheckpoint.Newest(set, RunId.Of("another"u8), Settings));
    }

    [Fact]
    public void A_round_beyond_the_run_does_not_count()
    {
        uint beyond = (uint)Settings.Rounds + 1;
        AttestationSet set = Attested.Set(Run, (1, 10), (2, 10), (3, 10), (1, beyond), (2, beyond), (3, beyond));
        Assert.Equal(10u, AgreedCheckpoint.Newest(set, Run, Settings)!.Round);
    }

    [Fact]
    public void Two_sides_of_a_partition_name_the_same_checkpoint_when_it_is_healed()
    {
        AttestationSet before = Attested.Set(Run, (1, 10), (2, 10), (3, 10), (4, 10), (5, 10));
        AttestationSet left = before.Join(Attested.Set(Run, (1, 20), (2, 20), (3, 20), (1, 30), (2, 30), (3, 30)));
        AttestationSet right = before.Join(Attested.Set(Run, (4, 20), (5, 20)));
        Assert.NotEqual(AgreedCheckpoint.Newest(left, Run, Settings)!.Digest, AgreedCheckpoint.Newest(right, Run, Settings)!.Digest);
        AgreedCheckpoint healedLeft = AgreedCheckpoint.Newest(left.Join(right), Run, Settings)!;
        AgreedCheckpoint healedRight = AgreedCheckpoint.Newest(right.Join(left), Run, Settings)!;
        Assert.Equal(healedLeft.Digest, healedRight.Digest);
        Assert.Equal(30u, healedLeft.Round);
    }

    [Fact]
    public void The_digest_tells_roots_makers_and_rounds_apart()
    {
        string[] digests =
        [
            Digest((1, 10), (2, 10), (3, 10)), Digest((1, 10), (2, 10), (4, 10)), Digest((1, 20), (2, 20), (3, 20)), Digest((1, 10), (2, 10), (3, 10), (4, 10)),
        ];
        Assert.Equal(digests.Length, digests.Distinct().Count());

        static string Digest(params (int, uint)[] checkpoints) => AgreedCheckpoint.Newest(Attested.Set(Run, checkpoints), Run, Settings)!.Digest;
    }

    [Fact]
    public void A_report_of_what_was_seen_is_read_back_and_goes_on()
    {
        Reputation seen = Reputation.Empty;
        foreach (string outcome in (string[])["kept", "kept", "rejected", "missing", "refused", "equivocated", "nonsense"])
        {
            seen = seen.Count(TestPeers.Id(1), outcome);
        }

        seen = seen.Count(TestPeers.Id(2), "missing");
        Reputation read = Reputation.TryDecode(seen.Encode())!;
        Assert.Equal(new PeerCounts(2, 1, 1, 1, 1), read.Peers[TestPeers.Id(1)]);
        Assert.Equal(new PeerCounts(0, 0, 1, 0, 0), read.Peers[TestPeers.Id(2)]);
        Assert.Equal(seen.Encode(), read.Encode());
        Assert.Equal(uint.MaxValue, new PeerCounts(uint.MaxValue, 0, 0, 0, 0).Count("kept").Kept);
    }

    [Fact]
    public void A_report_of_more_peers_than_fit_keeps_those_counted_most_often()
    {
        Reputation seen = TestPeers.List(Reputation.MaxPeers + 5).Aggregate(Reputation.Empty, (all, peer) => all.Count(peer, "kept"));
        PeerCounts often = seen.Count(TestPeers.Id(50), "kept").Peers[TestPeers.Id(50)];
        byte[] payload = seen.Count(TestPeers.Id(50), "kept").Encode();
        Assert.True(payload.Length <= Attestation.MaxPayloadBytes);
        Reputation read = Reputation.TryDecode(payload)!;
        Assert.Equal(Reputation.MaxPeers, read.Peers.Count);
        Assert.Equal(often, read.Peers[TestPeers.Id(50)]);
    }

    [Fact]
    public void A_report_that_is_cut_or_has_more_or_is_out_of_order_is_none()
    {
        byte[] payload = Reputation.Empty.Count(TestPeers.Id(1), "kept").Count(TestPeers.Id(2), "kept").Encode();
        for (int length = 0; length < payload.Length; length++)
        {
            Assert.Null(Reputation.TryDecode(payload.AsSpan(0, length)));
        }

        Assert.Null(Reputation.TryDecode([.. payload, 0]));
        int row = (payload.Length - 3) / 2;
        Assert.Null(Reputation.TryDecode([.. payload[..3], .. payload[(3 + row)..], .. payload[3..(3 + row)]]));
        payload[1] = 0xFF; // tens of thousands of peers
        Assert.Null(Reputation.TryDecode(payload));
    }
}
