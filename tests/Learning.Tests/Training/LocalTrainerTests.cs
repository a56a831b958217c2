using CsCheck;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;
using P2PLearn.Learning.Tests.Models;
using P2PLearn.Learning.Training;

namespace P2PLearn.Learning.Tests.Training;

public sealed class LocalTrainerTests : IDisposable
{
    private static readonly LabelledImages Data = TestData.Noise(count: 90, side: 16, classCount: 3, seed: 1);

    private readonly List<ITrainableModel> _models = [];

    public void Dispose() => _models.ForEach(model => model.Dispose());

    [Theory]
    [InlineData("logistic")]
    [InlineData("mlp")]
    [InlineData("cnn")]
    [InlineData("resnet")]
    public void A_killed_node_goes_on_bit_for_bit(string name)
    {
        (LocalTrainer whole, ITrainableModel wholeModel) = Create(name);
        whole.Run(40, CancellationToken.None);

        (LocalTrainer first, _) = Create(name);
        first.Run(20, CancellationToken.None);
        byte[] state = first.ExportState();
        (LocalTrainer second, ITrainableModel secondModel) = Create(name, modelSeed: 99);
        second.ImportState(state);
        second.Run(20, CancellationToken.None);

        Assert.Equal(40, second.StepCount);
        Assert.Equal(wholeModel.Parameters.ToArray(), secondModel.Parameters.ToArray());
        Assert.Equal(whole.ExportState(), second.ExportState());
    }

    [Fact]
    public void The_result_tells_loss_and_images()
    {
        (LocalTrainer trainer, _) = Create("mlp");

        LocalStepsResult result = trainer.Run(4, CancellationToken.None);

        Assert.Equal((4, 28), (result.StepCount, result.ImageCount));
        Assert.InRange(result.MeanLoss, 0.5, 3);
        Assert.Equal(new LocalStepsResult(0, 0, 0), trainer.Run(0, CancellationToken.None));
        Assert.Equal(4, trainer.StepCount);
    }

    [Fact]
    public void Mixing_between_runs_is_taken_up()
    {
        (LocalTrainer trainer, ITrainableModel model) = Create("mlp");
        trainer.Run(1, CancellationToken.None);
        model.Parameters.Fill(float.NaN);

        Assert.True(double.IsNaN(trainer.Run(1, CancellationToken.None).MeanLoss));
    }

    [Fact]
    public void Flipped_labels_are_the_mirror_of_the_classes()
    {
        byte[] mirrored = [.. Data.Labels.ToArray().Select(label => (byte)(2 - label))];
        byte[] pixels = [.. Enumerable.Range(0, Data.Count).SelectMany(i => Data.Image(i).ToArray())];
        var mirror = new LabelledImages(pixels, mirrored, 16, 16, 3);
        (LocalTrainer attacker, ITrainableModel attackerModel) = Create("mlp", flip: true);
        (LocalTrainer honest, ITrainableModel honestModel) = Create("mlp", data: mirror);

        attacker.Run(5, CancellationToken.None);
        honest.Run(5, CancellationToken.None);

        Assert.Equal(honestModel.Parameters.ToArray(), attackerModel.Parameters.ToArray());
    }

    [Theory]
    [InlineData("logistic")]
    [InlineData("mlp")]
    [InlineData("cnn")]
    public void A_class_of_which_a_node_has_nothing_is_left_nearly_alone_when_the_loss_makes_up_for_it(string name)
    {
        int[] share = [.. TestData.WholeShare(Data).Where(i => Data.Labels[i] != 2)];
        double plain = BiasMoved(name, share, prior: 0);
        double adjusted = BiasMoved(name, share, prior: 1);
        Assert.True(adjusted > 0 && adjusted < 0.05 * plain, $"{adjusted} of {plain}");
    }

    [Fact]
    public void Even_classes_need_no_making_up_for()
    {
        int[] even = [.. Enumerable.Range(0, 3).SelectMany(c => TestData.WholeShare(Data).Where(i => Data.Labels[i] == c).Take(20))];
        Assert.Equal(BiasMoved("mlp", even, prior: 0), BiasMoved("mlp", even, prior: 1), 1e-5);
    }

    [Fact]
    public void Flipped_labels_are_made_up_for_as_they_are_trained_on()
    {
        int[] share = [.. TestData.WholeShare(Data).Where(i => Data.Labels[i] != 0)];
        Assert.True(BiasMoved("mlp", share, prior: 1, flip: true) < 0.05 * BiasMoved("mlp", share, prior: 0, flip: true));
    }

    [Fact]
    public void A_cancelled_run_stops_between_steps()
    {
        (LocalTrainer trainer, _) = Create("mlp");

        Assert.Throws<OperationCanceledException>(() => trainer.Run(10, new CancellationToken(canceled: true)));

        Assert.Equal(0, trainer.StepCount);
    }

