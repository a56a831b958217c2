using CsCheck;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Crdt.Tests.Contributions;

/// <summary>Contributions from small ranges, so that random ones collide, conflict and repeat.</summary>
internal static class Samples
{
    public static readonly RunId FirstRun = RunId.Of("run 1"u8);
    public static readonly RunId SecondRun = RunId.Of("run 2"u8);

    /// <summary>
    /// Any contribution, signed by its peer; one in eight with another valid signature of the same statement.
    /// </summary>
    public static Gen<Contribution> Signed { get; } =
        from run in Gen.Int[0, 1]
        from round in Gen.UInt[0, 5]
        from peer in Gen.Int[0, 3]
        from model in Gen.Int[0, 4]
        from samples in Gen.Frequency((7, Gen.Const(100u)), (1, Gen.Const(101u)))
        from variant in Gen.Frequency((7, Gen.Const((byte)0)), (1, Gen.Const((byte)1)))
        select Sign(Unsigned(run, round, peer, model) with { SampleCount = samples }, variant);

    public static Contribution Unsigned(int run = 0, uint round = 0, int peer = 0, int model = 0) => new()
    {
        Run = run == 0 ? FirstRun : SecondRun,
        Round = round,
        Peer = Peer(peer),
        Root = Hash256.Of([(byte)model]),
        Base = model % 2 == 0 ? null : Hash256.Of("base"u8),
        LayoutHash = Hash256.Of("layout"u8),
        ModelBytes = 318_040,
        SampleCount = 100,
    };

    public static Contribution Create(int run = 0, uint round = 0, int peer = 0, int model = 0) =>
        Sign(Unsigned(run, round, peer, model));

    public static Contribution Sign(Contribution contribution, byte variant = 0) => contribution with
    {
        Signature = Signature64.FromBytes(TestSigner.Sign(contribution.Peer, contribution.SignedBytes(), variant)),
    };

    public static ReplicaId Peer(int index) => ReplicaId.FromText($"peer {index}");

    public static ContributionSet Set(params IEnumerable<Contribution> contributions) =>
        contributions.Aggregate(ContributionSet.Bottom, (set, contribution) => set.Add(contribution).State);
}
