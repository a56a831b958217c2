using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Learning.Tests.Optimizers;

public sealed class ScheduleTests
{
    [Theory]
    [InlineData(0, 1.0)]
    [InlineData(50, 0.55)]
    [InlineData(100, 0.1)]
    [InlineData(100_000, 0.1)]
    public void A_cosine_falls_to_its_final_rate_and_stays_there(long step, double expected) =>
        Assert.Equal(expected, new CosineSchedule { InitialRate = 1, FinalRate = 0.1, TotalSteps = 100 }.RateAt(step), 1e-12);

    [Fact]
    public void A_cosine_never_rises()
    {
        var schedule = new CosineSchedule { InitialRate = 0.3, TotalSteps = 37 };

        Assert.All(Enumerable.Range(0, 50), t => Assert.True(schedule.RateAt(t + 1) <= schedule.RateAt(t)));
    }

    [Theory]
    [InlineData(0, 0.1)]
    [InlineData(3, 0.4)]
    [InlineData(9, 1.0)]
    [InlineData(10, 1.0)]
    [InlineData(14, 1.0)]
    [InlineData(15, 0.5)]
    public void A_warm_up_climbs_to_the_first_rate_of_the_schedule_after_it(long step, double expected)
    {
        var schedule = new WarmUpSchedule { Steps = 10, Then = new StepDecaySchedule { InitialRate = 1, PeriodSteps = 5 } };

        Assert.Equal(expected, schedule.RateAt(step), 1e-12);
    }

    [Fact]
    public void The_words_of_a_configuration_are_read()
    {
        Assert.Equal(new ConstantSchedule { Rate = 0.1 }, Schedules.Parse("constant", 0.1));
        Assert.Equal(new StepDecaySchedule { InitialRate = 0.1, PeriodSteps = 50 }, Schedules.Parse("step:50", 0.1));
        Assert.Equal(
            new WarmUpSchedule { Steps = 20, Then = new CosineSchedule { InitialRate = 0.1, TotalSteps = 580 } },
            Schedules.Parse("warm-up:20,cosine:580", 0.1));
    }

    [Theory]
    [InlineData("")]
    [InlineData("linear")]
    [InlineData("constant:5")]
    [InlineData("step")]
    [InlineData("step:0")]
    [InlineData("step:-5")]
    [InlineData("step:99999999999")]
    [InlineData("cosine:x")]
    [InlineData("warm-up:20")]
    [InlineData("warm-up,constant")]
    [InlineData("warm-up:5,warm-up:5,constant")]
    [InlineData("cosine:5,constant")]
    public void Other_words_are_refused_in_one_line(string text) => Assert.Equal(
        $"learning-rate schedule '{text}' is not known: use constant, step:PERIOD or cosine:STEPS, with warm-up:STEPS, before it if wanted",
        Assert.Throws<ArgumentException>(() => Schedules.Parse(text, 0.1)).Message);

    [Fact]
    public void A_rate_that_is_not_positive_is_refused() => Assert.Equal(
        "learning rate 0: must be above 0", Assert.Throws<ArgumentException>(() => Schedules.Parse("constant", 0)).Message);

    public static TheoryData<ILearningRateSchedule> Wrong =>
    [
        new ConstantSchedule { Rate = double.PositiveInfinity },
        new CosineSchedule { InitialRate = -1 },
        new CosineSchedule { FinalRate = 1 },
        new CosineSchedule { FinalRate = double.NaN },
        new CosineSchedule { TotalSteps = 0 },
        new WarmUpSchedule { Steps = 0 },
        new WarmUpSchedule { Then = new ConstantSchedule { Rate = 0 } },
    ];

    [Theory]
    [MemberData(nameof(Wrong))]
    public void Settings_out_of_range_are_refused(ILearningRateSchedule schedule)
    {
        Assert.Throws<ArgumentOutOfRangeException>(schedule.Validate);
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adam(1, new AdamOptions { Schedule = schedule }));
    }

    [Fact]
    public void There_is_no_step_before_the_first()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new ConstantSchedule().RateAt(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new CosineSchedule().RateAt(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WarmUpSchedule().RateAt(-1));
    }
}
