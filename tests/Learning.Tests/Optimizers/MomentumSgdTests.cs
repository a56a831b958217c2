using CsCheck;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Learning.Tests.Optimizers;

public sealed class MomentumSgdTests
{
    [Fact]
    public void Two_steps_by_hand()
    {
        var schedule = new StepDecaySchedule { InitialRate = 1, PeriodSteps = 1 };
        var optimizer = new MomentumSgd(1, new MomentumSgdOptions { Momentum = 0.5f, Schedule = schedule });
        float[] theta = [10];

        optimizer.Step(theta, [4], step: 0); // m = 2, γ = 1
        Assert.Equal([8], theta);

        optimizer.Step(theta, [4], step: 1); // m = 1 + 2, γ = 1/2
        Assert.Equal([6.5f], theta);
        Assert.Equal([3], optimizer.Momentum.ToArray());
    }

    [Fact]
    public void The_fast_step_is_the_formula_in_double() =>
        Gen.Select(Gen.Int[1, 3000], Gen.ULong, Gen.Float[0, 0.99f], Gen.Float[0, 0.1f]).Sample(
            (count, seed, beta, decay) =>
            {
                var random = new SeededRandom(seed);
                float[] theta = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
                float[] gradient = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
                double[] expected = [.. theta.Select(v => (double)v)];
                double[] momentum = new double[count];
                var optimizer = new MomentumSgd(count, new MomentumSgdOptions { Momentum = beta, WeightDecay = decay });
                for (int step = 0; step < 3; step++)
                {
                    optimizer.Step(theta, gradient, step);
                    for (int i = 0; i < count; i++)
                    {
                        momentum[i] = (beta * momentum[i]) + ((1 - beta) * (gradient[i] + (decay * expected[i])));
                        expected[i] -= 0.75 * momentum[i];
                    }
                }

                return theta.Zip(expected).All(pair => Math.Abs(pair.First - pair.Second) < 1e-5);
            },
            iter: 50);

    [Fact]
    public void A_gradient_beyond_the_limit_is_shortened_to_it_and_keeps_its_direction()
    {
        var options = new MomentumSgdOptions { Momentum = 0, MaxGradientNorm = 1, Schedule = new ConstantSchedule { Rate = 1 } };
        var optimizer = new MomentumSgd(2, options);
        float[] theta = [0, 0];

        optimizer.Step(theta, [30, 40], 0);
        Assert.Equal(-0.6f, theta[0], 1e-6f);
        Assert.Equal(-0.8f, theta[1], 1e-6f);

        theta = [0, 0];
        optimizer.Step(theta, [0.3f, 0.4f], 1); // within the limit: as it is
        Assert.Equal([-0.3f, -0.4f], theta);
    }

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.PositiveInfinity)]
    public void Clipping_does_not_hide_a_gradient_that_is_not_finite(float defect)
    {
        var optimizer = new MomentumSgd(2, new MomentumSgdOptions { MaxGradientNorm = 1 });
        float[] theta = [0, 0];

        optimizer.Step(theta, [defect, 1], 0);

        Assert.False(float.IsFinite(theta[0]));
    }

    [Theory]
    [InlineData(0, 0.75)]
    [InlineData(49, 0.75)]
    [InlineData(50, 0.375)]
    [InlineData(599, 0.0625)]
    public void The_rate_drops_every_fifty_steps(long step, double expected) =>
        Assert.Equal(expected, new StepDecaySchedule().RateAt(step), 1e-12);

    [Fact]
    public void A_restored_state_goes_on_bit_for_bit()
    {
        var first = new MomentumSgd(5, new MomentumSgdOptions());
        float[] theta = [1, 2, 3, 4, 5];
        first.Step(theta, [5, 4, 3, 2, 1], 0);
        byte[] state = new byte[first.StateSize];
        first.SaveState(state);
        var second = new MomentumSgd(5, new MomentumSgdOptions());
        second.RestoreState(state);
        float[] other = [.. theta];

        first.Step(theta, [1, 1, 1, 1, 1], 1);
        second.Step(other, [1, 1, 1, 1, 1], 1);

        Assert.Equal(theta, other);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(19)]
    [InlineData(21)]
    public void A_state_of_another_length_is_refused(int length) =>
        Assert.Throws<InvalidDataException>(() => new MomentumSgd(5, new MomentumSgdOptions()).RestoreState(new byte[length]));

    [Fact]
    public void Vectors_of_another_length_are_refused()
    {
        var optimizer = new MomentumSgd(5, new MomentumSgdOptions());

        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Step(new float[4], new float[5], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Step(new float[5], new float[6], 0));
    }

    public static TheoryData<MomentumSgdOptions> WrongOptions =>
    [
        new MomentumSgdOptions { Momentum = 1 },
        new MomentumSgdOptions { Momentum = -0.1f },
        new MomentumSgdOptions { Momentum = float.NaN },
        new MomentumSgdOptions { WeightDecay = -1 },
        new MomentumSgdOptions { WeightDecay = float.PositiveInfinity },
        new MomentumSgdOptions { MaxGradientNorm = -1 },
        new MomentumSgdOptions { Schedule = new StepDecaySchedule { InitialRate = 0 } },
        new MomentumSgdOptions { Schedule = new StepDecaySchedule { InitialRate = double.NaN } },
        new MomentumSgdOptions { Schedule = new StepDecaySchedule { PeriodSteps = 0 } },
    ];

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void Options_out_of_range_are_refused(MomentumSgdOptions options) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new MomentumSgd(5, options));

    [Fact]
    public void A_step_allocates_nothing()
    {
        var optimizer = new MomentumSgd(5000, new MomentumSgdOptions());
        float[] theta = new float[5000];
        optimizer.Step(theta, theta, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 1; i < 100; i++)
        {
            optimizer.Step(theta, theta, i);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 99); // a few bytes once are the runtime's own
    }
}
