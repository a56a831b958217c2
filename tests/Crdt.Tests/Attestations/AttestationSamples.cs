using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Tests.Contributions;

namespace P2PLearn.Crdt.Tests.Attestations;

/// <summary>Attestations from small ranges, so that random ones collide, repeat and replace each other.</summary>
internal static class AttestationSamples
{
    public static readonly byte[][] Settings = [.. Enumerable.Range(0, 70).Select(i => System.Text.Encoding.ASCII.GetBytes($"settings {i}"))];

    public static Attestation Unsigned(
        AttestationKind kind = AttestationKind.Checkpoint, int run = 0, int peer = 0, uint version = 0, int payload = 0) => new()
    {
        Kind = kind,
        Run = RunId.Of(Settings[run]),
        Peer = Samples.Peer(peer),
        Version = version,
        Payload = kind == AttestationKind.RunSettings ? Settings[run] : System.Text.Encoding.ASCII.GetBytes($"payload {payload}"),
    };

    public static Attestation Create(
        AttestationKind kind = AttestationKind.Checkpoint, int run = 0, int peer = 0, uint version = 0, int payload = 0) =>
        Sign(Unsigned(kind, run, peer, version, payload));

    public static Attestation Sign(Attestation attestation, byte variant = 0) => attestation with
    {
        Signature = Signature64.FromBytes(TestSigner.Sign(attestation.Peer, attestation.SignedBytes(), variant)),
    };

    public static AttestationSet Set(params IEnumerable<Attestation> attestations) =>
        attestations.Aggregate(AttestationSet.Bottom, (set, attestation) => set.Add(attestation).State);
}
