using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Tests.Models;

/// <summary>The residual network and the transformer: gradient, learning, shapes.</summary>
public sealed class DeepModelTests
{
    [Theory]
    [InlineData("resnet")]
    [InlineData("char-transformer")]
    public void The_gradient_is_that_of_finite_differences(string name)
    {
        using TorchModel model = Small(name);
        LabelledExamples data = DataFor(name, 6);
        Batch batch = TestData.BatchOf(data);
        model.Initialize(6);
        float loss = model.ComputeGradient(batch);
        Assert.Equal(model.Evaluate(data).Loss, loss, 1e-5);
        float[] gradient = model.Gradient.ToArray();
        float[] theta = model.Parameters.ToArray();

        int offset = 0;
        foreach (ParameterShape parameter in model.Layout.Parameters)
        {
            // Along the gradient itself the slope is its length. The shift is short, to meet few kinks of ReLU, and long enough for the loss's seven digits.
            float[] part = gradient[offset..(offset + parameter.Count)];
            double length = Math.Sqrt(part.Sum(g => (double)g * g));
            double Loss(double shift)
            {
                theta.CopyTo(model.Parameters);
                for (int i = 0; i < part.Length; i++)
                {
                    model.Parameters[offset + i] += (float)(shift * part[i] / length);
                }

                return model.Evaluate(data).Loss;
            }

            const double Step = 1e-3;
            double slope = (Loss(Step) - Loss(-Step)) / (2 * Step);
            Assert.True(Math.Abs(slope - length) < (0.02 * length) + 5e-4, $"{parameter.Name}: {slope}, not {length}");
            Assert.True(length > 1e-6, $"{parameter.Name} has no gradient");
            offset += parameter.Count;
        }
    }

    [Theory]
    [InlineData("resnet", 60)]
    [InlineData("char-transformer", 150)]
    public void A_few_examples_are_learnt_by_heart(string name, int steps)
    {
        using TorchModel model = Small(name);
        LabelledExamples data = DataFor(name, 12);
        model.Initialize(1);
        var optimizer = new Adam(model.Layout.ParameterCount, new AdamOptions { Schedule = new ConstantSchedule { Rate = 0.01 } });
        var trainer = new LocalTrainer(model, optimizer, data, TestData.WholeShare(data), new LocalTrainerOptions { BatchSize = 12 });
        trainer.Run(steps, CancellationToken.None);

        Evaluation evaluation = model.Evaluate(data);

        Assert.True(evaluation.Accuracy > 0.94, $"{evaluation}"); // at its first place a text does not yet say what follows
    }

    [Theory]
    [InlineData("resnet")]
    [InlineData("char-transformer")]
    public void The_same_seed_gives_the_same_bits(string name)
    {
        LabelledExamples data = DataFor(name, 12);
        float[] first = Trained(name, data);

        Assert.Equal(first, Trained(name, data));
        Assert.False(first.AsSpan().ContainsAny(float.NaN, float.PositiveInfinity));
    }

    [Fact]
    public void A_character_does_not_see_those_after_it()
    {
        using var model = new CharTransformer(ModelInput.Text(8, 5), width: 8, layers: 2, heads: 2);
        model.Initialize(3);
        double[] before = LossesByPlace(model, [0, 1, 2, 3, 4, 0, 1, 2]);
        double[] after = LossesByPlace(model, [0, 1, 2, 3, 4, 4, 1, 2]); // another sixth character

        Assert.Equal(before[..5], after[..5], (a, b) => Math.Abs(a - b) < 1e-5);
        Assert.All(Enumerable.Range(5, 3), place => Assert.True(Math.Abs(before[place] - after[place]) > 1e-3, $"place {place}"));
    }

    [Theory]
    [InlineData(1, 28, 10)]
    [InlineData(3, 32, 7)]
    [InlineData(1, 9, 2)]
    public void The_residual_network_takes_images_of_many_sizes(int channels, int side, int classes)
    {
        ModelInput input = ModelInput.Image(channels, side, side, classes);
        using ITrainableModel model = ModelRegistry.Default.Create("resnet", input);
        var images = new LabelledImages(new byte[3 * input.Count], new byte[] { 0, 1, 1 }, side, side, classes, channels);
        model.Initialize(1);

        Assert.True(float.IsFinite(model.ComputeGradient(TestData.BatchOf(images))));
    }

