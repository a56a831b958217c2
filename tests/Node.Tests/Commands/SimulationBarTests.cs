using P2PLearn.Learning.Simulation;
using P2PLearn.Node.Commands;

namespace P2PLearn.Node.Tests.Commands;

public sealed class SimulationBarTests
{
    private static readonly SimulationRound Round = new()
    {
        Round = 5, Rounds = 15, VirtualSeconds = 5, BytesPerNode = 1, Present = 9, Mixed = 9, Measured = 9, AccuracyMean = 0.912, AccuracyWorst = 0.87,
    };

    [Theory]
    [InlineData(0, 0, "[........................] round 0 of 15")]
    [InlineData(5, 10, "[########................] round 5 of 15, 20 s left")]
    [InlineData(5, 3000, "[########................] round 5 of 15, 100 min left")]
    [InlineData(15, 30, "[########################] round 15 of 15")]
    public void The_bar_shows_how_far_and_how_long(int round, double seconds, string expected) =>
        Assert.Equal(expected, SimulationBar.Bar(new SimulationProgress(round, 15), null, TimeSpan.FromSeconds(seconds)));

    [Fact]
    public void It_says_the_accuracy_when_that_is_known_and_fits_a_line()
    {
        string bar = SimulationBar.Bar(new SimulationProgress(5, 15), Round, TimeSpan.FromSeconds(10));
        Assert.EndsWith("] round 5 of 15, accuracy 91.2 % (worst 87.0 %), 20 s left", bar, StringComparison.Ordinal);
        Assert.InRange(bar.Length, 1, 99);
    }

    [Fact]
    public void A_line_comes_every_ten_seconds_and_no_sooner()
    {
        var bar = new SimulationBar();
        Assert.Null(bar.NextLine(new SimulationProgress(1, 15), null, TimeSpan.FromSeconds(9)));
        Assert.Equal("round 2 of 15, 72 s left", bar.NextLine(new SimulationProgress(2, 15), null, TimeSpan.FromSeconds(11)));
        Assert.Null(bar.NextLine(new SimulationProgress(3, 15), null, TimeSpan.FromSeconds(20)));
        Assert.NotNull(bar.NextLine(new SimulationProgress(4, 15), null, TimeSpan.FromSeconds(22)));
    }
}
