using CsCheck;

namespace P2PLearn.Learning.Tests;

public sealed class SeededRandomTests
{
    [Fact]
    public void The_first_outputs_follow_the_formula()
    {
        // State (1, 2, 3, 4): the first output is rotl(2·5, 7)·9 = 11520; the second has s1 = 0 and so is 0. Both by hand.
        byte[] state = new byte[SeededRandom.StateSize];
        for (int i = 0; i < 4; i++)
        {
            state[8 * i] = (byte)(i + 1);
        }

        var random = SeededRandom.FromState(state);

        Assert.Equal(11520UL, random.NextUInt64());
        Assert.Equal(0UL, random.NextUInt64());
        Assert.Equal(1509978240UL, random.NextUInt64());
    }

    [Fact]
    public void The_sequence_of_a_seed_never_changes()
    {
        var random = new SeededRandom(0);

        // Golden: a change here changes every published run.
        Assert.Equal(0x99EC5F36CB75F2B4UL, random.NextUInt64());
    }

    [Fact]
    public void A_restored_generator_continues_the_sequence()
    {
        Gen.Select(Gen.ULong, Gen.Int[0, 50]).Sample((seed, skip) =>
        {
            var first = new SeededRandom(seed);
            for (int i = 0; i < skip; i++)
            {
                first.NextUInt64();
            }

            byte[] state = new byte[SeededRandom.StateSize];
            first.SaveState(state);
            var second = SeededRandom.FromState(state);
            return first.NextUInt64() == second.NextUInt64() && first.NextGaussian() == second.NextGaussian();
        });
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(32)]
    [InlineData(33)]
    public void A_state_of_wrong_length_or_all_zero_is_refused(int length) =>
        Assert.Throws<InvalidDataException>(() => SeededRandom.FromState(new byte[length]));

    [Fact]
    public void A_bounded_integer_stays_below_its_bound() =>
        Gen.Select(Gen.ULong, Gen.Int[1, int.MaxValue]).Sample((seed, bound) =>
        {
            int value = new SeededRandom(seed).NextInt32(bound);
            return value >= 0 && value < bound;
        });

    [Fact]
    public void Bounded_integers_are_uniform()
    {
        var random = new SeededRandom(7);
        int[] counts = new int[6];
        for (int i = 0; i < 60_000; i++)
        {
            counts[random.NextInt32(6)]++;
        }

        Assert.All(counts, count => Assert.InRange(count, 9_600, 10_400)); // four standard deviations
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_bound_below_one_is_refused(int bound) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SeededRandom(1).NextInt32(bound));

    [Fact]
    public void Gaussians_have_mean_zero_and_variance_one()
    {
        var random = new SeededRandom(3);
        double sum = 0, squares = 0;
        for (int i = 0; i < 100_000; i++)
        {
            double x = random.NextGaussian();
            sum += x;
            squares += x * x;
        }

        Assert.InRange(sum / 100_000, -0.015, 0.015);
        Assert.InRange(squares / 100_000, 0.98, 1.02);
    }

    [Theory]
    [InlineData(0.1)]
    [InlineData(1.0)]
    [InlineData(5.0)]
    public void Gammas_have_the_mean_and_variance_of_their_shape(double shape)
    {
        var random = new SeededRandom(11);
        double sum = 0, squares = 0;
        for (int i = 0; i < 100_000; i++)
        {
            double x = random.NextGamma(shape);
            Assert.True(x >= 0 && double.IsFinite(x), $"draw {x}");
            sum += x;
            squares += (x - shape) * (x - shape);
        }

        Assert.InRange(sum / 100_000 / shape, 0.95, 1.05);
        Assert.InRange(squares / 100_000 / shape, 0.9, 1.1);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(double.NaN)]
    [InlineData(double.PositiveInfinity)]
    public void A_gamma_shape_that_is_not_positive_and_finite_is_refused(double shape) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new SeededRandom(1).NextGamma(shape));

    [Fact]
    public void A_shuffle_is_a_permutation() =>
        Gen.Select(Gen.ULong, Gen.Int.Array[0, 40]).Sample((seed, items) =>
        {
            int[] shuffled = [.. items];
            new SeededRandom(seed).Shuffle<int>(shuffled);
            return items.Order().SequenceEqual(shuffled.Order());
        });

    [Fact]
    public void Streams_of_one_seed_differ()
    {
        var first = Enumerable.Range(0, 1000).Select(i => SeededRandom.ForStream(1, (ulong)i).NextUInt64()).ToHashSet();
        var second = Enumerable.Range(0, 1000).Select(i => SeededRandom.ForStream(2, (ulong)i).NextUInt64());

        Assert.Equal(1000, first.Count);
        Assert.DoesNotContain(second, first.Contains);
    }
}
