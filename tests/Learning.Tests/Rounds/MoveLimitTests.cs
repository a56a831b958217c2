using P2PLearn.Learning.Aggregation;
using P2PLearn.Learning.Rounds;

namespace P2PLearn.Learning.Tests.Rounds;

public sealed class MoveLimitTests
{
    private static readonly RoundPlan Once = new(20, 1);

    [Fact]
    public void Three_times_as_far_as_the_median_of_the_last_five_is_far_enough()
    {
        var limit = new MoveLimit(Once, 3);
        Assert.Equal([1, 1, 1, 1, 1], Ways(limit, 1, 5, 2, 3, 4)); // medians 1 and 5, 2 and 3: 9 at least
        Assert.Equal([0.9, 1], Ways(limit, 10, 9)); // of 1 to 5, of 2 to 5 and 9
        Assert.Equal(0.5, Ways(limit, 24)[0], 1e-6); // of 2, 3, 4, 9 and 9
    }

    [Fact]
    public void The_first_two_go_as_far_as_they_like()
    {
        Assert.Equal([1, 1, 1e-6], Ways(new MoveLimit(Once, 3), 1e-3f, 1e6f, 3e12f), (a, b) => Math.Abs(a - b) < 1e-9);
    }

    [Fact]
    public void The_model_stops_where_the_limit_is()
    {
        var limit = new MoveLimit(Once, 3);
        Ways(limit, 1, 1, 1);
        float[] own = [1, 2, 3];
        float[] mixed = [1, 2, 33];
        Assert.Equal(0.1, limit.Apply(4, own, mixed), 1e-6);
        Assert.Equal([1, 2, 6], mixed);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    [InlineData(float.MaxValue)]
    public void What_is_no_model_moves_nobody(float value)
    {
        var limit = new MoveLimit(Once, 3);
        Ways(limit, 1, 1, 1);
        float[] mixed = [value, 2, -value];
        Assert.Equal(0, limit.Apply(4, [1, 2, 3], mixed));
        Assert.Equal([1, 2, 3], mixed);
        Assert.Equal([1, 0.5], Ways(limit, 3, 6)); // and it is not remembered
    }

    [Fact]
    public void Who_has_far_to_go_goes_farther_each_time()
    {
        var limit = new MoveLimit(Once, 3);
        Ways(limit, 1, 1, 1, 1, 1);
        double gone = 0;
        int rounds = 0;
        while (gone < 1000)
        {
            gone += Ways(limit, 1000)[0] * 1000;
            rounds++;
        }

        Assert.InRange(rounds, 5, 20);
    }

    [Fact]
    public void Ways_of_no_length_are_not_remembered()
    {
        var limit = new MoveLimit(Once, 3);
        Assert.Equal([1, 1, 1, 1, 1, 1, 1, 1, 0.5], Ways(limit, 1, 0, 1, 0, 0, 0, 0, 0, 6));
    }

    [Fact]
    public void Each_place_among_k_mixings_has_its_own_memory()
    {
        var limit = new MoveLimit(new RoundPlan(20, 2), 3);
        for (int round = 1; round <= 8; round++)
        {
            Assert.Equal(1, Way(limit, round, round % 2 == 1 ? 100 : 1)); // from the local steps of others, then from what is left
        }

        Assert.Equal(1, Way(limit, 9, 299));
        Assert.Equal(0.5, Way(limit, 10, 6));
    }

    [Fact]
    public void Who_has_taken_over_another_model_has_no_past()
    {
        var limit = new MoveLimit(Once, 3);
        Ways(limit, 1, 1, 1);
        limit.Forget();
        Assert.Equal([1, 1, 0.5], Ways(limit, 50, 50, 300));
    }

    [Fact]
    public void The_plain_mean_and_a_factor_of_0_have_none()
    {
        Assert.Null(MoveLimit.For(new Mean(), Once, 3));
        Assert.Null(MoveLimit.For(new Nna(1), Once, 0));
        Assert.NotNull(MoveLimit.For(new Nna(1), Once, 3));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MoveLimit(Once, 0.5));
        Assert.Throws<ArgumentOutOfRangeException>(() => new MoveLimit(Once, double.NaN));
    }

    [Fact]
    public void Nothing_is_allocated()
    {
        var limit = new MoveLimit(Once, 3);
        float[] own = new float[100_000];
        float[] mixed = new float[100_000];
        Work(1);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int round = 2; round <= 50; round++)
        {
            Work(round);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100); // once: the runtime's own

        void Work(int round)
        {
            mixed.AsSpan().Fill(round % 7 == 0 ? 100 : 1);
            limit.Apply(round, own, mixed);
        }
    }

    private static double[] Ways(MoveLimit limit, params float[] ways) => [.. ways.Select(way => Way(limit, 1, way))];

    private static double Way(MoveLimit limit, int round, float way) => limit.Apply(round, [0, 1], [way, 1]);
}
