using P2PLearn.Actors.Exchange;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;

namespace P2PLearn.Actors.Tests.Exchange;

public sealed class ContributionChecksTests
{
    private static readonly Contribution Good = new()
    {
        Run = RunId.Of([1]),
        Round = 3,
        Peer = ReplicaId.FromText("a"),
        Root = Hash256.Of([1]),
        LayoutHash = Hash256.Of([2]),
        ModelBytes = 40,
        SampleCount = 1,
    };

    [Fact]
    public void A_good_contribution_has_no_fault() => Assert.Null(FaultOf(Good));

    [Fact]
    public void Each_claim_is_checked()
    {
        Assert.Equal("run", FaultOf(Good with { Run = RunId.Of([9]) }));
        Assert.Equal("layout", FaultOf(Good with { LayoutHash = Hash256.Of([9]) }));
        Assert.Equal("codec", FaultOf(Good with { Codec = ModelCodec.Float16 }));
        Assert.Equal("codec", FaultOf(Good, ModelCodec.Float16, 20));
        Assert.Equal("length", FaultOf(Good with { Codec = ModelCodec.Float16 }, ModelCodec.Float16, 20));
        Assert.Null(FaultOf(Good with { Codec = ModelCodec.Float16, ModelBytes = 20 }, ModelCodec.Float16, 20));
        Assert.Equal("codec", FaultOf(Good with { Base = Hash256.Of([9]) }));
        Assert.Equal("length", FaultOf(Good with { ModelBytes = 41 }));
        Assert.Equal("length", FaultOf(Good with { ModelBytes = ulong.MaxValue }));
    }

    [Theory]
    [InlineData(float.NaN, "finite")]
    [InlineData(float.PositiveInfinity, "finite")]
    [InlineData(float.NegativeInfinity, "finite")]
    [InlineData(1e30f, "norm")]
    [InlineData(1e8f, "norm")]
    [InlineData(100f, null)]
    public void Each_float_is_checked(float value, string? fault)
    {
        for (int at = 0; at < 37; at++)
        {
            float[] model = new float[37];
            model[at] = value;
            Assert.Equal(fault, ContributionChecks.FindFault(model));
        }
    }

    private static string? FaultOf(Contribution contribution, ModelCodec codec = ModelCodec.Float32, int modelBytes = 40) =>
        ContributionChecks.FindFault(contribution, Good.Run, Good.LayoutHash, codec, modelBytes);
}