    [Fact]
    public void A_state_of_another_model_optimizer_or_share_is_refused()
    {
        byte[] state = Create("mlp").Trainer.ExportState();

        Refuses(Create("logistic").Trainer, state);
        Refuses(Create("mlp", share: [.. Enumerable.Range(1, 89)]).Trainer, state);
        ITrainableModel model = Track(new Mlp(256, 12, 3));
        Refuses(new LocalTrainer(model, new OtherOptimizer(model.Layout.ParameterCount), Data, [0], new LocalTrainerOptions()), state);
        ITrainableModel sameSize = Track(new Mlp(3, 12, 256)); // not the same shapes: the hash of the layout tells
        Refuses(Create("mlp").Trainer, new LocalTrainer(
            sameSize, new MomentumSgd(sameSize.Layout.ParameterCount, new MomentumSgdOptions()), Data, [0], new LocalTrainerOptions()).ExportState());
    }

    [Fact]
    public void Damaged_cut_or_random_states_are_refused_and_change_nothing()
    {
        (LocalTrainer trainer, _) = Create("logistic");
        trainer.Run(3, CancellationToken.None);
        byte[] good = trainer.ExportState();
        Gen<byte[]> flipped = Gen.Select(Gen.Int[0, good.Length - 1], Gen.Int[1, 255]).Select((at, bits) =>
        {
            byte[] bytes = [.. good];
            bytes[at] ^= (byte)bits;
            return bytes;
        });
        Gen<byte[]> cut = Gen.Int[0, good.Length - 1].Select(length => good[..length]);

        Gen.OneOf(flipped, cut, Gen.Byte.Array[0, 300]).Sample(bytes => Refuses(trainer, bytes), iter: 300, threads: 1);

        Assert.Equal(good, trainer.ExportState());
    }

    [Fact]
    public void Wrong_arguments_are_refused()
    {
        Assert.Contains(
            "image 90 is not one of the 90",
            Assert.Throws<ArgumentException>(() => Create("mlp", share: [0, 90])).Message,
            StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Create("mlp", share: [-1]));
        Assert.Throws<ArgumentException>(() => Create("mlp", share: []));
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalTrainerOptions { BatchSize = 0 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalTrainerOptions { LabelPrior = -1 }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => new LocalTrainerOptions { LabelPrior = double.NaN }.Validate());
        Assert.Throws<ArgumentOutOfRangeException>(() => Create("mlp").Trainer.Run(-1, CancellationToken.None));
        Assert.Throws<ArgumentOutOfRangeException>(() => Create("mlp").Trainer.ExportState(new byte[10]));
    }

    // How far a step moves the bias of class 2, the last parameter.
    private double BiasMoved(string name, int[] share, double prior, bool flip = false)
    {
        (LocalTrainer trainer, ITrainableModel model) = Create(name, share: share, flip: flip, prior: prior);
        float before = model.Parameters[^1];
        trainer.Run(1, CancellationToken.None);
        return Math.Abs(model.Parameters[^1] - before);
    }

    private static void Refuses(LocalTrainer trainer, byte[] state) =>
        Assert.Throws<InvalidDataException>(() => trainer.ImportState(state));

    private (LocalTrainer Trainer, ITrainableModel Model) Create(
        string name, LabelledImages? data = null, int[]? share = null, bool flip = false, ulong modelSeed = 5, double prior = 0)
    {
        ITrainableModel model = Track(GradientTests.CreateSmall(name));
        model.Initialize(modelSeed);
        var optimizer = new MomentumSgd(model.Layout.ParameterCount, new MomentumSgdOptions());
        var options = new LocalTrainerOptions { BatchSize = 7, Seed = 3, FlipLabels = flip, LabelPrior = prior };
        return (new LocalTrainer(model, optimizer, data ?? Data, share ?? TestData.WholeShare(Data), options), model);
    }

    private ITrainableModel Track(ITrainableModel model)
    {
        _models.Add(model);
        return model;
    }

    /// <summary>Another optimizer with a state of the same size.</summary>
    private sealed class OtherOptimizer(int parameterCount) : ILocalOptimizer
    {
        private readonly MomentumSgd _inner = new(parameterCount, new MomentumSgdOptions());

        public string Name => "other";

        public int StateSize => _inner.StateSize;

        public void Step(Span<float> parameters, ReadOnlySpan<float> gradient, long step) => _inner.Step(parameters, gradient, step);

        public void SaveState(Span<byte> destination) => _inner.SaveState(destination);

        public void RestoreState(ReadOnlySpan<byte> state) => _inner.RestoreState(state);
    }
}
