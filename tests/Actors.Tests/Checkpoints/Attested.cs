using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Checkpoints;

/// <summary>Attestations of test peers.</summary>
internal static class Attested
{
    public static Attestation Sign(int peer, AttestationKind kind, RunId run, uint version, byte[] payload)
    {
        using KeyPair key = TestPeers.Key(peer);
        var attestation = new Attestation { Kind = kind, Run = run, Peer = key.PeerId.ToReplica(), Version = version, Payload = payload };
        return attestation with { Signature = Signature64.FromBytes(key.Sign(attestation.SignedBytes())) };
    }

    public static Checkpoint Checkpoint(int peer, RunId run, uint round) =>
        new(run, round, TestPeers.Id(peer), Cid.ForRaw([(byte)peer, (byte)round]), 4000, 0.5);

    public static Attestation Of(Checkpoint checkpoint, int peer) =>
        Sign(peer, AttestationKind.Checkpoint, checkpoint.Run, checkpoint.Round, checkpoint.Encode());

    public static Attestation Of(RunSettings settings, int peer, uint proposedAt) =>
        Sign(peer, AttestationKind.RunSettings, RunId.Of(settings.Encode()), proposedAt, settings.Encode());

    public static AttestationSet Set(IEnumerable<Attestation> attestations) =>
        attestations.Aggregate(AttestationSet.Bottom, (set, attestation) => set.Add(attestation).State);

    /// <summary>Checkpoints of peers in rounds.</summary>
    public static AttestationSet Set(RunId run, params (int Peer, uint Round)[] checkpoints) =>
        Set(checkpoints.Select(c => Of(Checkpoint(c.Peer, run, c.Round), c.Peer)));
}
