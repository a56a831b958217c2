using CsCheck;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Learning.Tests.Optimizers;

public sealed class OuterOptimizerTests
{
    [Fact]
    public void A_constant_pseudo_gradient_of_one_gives_DiLoCos_steps()
    {
        var outer = new NesterovOuterOptimizer(1, new NesterovOuterOptions());
        float[] model = [0];
        double[] expected = [1.33, 1.897, 2.4073];
        foreach (double step in expected)
        {
            float[] old = [.. model];
            model[0] = old[0] - 1;
            outer.Step(old, model);
            Assert.Equal(step, old[0] - model[0], 1e-5);
        }

        for (int i = 0; i < 200; i++)
        {
            outer.Step([0], model = [-1]);
        }

        Assert.Equal(-7, model[0], 1e-4); // η / (1 − μ)
    }

    [Fact]
    public void Rate_one_without_momentum_is_averaging()
    {
        var outer = new NesterovOuterOptimizer(3, new NesterovOuterOptions { LearningRate = 1, Momentum = 0 });
        float[] mixed = [4, -2, 0.5f];

        outer.Step([1, 2, 3], mixed);

        Assert.Equal([4, -2, 0.5f], mixed);
    }

    [Fact]
    public void None_leaves_every_bit()
    {
        var outer = new NoOuterOptimizer();
        float[] mixed = [0.1f, float.NaN];

        outer.Step([7, 7], mixed);
        outer.SaveState([]);
        outer.RestoreState([]);

        Assert.Equal([0.1f, float.NaN], mixed);
        Assert.Throws<InvalidDataException>(() => outer.RestoreState([1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Step([7], mixed));
    }

    [Fact]
    public void The_fast_step_is_the_formula_in_double() =>
        Gen.Select(Gen.Int[1, 3000], Gen.ULong, Gen.Float[0.1f, 1], Gen.Float[0, 0.95f]).Sample(
            (count, seed, rate, mu) =>
            {
                var random = new SeededRandom(seed);
                float[] Vector() => [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
                var outer = new NesterovOuterOptimizer(count, new NesterovOuterOptions { LearningRate = rate, Momentum = mu });
                double[] momentum = new double[count];
                float[] old = Vector();
                double worst = 0;
                for (int round = 0; round < 4; round++)
                {
                    float[] mixed = Vector();
                    float[] result = [.. mixed];
                    outer.Step(old, result);
                    for (int i = 0; i < count; i++)
                    {
                        double d = (double)old[i] - mixed[i];
                        momentum[i] = (mu * momentum[i]) + d;
                        worst = Math.Max(worst, Math.Abs(old[i] - (rate * (d + (mu * momentum[i]))) - result[i]));
                    }

                    old = result;
                }

                return worst < 1e-4;
            },
            iter: 40);

    [Fact]
    public void The_momentum_outlives_a_restart_bit_for_bit()
    {
        var first = new NesterovOuterOptimizer(2000, new NesterovOuterOptions());
        float[] old = [.. Enumerable.Range(0, 2000).Select(i => MathF.Sin(i))];
        float[] mixed = [.. old.Select(x => x * 0.9f)];
        first.Step(old, mixed);
        byte[] state = new byte[first.StateSize];
        first.SaveState(state);
        var second = new NesterovOuterOptimizer(2000, new NesterovOuterOptions());
        second.RestoreState(state);
        float[] mine = [.. old];
        float[] other = [.. old];

        first.Step(mixed, mine);
        second.Step(mixed, other);

        Assert.Equal(mine, other);
        Assert.Throws<InvalidDataException>(() => second.RestoreState(state.AsSpan(4)));
    }

    [Fact]
    public void A_step_allocates_nothing()
    {
        var outer = new NesterovOuterOptimizer(5000, new NesterovOuterOptions());
        float[] old = new float[5000];
        float[] mixed = new float[5000];
        outer.Step(old, mixed);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 0; i < 100; i++)
        {
            outer.Step(old, mixed);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 99); // a few bytes once are the runtime's own
    }

    [Fact]
    public void Names_and_ranges_are_checked()
    {
        var options = new NesterovOuterOptions();
        Assert.All(OuterOptimizers.Names, name => Assert.Equal(name, OuterOptimizers.Create(name, 3, options).Name));
        Assert.StartsWith(
            "unknown outer optimizer 'adam'; known are nesterov, none",
            Assert.Throws<ArgumentException>(() => OuterOptimizers.Create("adam", 3, options)).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => new NesterovOuterOptions { Momentum = 1 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new NesterovOuterOptions { LearningRate = 0 }.Validate());
        var outer = new NesterovOuterOptimizer(3, options);
        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Step(new float[2], new float[3]));
        Assert.Throws<ArgumentOutOfRangeException>(() => outer.Step(new float[3], new float[2]));
    }
}
