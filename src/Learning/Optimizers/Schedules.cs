using System.Globalization;

namespace P2PLearn.Learning.Optimizers;

/// <summary>Learning-rate schedules by the words of a configuration.</summary>
public static class Schedules
{
    private const string Forms = "use constant, step:PERIOD or cosine:STEPS, with warm-up:STEPS, before it if wanted";

    /// <summary>
    /// Reads <c>constant</c>, <c>step:50</c> or <c>cosine:600</c>, each with <c>warm-up:20,</c> in front if wanted:
    /// <c>warm-up:20,cosine:580</c>.
    /// </summary>
    /// <param name="text">As in a configuration.</param>
    /// <param name="rate">γ_0 of the schedule (after its warm-up); positive and finite.</param>
    /// <exception cref="ArgumentException">Anything else, in one line for the user.</exception>
    public static ILearningRateSchedule Parse(string text, double rate)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (!(rate > 0) || !double.IsFinite(rate))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"learning rate {rate}: must be above 0"));
        }

        int comma = text.IndexOf(',', StringComparison.Ordinal);
        if (comma < 0)
        {
            return ParseOne(text, text, rate);
        }

        (string word, long steps) = Split(text[..comma], text);
        return word == "warm-up" && steps > 0
            ? new WarmUpSchedule { Steps = steps, Then = ParseOne(text[(comma + 1)..], text, rate) }
            : throw Unknown(text);
    }

    private static ILearningRateSchedule ParseOne(string part, string text, double rate) => Split(part, text) switch
    {
        ("constant", 0) => new ConstantSchedule { Rate = rate },
        ("step", > 0 and <= int.MaxValue and var period) => new StepDecaySchedule { InitialRate = rate, PeriodSteps = (int)period },
        ("cosine", > 0 and var steps) => new CosineSchedule { InitialRate = rate, TotalSteps = steps },
        _ => throw Unknown(text),
    };

    // The number after the colon, or 0 without a colon.
    private static (string Word, long Number) Split(string part, string text)
    {
        int colon = part.IndexOf(':', StringComparison.Ordinal);
        if (colon < 0)
        {
            return (part, 0);
        }

        return long.TryParse(part[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out long number) && number > 0
            ? (part[..colon], number)
            : throw Unknown(text);
    }

    private static ArgumentException Unknown(string text) => new($"learning-rate schedule '{text}' is not known: {Forms}");
}
