using P2PLearn.Learning.Detection;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Detection;

public sealed class FaultEstimatorTests
{
    private static readonly Participant Self = new("self");
    private static readonly FaultEstimatorOptions Options = new();

    [Fact]
    public void Three_far_peers_are_said_to_be_more_than_one()
    {
        FaultEstimate estimate = Estimate(History(honest: 7, byzantine: 3, seed: 1, factor: 4), declared: 1);
        Assert.True(estimate.IsDeclaredTooSmall);
        Assert.Equal(3, estimate.Suggested);
        Assert.Equal(
            "declared f = 1, but 3 peers look like outliers over 10 rounds: x0 (far in 10 of 10), x1 (far in 10 of 10), x2 (far in 10 of 10)",
            estimate.Describe());
    }

    [Fact]
    public void As_many_as_declared_is_no_warning()
    {
        FaultEstimate estimate = Estimate(History(honest: 7, byzantine: 1, seed: 1, factor: 4), declared: 1);
        Assert.False(estimate.IsDeclaredTooSmall);
        Assert.Equal("declared f = 1, and 1 peer looks like an outlier over 10 rounds: x0 (far in 10 of 10)", estimate.Describe());
        Assert.Equal(2, Estimate(History(honest: 7, byzantine: 0, seed: 1), declared: 2).Suggested);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(0.3)]
    public void Uneven_honest_data_seldom_raise_an_alarm(double unevenness)
    {
        // Each honest peer has a distance of its own, log-normal around the others', and noise in each round on top: 400 peers are judged.
        int alarms = Enumerable.Range(1, 40).Sum(seed =>
            Estimate(History(10, 0, (ulong)seed, unevenness: unevenness), 1).Suspects.Count);
        Assert.InRange(alarms, 0, unevenness < 0.2 ? 0 : 8);
    }

    [Theory]
    [InlineData(0.1, 38)]
    [InlineData(0.3, 26)]
    public void Attackers_are_found_among_somewhat_uneven_honest_data(double unevenness, int atLeast)
    {
        // More than a quarter of the peers attack, which widens the spread that they are measured by: at 0.3 they hide in it in a quarter of the runs.
        int found = Enumerable.Range(1, 40).Count(seed =>
            Estimate(History(8, 3, (ulong)seed, factor: 6, unevenness: unevenness), 1).Suspects.Count(s => s.Participant.Id[0] == 'x') == 3);
        Assert.InRange(found, atLeast, 40);
    }

    [Fact]
    public void A_watch_warns_once_for_the_same_suspects_and_again_when_they_come_back()
    {
        var watch = new FaultWatch(Self, 1, Options);
        MixOutcome[] attacked = History(7, 3, seed: 1, factor: 9);
        int[] warned = [.. Enumerable.Range(0, 10).Where(i => watch.Note(attacked[i]) is not null)];
        Assert.Equal([4], warned); // judged from the fifth round on
        Assert.All(History(7, 3, seed: 2), mix => Assert.Null(watch.Note(mix)));
        FaultEstimate[] again = [.. attacked.Select(watch.Note).OfType<FaultEstimate>()];
        Assert.Equal(3, Assert.Single(again).Suspects.Count);
        var declared = new FaultWatch(Self, 3, Options);
        Assert.All(attacked, mix => Assert.Null(declared.Note(mix)));
    }

    [Fact]
    public void One_bad_round_is_no_proof()
    {
        MixOutcome[] history = History(8, 0, seed: 3);
        history[4] = new MixOutcome([.. history[4].Contributors.Select(c => c.Participant.Id == "h2" ? c with { Distance = 1000 } : c)]);
        Assert.Empty(Estimate(history, 1).Suspects);
    }