    [Theory]
    [InlineData("cnn", 24, 5)]
    [InlineData("mlp", 9, 2)]
    [InlineData("logistic", 4, 3)]
    public void Models_are_built_for_their_data(string name, int side, int classes)
    {
        LabelledImages data = TestData.Noise(count: 10, side, classes, seed: 1);
        using ITrainableModel model = ModelRegistry.Default.Create(name, data.Input);
        model.Initialize(1);

        Assert.True(float.IsFinite(model.ComputeGradient(TestData.BatchOf(data))));
        Assert.Equal(10, model.Evaluate(data).Count);
    }

    [Theory]
    [InlineData("resnet", "model 'resnet' takes images of at least 8×8, not rows of 4 numbers in 3 classes")]
    [InlineData("cnn", "model 'cnn' takes images of at least 16×16, not rows of 4 numbers in 3 classes")]
    [InlineData("char-transformer", "model 'char-transformer' takes text, not rows of 4 numbers in 3 classes")]
    public void Data_that_a_model_cannot_take_are_refused_in_one_line(string name, string message) => Assert.Equal(
        message, Assert.Throws<ArgumentException>(() => ModelRegistry.Default.Create(name, ModelInput.Features(4, 3))).Message);

    [Fact]
    public void Text_is_refused_by_models_of_numbers() => Assert.Equal(
        "model 'mlp' takes images or rows of numbers, not blocks of 64 out of 96 characters",
        Assert.Throws<ArgumentException>(() => ModelRegistry.Default.Create("mlp", CharTransformer.DefaultInput)).Message);

    [Theory]
    [InlineData(-1)]
    [InlineData(5)]
    [InlineData(float.NaN)]
    public void A_character_outside_the_vocabulary_is_refused_before_memory_is_read(float character)
    {
        using var model = new CharTransformer(ModelInput.Text(4, 5), width: 8, layers: 1, heads: 2);
        var batch = new Batch(1, 4, 4) { Count = 1 };
        batch.Inputs[2] = character;

        Assert.StartsWith(
            "char-transformer takes characters from 0 to 4, not ",
            Assert.Throws<ArgumentException>(() => model.ComputeGradient(batch)).Message,
            StringComparison.Ordinal);
    }

    internal static TorchModel Small(string name) => name != "char-transformer"
        ? (TorchModel)GradientTests.CreateSmall(name)
        : new CharTransformer(ModelInput.Text(8, 7), width: 16, layers: 2, heads: 2);

    internal static LabelledExamples DataFor(string name, int count)
    {
        if (name != "char-transformer")
        {
            return TestData.Noise(count, side: 16, classCount: 3, seed: 5);
        }

        // Every character follows from the one or two before it.
        byte[] text = [.. Enumerable.Range(0, (8 * count) + 1).Select(i => (byte)(i * i % 7))];
        return new TextBlocks(text, 8, 7);
    }

    private static float[] Trained(string name, LabelledExamples data)
    {
        using TorchModel model = Small(name);
        model.Initialize(2);
        var optimizer = new Adam(model.Layout.ParameterCount, new AdamOptions());
        new LocalTrainer(model, optimizer, data, TestData.WholeShare(data), new LocalTrainerOptions { BatchSize = 5 }).Run(10, CancellationToken.None);
        return model.Parameters.ToArray();
    }

    // What a place's loss changes by between two targets, which depends on what it sees: −log p₀ + log p₁.
    private static double[] LossesByPlace(CharTransformer model, float[] characters)
    {
        var batch = new Batch(1, 8, 8) { Count = 1 };
        characters.CopyTo(batch.Inputs);
        double[] differences = new double[8];
        for (int place = 0; place < 8; place++)
        {
            batch.Labels.Clear();
            double first = model.ComputeGradient(batch);
            batch.Labels[place] = 1;
            differences[place] = 8 * (model.ComputeGradient(batch) - first);
        }

        return differences;
    }
}
