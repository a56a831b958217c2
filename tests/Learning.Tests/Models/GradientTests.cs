using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

public sealed class GradientTests
{
    [Fact]
    public void The_gradient_of_logistic_regression_is_that_of_the_formula()
    {
        LabelledImages data = TestData.Noise(count: 7, side: 6, classCount: 4, seed: 1);
        Batch batch = TestData.BatchOf(data);
        using var model = new LogisticRegression(36, 4);
        using var oracle = new SoftmaxRegressionAdapter(36, 4);
        model.Initialize(3);
        model.Parameters.CopyTo(oracle.Parameters);

        float loss = model.ComputeGradient(batch);
        float expected = oracle.ComputeGradient(batch);

        Assert.Equal(oracle.Layout.Hash.ToArray(), model.Layout.Hash.ToArray());
        Assert.Equal(expected, loss, 1e-5);
        for (int i = 0; i < model.Gradient.Length; i++)
        {
            Assert.Equal(oracle.Gradient[i], model.Gradient[i], 1e-6);
        }
    }

    [Fact]
    public void Evaluation_of_logistic_regression_is_that_of_the_formula()
    {
        LabelledImages data = TestData.Noise(count: 1234, side: 6, classCount: 4, seed: 2); // more than one chunk, the last not full
        using var model = new LogisticRegression(36, 4);
        using var oracle = new SoftmaxRegressionAdapter(36, 4);
        model.Initialize(4);
        model.Parameters.CopyTo(oracle.Parameters);

        Evaluation actual = model.Evaluate(data);
        Evaluation expected = oracle.Evaluate(data);

        Assert.Equal(expected.Loss, actual.Loss, 1e-5);
        Assert.Equal(expected.Accuracy, actual.Accuracy);
        Assert.Equal(1234, actual.Count);
    }

    [Theory]
    [InlineData("logistic")]
    [InlineData("mlp")]
    [InlineData("cnn")]
    public void The_gradient_is_that_of_finite_differences(string name)
    {
        Batch batch = TestData.BatchOf(TestData.Noise(count: 4, side: 16, classCount: 3, seed: 5));
        using ITrainableModel model = CreateSmall(name);
        model.Initialize(6);
        double[] theta = [.. model.Parameters.ToArray().Select(v => (double)v)];

        float loss = model.ComputeGradient(batch);

        Assert.Equal(ReferenceNetwork.Loss(model.Layout, theta, batch, side: 16), loss, 1e-5);
        int offset = 0;
        foreach (ParameterShape parameter in model.Layout.Parameters)
        {
            for (int trial = 0; trial < 12; trial++)
            {
                int i = offset + new SeededRandom((ulong)trial).NextInt32(parameter.Count);
                double expected = Slope(model.Layout, theta, batch, i);
                Assert.True(Math.Abs(expected - model.Gradient[i]) < 2e-6, $"{parameter.Name}, {i}: {expected}, not {model.Gradient[i]}");
            }

            offset += parameter.Count;
        }
    }

    [Fact]
    public void A_second_gradient_overwrites_the_first()
    {
        Batch batch = TestData.BatchOf(TestData.Noise(count: 5, side: 16, classCount: 3, seed: 5));
        using ITrainableModel model = CreateSmall("mlp");
        model.Initialize(6);
        model.ComputeGradient(batch);
        float[] first = model.Gradient.ToArray();

        model.ComputeGradient(batch);

        Assert.Equal(first, model.Gradient.ToArray());
    }

    internal static ITrainableModel CreateSmall(string name) => name switch
    {
        "logistic" => new LogisticRegression(256, 3),
        "mlp" => new Mlp(256, 12, 3),
        "resnet" => new ResNet(ModelInput.Image(1, 16, 16, 3), [8, 8, 16]),
        _ => new Cnn(side: 16, channels1: 3, channels2: 4, hiddenCount: 6, classCount: 3),
    };

    private static double Slope(ModelLayout layout, double[] theta, Batch batch, int i)
    {
        const double Step = 1e-6;
        double value = theta[i];
        theta[i] = value + Step;
        double above = ReferenceNetwork.Loss(layout, theta, batch, side: 16);
        theta[i] = value - Step;
        double below = ReferenceNetwork.Loss(layout, theta, batch, side: 16);
        theta[i] = value;
        return (above - below) / (2 * Step);
    }
}
