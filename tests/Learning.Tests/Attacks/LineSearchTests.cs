using P2PLearn.Learning.Attacks;

namespace P2PLearn.Learning.Tests.Attacks;

public sealed class LineSearchTests
{
    [Fact]
    public void It_tries_what_the_reference_tries()
    {
        // Worked by hand from the description: 0, then 1, 3 and 7 while it helps, then steps of 0.8, never below 0.
        var tried = new List<double>();
        double best = LineSearch.Maximize(
            z =>
            {
                tried.Add(Math.Round(z, 4));
                return -(z - 4) * (z - 4);
            },
            8);

        // 7 is no better than 3: step 4·0.8 = 3.2. From 7 back to 3.8, which is better; then back and forth around it in
        // smaller steps, on the side where the last trial was.
        Assert.Equal([0, 1, 3, 7, 3.8, 1.24, 3.288, 4.9264], tried);
        Assert.Equal(3.8, best, 10);
    }

    [Fact]
    public void A_trial_below_zero_is_halved_back()
    {
        var tried = new List<double>();
        LineSearch.Maximize(
            z =>
            {
                tried.Add(z);
                return -z;
            },
            16);
        Assert.Equal(16, tried.Count);
        Assert.All(tried, z => Assert.True(z >= 0));
    }

    [Fact]
    public void A_function_that_grows_for_ever_takes_all_evaluations()
    {
        Assert.Equal(32767, LineSearch.Maximize(z => z, 16));
        Assert.Equal(0, LineSearch.Maximize(_ => double.NaN, 16));
    }
}