    [Fact]
    public void Those_who_send_one_vector_are_twins_however_near_they_are()
    {
        MixOutcome[] history = [.. History(7, 2, seed: 4).Select((mix, round) => new MixOutcome(
            [.. mix.Contributors.Select(c => c.Participant.Id[0] == 'x' ? c with { Distance = 6.5f + round } : c)]))];
        FaultEstimate estimate = Estimate(history, 1);
        Assert.Equal(["x0", "x1"], estimate.Suspects.Select(s => s.Participant.Id));
        Assert.EndsWith("x0 (same vector as another in 10 of 10), x1 (same vector as another in 10 of 10)", estimate.Describe());
    }

    [Fact]
    public void Not_finite_is_far_and_hides_nobody()
    {
        MixOutcome[] history = [.. History(6, 3, seed: 5).Select(mix => new MixOutcome(
            [.. mix.Contributors.Select(c => c.Participant.Id[0] == 'x' ? c with { Distance = float.PositiveInfinity } : c)]))];
        Assert.Equal(["x0", "x1", "x2"], Estimate(history, 0).Suspects.Select(s => s.Participant.Id));
    }

    [Fact]
    public void Too_few_rounds_or_peers_say_nothing()
    {
        Assert.Empty(Estimate(History(7, 2, seed: 6, factor: 9)[..4], 1).Suspects);
        Assert.Empty(Estimate(History(1, 1, seed: 6, factor: 9), 1).Suspects);
        FaultEstimate nothing = Estimate([], 1);
        Assert.Equal("declared f = 1, and 0 peers look like outliers over 0 rounds", nothing.Describe());
    }

    [Fact]
    public void Copies_of_the_pivot_say_nothing_about_the_others()
    {
        MixOutcome[] history = [.. History(5, 0, seed: 6).Select(mix => new MixOutcome(
            [.. mix.Contributors.Select(c => c.Participant.Id is "h0" or "h1" or "h2" ? c with { Distance = 0 } : c)]))];
        Assert.Empty(Estimate(history, 1).Suspects);
    }

    [Fact]
    public void Only_the_last_rounds_count()
    {
        MixOutcome[] history = [.. History(7, 2, seed: 7, factor: 9), .. History(7, 2, seed: 8)];
        Assert.Empty(Estimate(history, 1).Suspects);
        Assert.Equal(10, Estimate(history, 1).Rounds);
    }

    [Fact]
    public void The_pivot_is_not_judged_and_rejections_are_counted()
    {
        FaultEstimate estimate = Estimate(History(7, 1, seed: 9, factor: 9), 0);
        Assert.Equal(new PeerStanding(new Participant("x0"), 10, 10, 0, 10), Assert.Single(estimate.Suspects));
    }

    [Fact]
    public void Options_out_of_range_are_refused()
    {
        foreach (FaultEstimatorOptions bad in new[]
        {
            Options with { Window = 0 }, Options with { FewestRounds = 0 }, Options with { Spreads = 0 }, Options with { Spreads = double.NaN },
            Options with { LeastSpread = -1 }, Options with { Share = 1 },
        })
        {
            Assert.Throws<ArgumentException>(() => FaultEstimator.Estimate([], Self, 0, bad));
        }
    }

    private static FaultEstimate Estimate(MixOutcome[] history, int declared) =>
        FaultEstimator.Estimate(history, Self, declared, Options);

    // Ten rounds of distances around 10, which those of the Byzantine are so many times.
    private static MixOutcome[] History(int honest, int byzantine, ulong seed, double factor = 1, double unevenness = 0)
    {
        var random = new SeededRandom(seed);
        double[] own = [.. Enumerable.Range(0, honest).Select(_ => Math.Exp(unevenness * random.NextGaussian()))];
        return [.. Enumerable.Range(0, 10).Select(_ => new MixOutcome(
        [
            new ContributorOutcome(Self, 0, 1),
            .. own.Select((scale, i) => new ContributorOutcome(new Participant($"h{i}"), Distance(scale), 1)),
            .. Enumerable.Range(0, byzantine).Select(i => new ContributorOutcome(
                new Participant($"x{i}"), Distance(factor), factor > 1 ? 0 : 1)),
        ]))];

        float Distance(double scale) => (float)(10 * scale * (1 + (0.03 * random.NextGaussian())));
    }
}
