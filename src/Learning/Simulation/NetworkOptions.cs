using System.Globalization;

namespace P2PLearn.Learning.Simulation;

/// <summary>The network between the honest nodes of a simulation, in virtual time; everything random in it follows from the run's seed.</summary>
/// <remarks>Attackers are not held up by it: they hear and send at once, as the papers assume.</remarks>
public sealed record NetworkOptions
{
    /// <summary>How <see cref="Bandwidth"/> is said when there is no limit.</summary>
    public const string Unlimited = "unlimited";

    /// <summary>How long a node that leaves is away on average, unless said otherwise; seconds.</summary>
    public const double DefaultAwaySeconds = 3;

    /// <summary>One-way delay of a message in ms, drawn anew for each; in [0, 10,000]. Default 1 to 50.</summary>
    public NumberRange Latency { get; init; } = new(1, 50);

    /// <summary>What a node sends and receives in Mbit/s, one model after the other each way, drawn once for each node; in [0.01, 100,000]. Null, the default: no limit.</summary>
    public NumberRange? Bandwidth { get; init; }

    /// <summary>Chance that the transfer of a model breaks; it is then fetched as the daemon does, with the same chance. In [0, 0.9]. Default 0.</summary>
    public double Loss { get; init; }

    /// <summary>Chance that an honest node leaves at the end of a round; in [0, 0.5]. Default 0.</summary>
    public double Churn { get; init; }

    /// <summary>Mean of the time that it is away; drawn between half and one and a half of it. In (0, 3600] s. Default 3.</summary>
    public double AwaySeconds { get; init; } = DefaultAwaySeconds;

    /// <summary>Reads a bandwidth.</summary>
    /// <param name="text">"unlimited", or as <see cref="NumberRange.Parse"/> reads it.</param>
    /// <exception cref="ArgumentException">Something else; one line for the user.</exception>
    public static NumberRange? ParseBandwidth(string text) => text == Unlimited ? null : NumberRange.Parse(text, "bandwidth");

    /// <summary>Takes over a churn such as "0.05" or "0.05:10", chance and mean seconds away.</summary>
    /// <exception cref="ArgumentException">Something else; one line for the user.</exception>
    public NetworkOptions WithChurn(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        string[] parts = text.Split(':');
        double away = DefaultAwaySeconds;
        bool read = TryRead(parts[0], out double chance) && (parts.Length == 1 || (parts.Length == 2 && TryRead(parts[1], out away)));
        return read
            ? this with { Churn = chance, AwaySeconds = away }
            : throw new ArgumentException($"churn is '{text}', but must be a chance such as 0.05, or with mean seconds away, 0.05:10");
    }

    /// <summary>The churn as <see cref="WithChurn"/> reads it.</summary>
    public string ChurnText => Churn == 0 ? "0" : string.Create(CultureInfo.InvariantCulture, $"{Churn}:{AwaySeconds}");

    /// <summary>The bandwidth as <see cref="ParseBandwidth"/> reads it.</summary>
    public string BandwidthText => Bandwidth?.ToString() ?? Unlimited;

    /// <summary>Checks every value.</summary>
    /// <exception cref="ArgumentException">The first value that is out of range, in one line for the user.</exception>
    public void Validate()
    {
        InRange(Latency.Least, 0, 10_000, "latency");
        InRange(Latency.Most, Latency.Least, 10_000, "latency");
        InRange(Bandwidth?.Least ?? 1, 0.01, 100_000, "bandwidth");
        InRange(Bandwidth?.Most ?? 1, Bandwidth?.Least ?? 1, 100_000, "bandwidth");
        InRange(Loss, 0, 0.9, "loss");
        InRange(Churn, 0, 0.5, "churn");
        if (!(AwaySeconds is > 0 and <= 3600))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"churn: away is {AwaySeconds}, but must be in (0, 3600] seconds"));
        }
    }

    private static bool TryRead(string text, out double value) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out value);

    private static void InRange(double value, double minimum, double maximum, string name)
    {
        if (!(value >= minimum && value <= maximum))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} is {value}, but must be in [{minimum}, {maximum}]"));
        }
    }
}
