using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Attestations;

/// <summary>
/// The bytes on the wire. The files were made from the wire text by a program that shares no code with this project;
/// a change to one is a change of the format, and needs a new version number.
/// </summary>
public sealed class AttestationGoldenTests
{
    private static readonly Signature64 Constant = Signature64.FromBytes([.. Enumerable.Repeat((byte)0xaa, Signature64.Size)]);
    private static readonly Signature64 Rising =
        Signature64.FromBytes([.. Enumerable.Range(0, Signature64.Size).Select(i => (byte)i)]);

    private static readonly Attestation Settings = new()
    {
        Kind = AttestationKind.RunSettings,
        Run = RunId.Of("golden settings"u8),
        Peer = Ed25519Peer(0),
        Version = 7,
        Payload = "golden settings"u8.ToArray(),
        Signature = Constant,
    };

    private static readonly Attestation Checkpoint = Settings with
    {
        Kind = AttestationKind.Checkpoint,
        Peer = Ed25519Peer(1),
        Version = 300,
        Payload = Enumerable.Range(0, Attestation.MaxPayloadBytes).Select(i => (byte)i).ToArray(),
        Signature = Rising,
    };

    [Fact]
    public void An_attestation_has_the_bytes_of_the_wire_text()
    {
        AssertGolden("attestation-settings", Settings);
        AssertGolden("attestation-checkpoint", Checkpoint);
    }

    [Fact]
    public void What_is_signed_has_the_bytes_of_the_wire_text()
    {
        Assert.Equal(Golden("attestation-settings-signed"), Settings.SignedBytes());
        Assert.Equal(Golden("attestation-checkpoint-signed"), Checkpoint.SignedBytes());
        Assert.Equal(
            Attestation.MaxSignedBytes,
            (Checkpoint with { Peer = ReplicaId.FromBytes(new byte[ReplicaId.MaxBytes]) }).SignedBytes().Length);
    }

    [Fact]
    public void A_set_has_the_bytes_of_the_wire_text()
    {
        Attestation first = Checkpoint with { Peer = Ed25519Peer(0), Signature = Constant };
        AssertGolden("attestation-set", AttestationSamples.Set(
            Settings,
            first with { Version = 1, Payload = Text("one") },
            first with { Version = 2, Payload = Text("two") },
            first with { Version = uint.MaxValue, Payload = default },
            Checkpoint with { Payload = Text("three hundred") },
            first with { Run = RunId.Of("golden run 2"u8), Version = 70_000, Payload = Text("other run"), Signature = Rising },
            first with { Kind = AttestationKind.Reputation, Version = 9, Payload = Text("good"), Signature = Rising }));
        AssertGolden("attestation-set-empty", AttestationSet.Bottom);
    }

    private static ReadOnlyMemory<byte> Text(string text) => System.Text.Encoding.ASCII.GetBytes(text);

    private static ReplicaId Ed25519Peer(byte start) => ReplicaId.FromBytes(
        [0x00, 0x24, 0x08, 0x01, 0x12, 0x20, .. Enumerable.Range(start, 32).Select(i => (byte)i)]);

    private static void AssertGolden(string name, Attestation value)
    {
        Assert.Equal(Golden(name), AttestationCodec.Encode(value));
        Assert.True(AttestationCodec.TryDecode(Golden(name), CrdtLimits.Default, out Attestation? read, out _));
        Assert.Equal(value, read);
    }

    private static void AssertGolden(string name, AttestationSet value)
    {
        Assert.Equal(Golden(name), AttestationSetCodec.Encode(value));
        Assert.True(AttestationSetCodec.TryDecode(Golden(name), AttestationLimits.Default, out AttestationSet? read, out _));
        Assert.Equal(value, read);
        Assert.Equal(Hash256.Of(Golden(name)), value.Digest());
    }

    private static byte[] Golden(string name) => Convert.FromHexString(
        string.Concat(File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".hex"))));
}
