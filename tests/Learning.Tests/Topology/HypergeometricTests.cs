using System.Numerics;
using P2PLearn.Learning.Topology;

namespace P2PLearn.Learning.Tests.Topology;

public sealed class HypergeometricTests
{
    [Theory]
    [InlineData(10, 2, 5)]
    [InlineData(25, 5, 8)]
    [InlineData(99, 20, 15)]
    [InlineData(7, 7, 3)]
    [InlineData(7, 0, 3)]
    [InlineData(7, 5, 6)]
    [InlineData(0, 0, 0)]
    [InlineData(200, 30, 40)]
    public void The_tail_is_the_sum_of_counted_draws(int population, int marked, int draws)
    {
        for (int bound = -1; bound <= draws; bound++)
        {
            BigInteger above = 0;
            for (int k = bound + 1; k <= draws; k++)
            {
                above += Choose(marked, k) * Choose(population - marked, draws - k);
            }

            double expected = Math.Exp(BigInteger.Log(above) - BigInteger.Log(Choose(population, draws)));
            double actual = Hypergeometric.Tail(population, marked, draws, bound);
            Assert.True(
                Math.Abs(actual - expected) <= 1e-11 * expected, $"more than {bound}: expected {expected}, got {actual}");
        }
    }

    [Fact]
    public void The_smallest_bound_is_enough_and_one_less_is_not()
    {
        foreach ((int n, int f, int s, int times) in new[] { (25, 5, 8, 300), (99, 10, 15, 1350), (10, 2, 5, 135), (50, 0, 5, 10) })
        {
            int bound = Hypergeometric.SmallestBound(n, f, s, times, 0.01);
            Assert.True(InAny(n, f, s, bound, times) < 0.01);
            Assert.True(bound == 0 || InAny(n, f, s, bound - 1, times) >= 0.01);
            Assert.InRange(bound, 0, Math.Min(f, s));
        }
    }

    [Fact]
    public void More_draws_and_a_smaller_chance_need_no_smaller_bound()
    {
        int few = Hypergeometric.SmallestBound(99, 10, 20, 10, 0.1);
        Assert.True(Hypergeometric.SmallestBound(99, 10, 20, 10_000, 0.1) > few);
        Assert.True(Hypergeometric.SmallestBound(99, 10, 20, 10, 1e-12) > few);
    }

    [Fact]
    public void Numbers_that_cannot_be_are_a_bug_and_said_so()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Hypergeometric.Tail(5, 6, 1, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hypergeometric.Tail(5, 1, 6, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hypergeometric.SmallestBound(5, 1, 1, 0, 0.1));
        Assert.Throws<ArgumentOutOfRangeException>(() => Hypergeometric.SmallestBound(5, 1, 1, 1, 0));
    }

    private static double InAny(int population, int marked, int draws, int bound, int times) =>
        1 - Math.Pow(1 - Hypergeometric.Tail(population, marked, draws, bound), times);

    private static BigInteger Choose(int total, int chosen)
    {
        if (chosen < 0 || chosen > total)
        {
            return 0;
        }

        BigInteger result = 1;
        for (int i = 1; i <= chosen; i++)
        {
            result = result * (total - i + 1) / i;
        }

        return result;
    }
}
