using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Contributions;

/// <summary>
/// The bytes on the wire. The files were made from the wire text by a program that shares no code with this project;
/// a change to one is a change of the format, and needs a new version number.
/// </summary>
public sealed class GoldenTests
{
    private static readonly RunId Run = RunId.Of("golden run"u8);
    private static readonly ReplicaId Peer = Ed25519Peer(0);
    private static readonly Hash256 Layout = Hash256.Of("layout"u8);

    private static readonly Contribution Full = new()
    {
        Run = Run,
        Round = 7,
        Peer = Peer,
        Root = Hash256.Of("model 1"u8),
        LayoutHash = Layout,
        ModelBytes = 318_040,
        SampleCount = 6_000,
        Signature = Signature64.FromBytes([.. Enumerable.Repeat((byte)0xaa, Signature64.Size)]),
    };

    private static readonly Contribution Delta = Full with
    {
        Round = 300,
        Root = Hash256.Of("model 2"u8),
        Base = Hash256.Of("model 0"u8),
        Codec = (ModelCodec)3,
        ModelBytes = 1UL << 40,
        SampleCount = uint.MaxValue,
        Signature = Signature64.FromBytes([.. Enumerable.Range(0, Signature64.Size).Select(i => (byte)i)]),
    };

    [Fact]
    public void A_contribution_has_the_bytes_of_the_wire_text()
    {
        AssertGolden("contribution-full", Full);
        AssertGolden("contribution-delta", Delta);
    }

    [Fact]
    public void What_is_signed_has_the_bytes_of_the_wire_text()
    {
        Assert.Equal(Golden("contribution-full-signed"), Full.SignedBytes());
        Assert.Equal(Golden("contribution-delta-signed"), Delta.SignedBytes());
        Assert.Equal(
            Contribution.MaxSignedBytes,
            (Delta with { Peer = ReplicaId.FromBytes(new byte[ReplicaId.MaxBytes]) }).SignedBytes().Length);
    }

    [Fact]
    public void A_set_has_the_bytes_of_the_wire_text()
    {
        ContributionSet set = Samples.Set(Full, Delta with { Round = 7 }, Full with { Peer = Ed25519Peer(1) }, Delta)
            .Prune(Run, 2).State
            .Prune(RunId.Of("golden run 2"u8), 5).State;

        AssertGolden("contribution-set", set);
        AssertGolden("contribution-set-empty", ContributionSet.Bottom);
    }

    private static ReplicaId Ed25519Peer(byte start) => ReplicaId.FromBytes(
        [0x00, 0x24, 0x08, 0x01, 0x12, 0x20, .. Enumerable.Range(start, 32).Select(i => (byte)i)]);

    private static void AssertGolden(string name, Contribution value)
    {
        Assert.Equal(Golden(name), ContributionCodec.Encode(value));
        Assert.True(ContributionCodec.TryDecode(Golden(name), CrdtLimits.Default, out Contribution? read, out _));
        Assert.Equal(value, read);
    }

    private static void AssertGolden(string name, ContributionSet value)
    {
        Assert.Equal(Golden(name), ContributionSetCodec.Encode(value));
        Assert.True(ContributionSetCodec.TryDecode(Golden(name), ContributionLimits.Default, out ContributionSet? read, out _));
        Assert.Equal(value, read);
    }

    private static byte[] Golden(string name) => Convert.FromHexString(
        string.Concat(File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Golden", name + ".hex"))));
}
