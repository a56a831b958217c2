using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Plugins;
using P2PLearn.Learning.Simulation;

namespace P2PLearn.Learning.Tests.Plugins;

/// <summary>The worked example of a model of one's own.</summary>
public sealed class SampleModelTests
{
    private readonly LearningCatalog _catalog = PluginLoader.Load([Sample.Path]);

    [Fact]
    public void Its_gradient_is_that_of_its_loss()
    {
        LabelledExamples data = _catalog.Data.Load("rings:?count=20").Train;
        using ITrainableModel model = _catalog.Models.Create("handwritten", data.Input);
        model.Initialize(1);
        var batch = new Batch(20, data.Input.Count);
        batch.FillRange(data, 0, 20);
        model.ComputeGradient(batch);
        float[] gradient = model.Gradient.ToArray();
        const float step = 0.01f;
        for (int i = 0; i < gradient.Length; i++)
        {
            float at = model.Parameters[i];
            model.Parameters[i] = at + step;
            float above = model.ComputeGradient(batch);
            model.Parameters[i] = at - step;
            float below = model.ComputeGradient(batch);
            model.Parameters[i] = at;
            Assert.Equal((above - below) / (2 * step), gradient[i], 2e-3f);
        }
    }

    [Fact]
    public void A_mesh_learns_the_rings_with_it_although_a_node_attacks()
    {
        ExampleSets rings = _catalog.Data.Load("rings");
        var options = new SimulationOptions
        {
            Nodes = 5,
            Byzantine = 1,
            Attack = "foe",
            Model = "handwritten",
            Models = _catalog.Models,
            Partition = "dirichlet:10",
            Gradients = 400,
            Optimizer = new LocalOptimizerSettings { Schedule = new StepDecaySchedule { PeriodSteps = 1000 } },
        };

        SimulationReport report = Simulator.Run(options, rings.Train, rings.Test, null, CancellationToken.None);

        Assert.InRange(report.HonestWorstAccuracy, 0.9, 1); // half of the points are outside
    }

    [Fact]
    public void It_says_what_it_does_not_take() => Assert.Equal(
        "model 'handwritten' takes images or rows of numbers, not blocks of 64 out of 96 characters",
        Assert.Throws<ArgumentException>(() => _catalog.Models.Create("handwritten", CharTransformer.DefaultInput)).Message);
}
