using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

public sealed class ModelTests
{
    [Theory]
    [InlineData("logistic", 7_850)]
    [InlineData("mlp", 79_510)]
    [InlineData("cnn", 431_080)]
    [InlineData("resnet", 134_586)]
    [InlineData("char-transformer", 116_576)]
    public void The_models_have_the_published_number_of_parameters(string name, int expected)
    {
        using ITrainableModel model = ModelRegistry.Default.Create(name);

        Assert.Equal(name, model.Name);
        Assert.Equal(expected, model.Layout.ParameterCount);
        Assert.Equal(expected, model.Parameters.Length);
        Assert.Equal(expected, model.Gradient.Length);
    }

    [Fact]
    public void Initialization_is_uniform_within_one_over_the_root_of_the_fan_in()
    {
        using var model = new Mlp();
        model.Initialize(1);

        float[] weights = model.Parameters[..78_400].ToArray();
        float[] biases = model.Parameters.Slice(78_400, 100).ToArray();
        double bound = 1 / Math.Sqrt(784);
        Assert.InRange(weights.Max(), bound * 0.999, bound);
        Assert.InRange(weights.Min(), -bound, -bound * 0.999);
        Assert.InRange(weights.Average(), -bound * 0.01, bound * 0.01);
        Assert.InRange(weights.Select(w => w * w).Average(), bound * bound / 3 * 0.98, bound * bound / 3 * 1.02);
        Assert.All(biases, b => Assert.InRange(b, -bound, bound));
        Assert.InRange(model.Parameters[78_500..].ToArray().Max(), 0.09f, 0.1f); // the second layer has a fan-in of 100
    }

    [Fact]
    public void Initialization_repeats_from_its_seed_and_never_changes()
    {
        using var first = new Mlp();
        using var second = new Mlp();
        first.Initialize(7);
        second.Initialize(7);
        Assert.Equal(first.Parameters.ToArray(), second.Parameters.ToArray());

        second.Initialize(8);
        Assert.NotEqual(first.Parameters.ToArray(), second.Parameters.ToArray());

        // By the formula, with the generator's own golden value as its first draw.
        double draw = new SeededRandom(7).NextDouble();
        Assert.Equal((float)(((2 * draw) - 1) / 28), first.Parameters[0]);
    }

    [Theory]
    [InlineData("logistic")]
    [InlineData("mlp")]
    [InlineData("cnn")]
    public void The_same_seed_gives_the_same_bits(string name)
    {
        Batch batch = TestData.BatchOf(TestData.Noise(count: 25, side: 16, classCount: 3, seed: 1));
        using ITrainableModel first = GradientTests.CreateSmall(name);
        using ITrainableModel second = GradientTests.CreateSmall(name);
        first.Initialize(2);
        second.Initialize(2);

        float loss = first.ComputeGradient(batch);

        Assert.Equal(loss, second.ComputeGradient(batch));
        Assert.Equal(first.Gradient.ToArray(), second.Gradient.ToArray());
    }

    [Fact]
    public void A_gradient_does_not_depend_on_the_thread()
    {
        Batch batch = TestData.BatchOf(TestData.Noise(count: 25, side: 16, classCount: 3, seed: 1));
        using ITrainableModel model = GradientTests.CreateSmall("cnn");
        model.Initialize(2);
        model.ComputeGradient(batch);
        float[] expected = model.Gradient.ToArray();

        var thread = new Thread(() => model.ComputeGradient(batch));
        thread.Start();
        thread.Join();

        Assert.Equal(expected, model.Gradient.ToArray());
    }

    [Fact]
    public void Models_train_on_threads_of_their_own()
    {
        Batch batch = TestData.BatchOf(TestData.Noise(count: 25, side: 16, classCount: 3, seed: 1));
        float[][] gradients = new float[4][];

        Parallel.For(0, gradients.Length, i =>
        {
            using ITrainableModel model = GradientTests.CreateSmall("cnn");
            model.Initialize(2);
            for (int step = 0; step < 20; step++)
            {
                model.ComputeGradient(batch);
            }

            gradients[i] = model.Gradient.ToArray();
        });

        Assert.All(gradients, gradient => Assert.Equal(gradients[0], gradient));
    }

    [Fact]
    public void A_batch_of_another_image_size_is_refused_with_both_shapes()
    {
        using var model = new Mlp();

        var error = Assert.Throws<ArgumentException>(() => model.ComputeGradient(new Batch(25, 100) { Count = 25 }));

        Assert.StartsWith("mlp takes batches of shape [1 or more, 784], not [25, 100]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_empty_batch_is_refused()
    {
        using var model = new Mlp();

        Assert.Throws<ArgumentException>(() => model.ComputeGradient(new Batch(25, 784)));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(10)]
    [InlineData(long.MinValue)]
    public void A_label_out_of_range_is_refused(long label)
    {
        using var model = new Mlp();
        var batch = new Batch(2, 784) { Count = 2 };
        batch.Labels[1] = label;

        var error = Assert.Throws<ArgumentException>(() => model.ComputeGradient(batch));

        Assert.Contains($"not {label}", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Nan_in_the_parameters_makes_the_loss_nan_and_no_image_right()
    {
        LabelledImages data = TestData.Noise(count: 30, side: 16, classCount: 3, seed: 1);
        using ITrainableModel model = GradientTests.CreateSmall("mlp");
        model.Parameters.Fill(float.NaN);

        Evaluation evaluation = model.Evaluate(data);

        Assert.True(double.IsNaN(evaluation.Loss));
        Assert.Equal(0, evaluation.Accuracy);
        Assert.True(float.IsNaN(model.ComputeGradient(TestData.BatchOf(data))));
    }

    [Fact]
    public void Of_equal_logits_the_first_class_counts()
    {
        LabelledImages data = TestData.Noise(count: 300, side: 16, classCount: 3, seed: 1);
        using ITrainableModel model = GradientTests.CreateSmall("logistic"); // θ = 0

        Evaluation evaluation = model.Evaluate(data);

        Assert.Equal(Math.Log(3), evaluation.Loss, 1e-6);
        Assert.Equal(data.Labels.ToArray().Count(label => label == 0) / 300.0, evaluation.Accuracy);
    }

    [Fact]
    public void A_disposed_model_refuses_work()
    {
        Batch batch = TestData.BatchOf(TestData.Noise(count: 2, side: 16, classCount: 3, seed: 1));
        ITrainableModel model = GradientTests.CreateSmall("mlp");

        model.Dispose();
        model.Dispose();

        Assert.Throws<ObjectDisposedException>(() => model.ComputeGradient(batch));
        Assert.Throws<ObjectDisposedException>(() => model.Parameters.Length);
    }

    [Fact]
    public void The_registry_lists_its_names_when_one_is_unknown()
    {
        var error = Assert.Throws<ArgumentException>(() => ModelRegistry.Default.Create("vgg"));

        Assert.StartsWith("unknown model 'vgg'; known are char-transformer, cnn, logistic, mlp, resnet", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_program_adds_a_model_of_its_own()
    {
        ModelRegistry registry = ModelRegistry.Default.With("softmax-regression", () => new SoftmaxRegressionAdapter(784, 10));

        using ITrainableModel model = registry.Create("softmax-regression");

        Assert.Equal(7_850, model.Layout.ParameterCount);
        Assert.DoesNotContain("softmax-regression", ModelRegistry.Default.Names);
        Assert.Throws<ArgumentException>(() => registry.With("mlp", () => new Mlp()));
    }
}
