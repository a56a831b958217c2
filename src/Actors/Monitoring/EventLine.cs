using System.Text.Json;

namespace P2PLearn.Actors.Monitoring;

/// <summary>What one line of an event log is.</summary>
internal static class EventLine
{
    /// <summary>Longest line that is read, in bytes: a round with 256 trainers has below 100 KiB.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Reads a line as JSON.</summary>
    /// <param name="line">Untrusted, without its line feed; at most <see cref="MaxBytes"/>.</param>
    /// <param name="element">An object with an <c>event</c>, free of the line's memory; undefined when there is a fault.</param>
    /// <returns>Why it is no event; null when it is one.</returns>
    public static string? FindFault(ReadOnlyMemory<byte> line, out JsonElement element)
    {
        element = default;
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object
                || !root.TryGetProperty("event", out JsonElement kind)
                || kind.ValueKind != JsonValueKind.String)
            {
                return "no event";
            }

            element = root.Clone();
            return null;
        }
        catch (JsonException)
        {
            return "no JSON";
        }
    }
}
