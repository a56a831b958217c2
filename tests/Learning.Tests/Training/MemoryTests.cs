using System.Diagnostics;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Tests.Models;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Tests.Training;

/// <summary>Looks at the memory of the whole process, so nothing may run beside it.</summary>
[CollectionDefinition(nameof(MemoryTests), DisableParallelization = true)]
[Collection(nameof(MemoryTests))]
public sealed class MemoryTests
{
    [Theory]
    [InlineData("logistic", 2000)]
    [InlineData("mlp", 2000)]
    [InlineData("cnn", 1000)]
    [InlineData("resnet", 300)]
    [InlineData("char-transformer", 2000)]
    public void Steps_and_evaluations_keep_no_memory(string name, int steps)
    {
        LabelledExamples data = DeepModelTests.DataFor(name, 450);
        using ITrainableModel model = name == "char-transformer" ? DeepModelTests.Small(name) : GradientTests.CreateSmall(name);
        model.Initialize(1);
        var optimizer = new MomentumSgd(model.Layout.ParameterCount, new MomentumSgdOptions());
        var trainer = new LocalTrainer(model, optimizer, data, TestData.WholeShare(data), new LocalTrainerOptions());
        trainer.Run(steps / 3, CancellationToken.None);
        model.Evaluate(data);
        long resident = ResidentBytes();
        long allocated = GC.GetAllocatedBytesForCurrentThread();

        trainer.Run(steps, CancellationToken.None);
        for (int i = 0; i < 20; i++)
        {
            model.Evaluate(data);
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - allocated, 0, steps - 1); // a few bytes once are the runtime's own

        // A leaked input of one step would make 25 kB a step or 50 MB; the residual network's activations are more than 100 kB each.
        Assert.InRange((ResidentBytes() - resident) / 1e6, double.MinValue, 25);
    }

    [Fact]
    public void Disposed_and_forgotten_models_give_their_memory_back()
    {
        for (int i = 0; i < 20; i++)
        {
            new Cnn().Dispose();
        }

        long resident = ResidentBytes();
        for (int i = 0; i < 100; i++)
        {
            var model = new Cnn(); // 3.4 MB
            model.Initialize(1);
            if (i % 2 == 0)
            {
                model.Dispose();
            }

            GC.Collect();
            GC.WaitForPendingFinalizers();
        }

        Assert.InRange((ResidentBytes() - resident) / 1e6, double.MinValue, 60);
    }

    private static long ResidentBytes()
    {
        using var process = Process.GetCurrentProcess();
        return process.WorkingSet64;
    }
}
