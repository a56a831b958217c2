using System.Globalization;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Commands;

/// <summary>A pull as lines of text where nobody looks at a terminal: what is new, and how far it is now and then. Pure.</summary>
internal sealed class PullLines
{
    /// <summary>Least time between two lines about the same model.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    private (string Type, string Root) _last;
    private TimeSpan _lastAt;

    /// <summary>The line about an event, or null when it says little that is new.</summary>
    /// <param name="happened">The event.</param>
    /// <param name="now">Time since the pull began.</param>
    public string? Next(PullEventView happened, TimeSpan now)
    {
        if (_last == (happened.Type, happened.Root) && now - _lastAt < Period)
        {
            return null;
        }

        _last = (happened.Type, happened.Root);
        _lastAt = now;
        return LineOf(happened);
    }

    /// <summary>An event as a line.</summary>
    public static string LineOf(PullEventView happened) => happened.Type switch
    {
        PullEvents.Searching => $"{happened.Root}  looking for who has it",
        PullEvents.Fetching => $"{happened.Root}  {HowFar(happened)}",
        PullEvents.Kept => $"{happened.Root}  kept: {ModelText.Bytes(happened.TotalBytes)}, {happened.Message}",
        _ => happened.Message ?? happened.Type,
    };

    private static string HowFar(PullEventView happened)
    {
        double share = happened.TotalBytes == 0 ? 1 : (double)happened.BytesDone / happened.TotalBytes;
        string left = happened.BytesPerSecond > 0
            ? string.Create(CultureInfo.InvariantCulture, $", {Duration((happened.TotalBytes - happened.BytesDone) / happened.BytesPerSecond)} left")
            : "";
        string providers = happened.Providers == 1 ? "1 provider" : $"{happened.Providers} providers";
        return string.Create(
            CultureInfo.InvariantCulture,
            $"{Math.Floor(100 * share):0} % of {ModelText.Bytes(happened.TotalBytes)}, {providers}, {ModelText.Bytes(happened.BytesPerSecond)}/s{left}");
    }

    private static string Duration(double seconds) => seconds switch
    {
        < 120 => string.Create(CultureInfo.InvariantCulture, $"{Math.Ceiling(seconds):0} s"),
        < 7200 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0} min"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:0.#} h"),
    };
}
