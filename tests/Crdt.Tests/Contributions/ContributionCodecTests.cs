using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Contributions;

public sealed class ContributionCodecTests
{
    [Fact]
    public void A_set_with_an_equivocation_and_a_watermark_round_trips()
    {
        ContributionSet set = Samples.Set(
                Samples.Create(round: 4), Samples.Create(round: 4, model: 1), Samples.Create(run: 1, round: 300, peer: 2))
            .Prune(Samples.FirstRun, 2).State;

        byte[] bytes = ContributionSetCodec.Encode(set);
        Assert.True(ContributionSetCodec.TryDecode(bytes, ContributionLimits.Default, out ContributionSet? read, out _));
        Assert.Equal(set, read);
        Assert.Equal(bytes, ContributionSetCodec.Encode(read));
    }

    [Fact]
    public void A_contribution_round_trips()
    {
        Contribution contribution = Samples.Create(model: 1) with { Codec = (ModelCodec)200 };

        byte[] bytes = ContributionCodec.Encode(contribution);
        Assert.True(ContributionCodec.TryDecode(bytes, CrdtLimits.Default, out Contribution? read, out DecodeError error));
        Assert.Equal(contribution, read);
        Assert.Equal(DecodeError.None, error);
    }
}
