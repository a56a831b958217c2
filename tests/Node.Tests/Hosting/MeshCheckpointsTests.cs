using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;
using P2PLearn.TestKit;

namespace P2PLearn.Node.Tests.Hosting;

/// <summary>What members attest, as people see it.</summary>
public sealed class MeshCheckpointsTests
{
    private static readonly RunSettings Settings = new() { MinPeers = 3, Faulty = 0, Gradients = 2000 };
    private static readonly RunId Run = RunId.Of(Settings.Encode());

    [Fact]
    public void The_checkpoints_of_known_runs_are_shown_and_those_of_the_newest_agreed_one_have_its_name()
    {
        AttestationSet set = Set(
            Make(AttestationKind.RunSettings, 1, 5, Settings.Encode()),
            CheckpointOf(1, 10), CheckpointOf(2, 10), CheckpointOf(3, 10), CheckpointOf(1, 20));
        IReadOnlyList<CheckpointView> views = MeshCheckpoints.Of(set);
        Assert.Equal(4, views.Count);
        Assert.Equal(3, views.Count(v => v.IsNewest && v.Round == 10));
        Assert.Equal(AgreedCheckpoint.Newest(set, Run, Settings)!.Digest, Assert.Single(views.Where(v => v.IsNewest).Select(v => v.Name).Distinct()));
        Assert.Null(views.Single(v => !v.IsNewest).Name);
        Assert.Empty(MeshCheckpoints.Of(Set(CheckpointOf(1, 10)))); // of a run whose settings nobody knows
    }

    [Fact]
    public void The_standing_of_a_member_is_the_median_of_what_others_saw_and_its_own_word_does_not_count()
    {
        AttestationSet set = Set(
            Seen(1, (3, 10, 0)), Seen(2, (3, 11, 1)), Seen(4, (3, 500, 0)), Seen(3, (3, 9999, 0)));
        PeerStandingView standing = Assert.Single(MeshCheckpoints.StandingIn(Run.ToString(), set));
        Assert.Equal(new PeerStandingView(TestPeers.Id(3).ToString(), 3, 11, 0, 0, 0, 0), standing);
        Assert.Empty(MeshCheckpoints.StandingIn("no run", set));
    }

    private static AttestationSet Set(params Attestation[] attestations) =>
        attestations.Aggregate(AttestationSet.Bottom, (set, attestation) => set.Add(attestation).State);

    private static Attestation Make(AttestationKind kind, int peer, uint version, byte[] payload) =>
        new() { Kind = kind, Run = Run, Peer = TestPeers.Id(peer).ToReplica(), Version = version, Payload = payload };

    private static Attestation CheckpointOf(int peer, uint round) => Make(
        AttestationKind.Checkpoint, peer, round, new Checkpoint(Run, round, TestPeers.Id(peer), Cid.ForRaw([(byte)peer]), 100, null).Encode());

    private static Attestation Seen(int observer, params (int Peer, int Kept, int Rejected)[] rows)
    {
        Reputation seen = Reputation.Empty;
        foreach ((int peer, int kept, int rejected) in rows)
        {
            seen = new Reputation(seen.Peers.SetItem(TestPeers.Id(peer), new PeerCounts((uint)kept, (uint)rejected, 0, 0, 0)));
        }

        return Make(AttestationKind.Reputation, observer, 10, seen.Encode());
    }
}
