using CsCheck;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Learning.Tests.Optimizers;

public sealed class AdamTests
{
    [Fact]
    public void The_first_step_is_as_long_as_the_learning_rate()
    {
        var optimizer = new Adam(3, new AdamOptions { Schedule = new ConstantSchedule { Rate = 0.1 } });
        float[] theta = [1, 1, 1];

        optimizer.Step(theta, [1e-4f, -500, 0], step: 0);

        Assert.Equal(0.9f, theta[0], 1e-4f);
        Assert.Equal(1.1f, theta[1], 1e-4f);
        Assert.Equal(1f, theta[2]);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void The_fast_step_is_the_algorithm_in_double(bool decoupled) =>
        Gen.Select(Gen.Int[1, 3000], Gen.ULong, Gen.Float[0, 0.1f], Gen.Double[0.1, 100]).Sample(
            (count, seed, decay, maxNorm) =>
            {
                var random = new SeededRandom(seed);
                float[] theta = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
                var options = new AdamOptions
                {
                    WeightDecay = decay,
                    Decoupled = decoupled,
                    MaxGradientNorm = maxNorm,
                    Schedule = new CosineSchedule { InitialRate = 0.01, TotalSteps = 10 },
                };
                var optimizer = new Adam(count, options);
                var oracle = new Oracle(theta, options);
                for (int step = 0; step < 5; step++)
                {
                    float[] gradient = [.. Enumerable.Range(0, count).Select(_ => (float)random.NextGaussian())];
                    optimizer.Step(theta, gradient, step);
                    oracle.Step(gradient, step);
                }

                return theta.Zip(oracle.Theta).All(pair => Math.Abs(pair.First - pair.Second) < 2e-5);
            },
            iter: 40);

    [Fact]
    public void Decoupled_decay_shrinks_the_weights_that_have_no_gradient()
    {
        var optimizer = new Adam(1, new AdamOptions { WeightDecay = 0.5f, Schedule = new ConstantSchedule { Rate = 0.1 } });
        float[] theta = [2];

        optimizer.Step(theta, [0], 0);

        Assert.Equal(2 * 0.95f, theta[0], 1e-6f);
        Assert.Equal("adamw", optimizer.Name);
        Assert.Equal("adam", new Adam(1, new AdamOptions { Decoupled = false }).Name);
    }

    [Fact]
    public void A_node_that_joins_late_corrects_the_bias_of_its_own_steps()
    {
        var early = new Adam(1, new AdamOptions());
        var late = new Adam(1, new AdamOptions());
        float[] first = [1];
        float[] second = [1];

        early.Step(first, [3], step: 0);
        late.Step(second, [3], step: 5000);

        Assert.Equal(first, second);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_restored_state_goes_on_bit_for_bit(bool decoupled)
    {
        var options = new AdamOptions { Decoupled = decoupled, WeightDecay = 0.1f, MaxGradientNorm = 3 };
        var random = new SeededRandom(4);
        float[] Gradient() => [.. Enumerable.Range(0, 1500).Select(_ => (float)random.NextGaussian())];
        float[] theta = Gradient();
        var first = new Adam(1500, options);
        first.Step(theta, Gradient(), 0);
        first.Step(theta, Gradient(), 1);
        byte[] state = new byte[first.StateSize];
        first.SaveState(state);
        var second = new Adam(1500, options);
        second.RestoreState(state);
        float[] other = [.. theta];
        float[] next = Gradient();

        first.Step(theta, next, 2);
        second.Step(other, next, 2);

        Assert.Equal(theta, other);
    }

    [Fact]
    public void States_that_are_none_are_refused_and_change_nothing()
    {
        var optimizer = new Adam(5, new AdamOptions());
        optimizer.Step(new float[5], [1, 2, 3, 4, 5], 0);
        byte[] good = new byte[optimizer.StateSize];
        optimizer.SaveState(good);
        byte[] negative = [.. good];
        negative[7] = 0x80;

        Assert.Throws<InvalidDataException>(() => optimizer.RestoreState(negative));
        Assert.Throws<InvalidDataException>(() => optimizer.RestoreState(good.AsSpan(1)));
        Assert.Throws<InvalidDataException>(() => optimizer.RestoreState([.. good, 0]));

        byte[] after = new byte[good.Length];
        optimizer.SaveState(after);
        Assert.Equal(good, after);
    }

    [Fact]
    public void Vectors_of_another_length_are_refused()
    {
        var optimizer = new Adam(5, new AdamOptions());

        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Step(new float[4], new float[5], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.Step(new float[5], new float[6], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => optimizer.SaveState(new byte[3]));
    }

    public static TheoryData<AdamOptions> WrongOptions =>
    [
        new AdamOptions { Beta1 = 1 },
        new AdamOptions { Beta2 = -0.1f },
        new AdamOptions { Beta2 = float.NaN },
        new AdamOptions { Epsilon = 0 },
        new AdamOptions { WeightDecay = float.NaN },
        new AdamOptions { MaxGradientNorm = 0 },
        new AdamOptions { MaxGradientNorm = double.NaN },
    ];

    [Theory]
    [MemberData(nameof(WrongOptions))]
    public void Options_out_of_range_are_refused(AdamOptions options) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adam(5, options));

    [Fact]
    public void A_step_allocates_nothing()
    {
        var optimizer = new Adam(5000, new AdamOptions
        {
            MaxGradientNorm = 1,
            Schedule = new WarmUpSchedule { Then = new CosineSchedule() },
        });
        float[] theta = new float[5000];
        float[] gradient = new float[5000];
        gradient.AsSpan().Fill(1);
        optimizer.Step(theta, gradient, 0);
        long before = GC.GetAllocatedBytesForCurrentThread();

        for (int i = 1; i < 100; i++)
        {
            optimizer.Step(theta, gradient, i);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 99); // a few bytes once are the runtime's own
    }

    [Fact]
    public void The_registry_knows_its_optimizers_and_lists_them_when_one_is_unknown()
    {
        Assert.All(LocalOptimizers.Names, name =>
            Assert.Equal(name, LocalOptimizers.Create(new LocalOptimizerSettings { Name = name }, 3).Name));
        Assert.Equal(
            "unknown optimizer 'lion'; known are adam, adamw, momentum-sgd",
            Assert.Throws<ArgumentException>(() => LocalOptimizers.Create(new LocalOptimizerSettings { Name = "lion" }, 3)).Message);
    }

    /// <summary>Algorithm 2 of the paper, line by line.</summary>
    private sealed class Oracle(float[] theta, AdamOptions options)
    {
        private readonly double[] _m = new double[theta.Length];
        private readonly double[] _v = new double[theta.Length];

        public double[] Theta { get; } = [.. theta.Select(x => (double)x)];

        public void Step(float[] gradient, int step)
        {
            double rate = options.Schedule.RateAt(step);
            double clip = Math.Min(1, options.MaxGradientNorm!.Value / Math.Sqrt(gradient.Sum(g => (double)g * g)));
            for (int i = 0; i < Theta.Length; i++)
            {
                double g = (clip * gradient[i]) + (options.Decoupled ? 0 : options.WeightDecay * Theta[i]);
                _m[i] = (options.Beta1 * _m[i]) + ((1 - options.Beta1) * g);
                _v[i] = (options.Beta2 * _v[i]) + ((1 - options.Beta2) * g * g);
                double m = _m[i] / (1 - Math.Pow(options.Beta1, step + 1));
                double v = _v[i] / (1 - Math.Pow(options.Beta2, step + 1));
                double decay = options.Decoupled ? rate * options.WeightDecay * Theta[i] : 0;
                Theta[i] -= (rate * m / (Math.Sqrt(v) + options.Epsilon)) + decay;
            }
        }
    }
}
