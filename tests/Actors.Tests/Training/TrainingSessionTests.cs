using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Aggregation;

namespace P2PLearn.Actors.Tests.Training;

/// <summary>What a session does between the rounds that it is told of.</summary>
public sealed class TrainingSessionTests
{
    private static readonly RunSettings TwoMixings = TinyData.Settings with
    {
        Aggregator = "mean", MixingRounds = 2, OuterOptimizer = "nesterov", OuterLearningRate = 0.5, OuterMomentum = 0,
    };

    [Fact]
    public void The_outer_step_follows_the_last_mixing_and_starts_before_the_local_steps()
    {
        using var session = new TrainingSession(TwoMixings, TinyData.Of(0));
        float[] first = ModelOf(session);
        Assert.True(session.Train(2, CancellationToken.None).MeanLoss > 0);

        // With a rate of one half and no momentum the outer step goes half of the way to what was mixed.
        float[] mixed = [.. first.Select(v => v + 1)];
        Mix(session, 1, mixed);
        Assert.Equal(mixed, ModelOf(session));
        Assert.Equal(double.NaN, session.Train(0, CancellationToken.None).MeanLoss);
        Assert.Equal(mixed, ModelOf(session));
        Mix(session, 2, [.. first.Select(v => v + 2)]);

        Assert.All(ModelOf(session).Zip(first), pair => Assert.Equal(pair.Second + 1, pair.First, 1e-5f));
    }

    [Fact]
    public void A_restart_between_two_mixings_does_not_lose_where_the_local_steps_began()
    {
        using var session = new TrainingSession(TwoMixings, TinyData.Of(0));
        float[] first = ModelOf(session);
        session.Train(2, CancellationToken.None);
        Mix(session, 1, [.. first.Select(v => v + 1)]);

        using var restarted = new TrainingSession(TwoMixings, TinyData.Of(0));
        restarted.ImportState(session.ExportState());
        Mix(restarted, 2, [.. first.Select(v => v + 2)]);

        Assert.All(ModelOf(restarted).Zip(first), pair => Assert.Equal(pair.Second + 1, pair.First, 1e-5f));
    }

    [Fact]
    public void Who_catches_up_between_two_mixings_goes_on_from_the_model_taken_over()
    {
        using var session = new TrainingSession(TwoMixings, TinyData.Of(0));
        float[] first = ModelOf(session);
        session.CatchUp([.. Enumerable.Repeat((ReadOnlyMemory<float>)first.Select(v => v + 10).ToArray(), 3)], faulty: 1, round: 3);
        Mix(session, 4, [.. first.Select(v => v + 12)]);

        Assert.All(ModelOf(session).Zip(first), pair => Assert.Equal(pair.Second + 11, pair.First, 1e-4f));
    }

    [Theory]
    [InlineData("mean", 3, 1)]
    [InlineData("trimmed-mean", 3, 0.006)]
    [InlineData("trimmed-mean", 0, 1)]
    public void A_mixing_that_goes_much_farther_than_those_before_is_shortened_unless_nothing_limits_it(string aggregator, double moveLimit, double expected)
    {
        using var session = new TrainingSession(TinyData.Settings with { Aggregator = aggregator, MoveLimit = moveLimit, OuterOptimizer = null }, TinyData.Of(0));
        float[] model = ModelOf(session);
        foreach (int round in (int[])[1, 2])
        {
            model = [.. model.Select(v => v + 1)];
            Mix(session, round, model);
        }

        float[] far = [.. model.Select(v => v + 1000)];
        double? gone = session.Mix(3, [model, far], [1, 1], new AggregationTrace()); // half of that, without a limit
        Assert.Equal(expected, gone!.Value, 1e-6);
        Assert.All(ModelOf(session).Zip(model), pair => Assert.Equal(pair.Second + (500 * (float)expected), pair.First, 0.01f));
    }

    private static void Mix(TrainingSession session, int round, float[] model) =>
        Assert.Equal(1, session.Mix(round, [model, model], [1, 1], new AggregationTrace()));

    private static float[] ModelOf(TrainingSession session)
    {
        float[] model = new float[session.Layout.ParameterCount];
        session.CopyModel(model);
        return model;
    }
}
