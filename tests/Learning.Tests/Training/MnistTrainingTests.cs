using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Tests.Training;

public sealed class MnistTrainingTests
{
    [Fact]
    public void The_mlp_learns_mnist_in_three_hundred_steps()
    {
        TrainAndTest mnist = TestData.Mnist;
        using ITrainableModel model = ModelRegistry.Default.Create("mlp");
        model.Initialize(1);
        var optimizer = new MomentumSgd(model.Layout.ParameterCount, new MomentumSgdOptions());
        var trainer = new LocalTrainer(
            model, optimizer, mnist.Train, TestData.WholeShare(mnist.Train), new LocalTrainerOptions { Seed = 1 });

        LocalStepsResult result = trainer.Run(300, CancellationToken.None);

        Evaluation evaluation = model.Evaluate(mnist.Test);
        Assert.Equal(new LocalStepsResult(result.MeanLoss, 300, 7500), result);
        Assert.Equal(10_000, evaluation.Count);
        Assert.True(evaluation.Accuracy > 0.88, $"accuracy {evaluation.Accuracy}, loss {evaluation.Loss}");
    }

    [Fact]
    public void The_cnn_learns_mnist_in_a_hundred_steps()
    {
        TrainAndTest mnist = TestData.Mnist;
        using ITrainableModel model = ModelRegistry.Default.Create("cnn");
        model.Initialize(1);
        var optimizer = new MomentumSgd(model.Layout.ParameterCount, new MomentumSgdOptions { Momentum = 0.9f });
        var trainer = new LocalTrainer(
            model, optimizer, mnist.Train, TestData.WholeShare(mnist.Train), new LocalTrainerOptions { Seed = 1 });

        trainer.Run(100, CancellationToken.None);

        Evaluation evaluation = model.Evaluate(mnist.Test);
        Assert.True(evaluation.Accuracy > 0.8, $"accuracy {evaluation.Accuracy}, loss {evaluation.Loss}");
    }
}
