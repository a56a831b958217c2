using System.Runtime.CompilerServices;
using System.Text.Json;

namespace P2PLearn.Actors.Monitoring;

/// <summary>Reads an event log, the older of its two files first. What cannot be read is skipped and told.</summary>
/// <remarks>
/// A log may have torn lines: a power cut ends one anywhere. A last line that lacks nothing but its line feed counts as whole. While a node
/// writes, its last line may be seen half, and the files may change places once between the two.
/// </remarks>
/// <param name="path">The log's path, as <see cref="EventLog"/> got it; a file that does not exist is an empty one.</param>
/// <param name="skipped">Called for each line that is skipped, in the order of the log.</param>
public sealed class EventLogReader(string path, Action<SkippedLine> skipped)
{
    /// <summary>Longest line that is read, in bytes; a longer one is skipped without being held in memory.</summary>
    public const int MaxLineBytes = EventLine.MaxBytes;

    /// <summary>The files of a log, the older one first, whether they exist or not.</summary>
    public static IReadOnlyList<string> FilesOf(string path) => [EventFile.OlderFile(path), path];

    /// <summary>Reads the events that this version knows.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public async IAsyncEnumerable<MeshEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach ((LogLine line, string file, JsonElement element) in ReadLinesAsync(cancellationToken))
        {
            if (Parse(element, out string? reason) is { } happened)
            {
                yield return happened;
            }
            else
            {
                skipped(new SkippedLine(file, line.Number, line.Bytes, reason!));
            }
        }
    }

    /// <summary>Reads the events as they are written, those of other versions too: objects with an <c>event</c>.</summary>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public async IAsyncEnumerable<JsonElement> ReadRawAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach ((_, _, JsonElement element) in ReadLinesAsync(cancellationToken))
        {
            yield return element;
        }
    }

    /// <summary>Reads one file of a log as <see cref="ReadRawAsync"/> does.</summary>
    public static async IAsyncEnumerable<JsonElement> ReadFileAsync(
        string file, Action<SkippedLine> skipped, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(skipped);
        await foreach ((_, JsonElement element) in ReadLinesAsync(file, skipped, cancellationToken))
        {
            yield return element;
        }
    }

    private async IAsyncEnumerable<(LogLine Line, string File, JsonElement Element)> ReadLinesAsync(
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        foreach (string file in FilesOf(path))
        {
            await foreach ((LogLine line, JsonElement element) in ReadLinesAsync(file, skipped, cancellationToken))
            {
                yield return (line, file, element);
            }
        }
    }

    private static async IAsyncEnumerable<(LogLine Line, JsonElement Element)> ReadLinesAsync(
        string file, Action<SkippedLine> skipped, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (!File.Exists(file))
        {
            yield break;
        }

        await using var stream = new FileStream(
            file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
        await foreach (LogLine line in EventLines.ReadAsync(stream, cancellationToken))
        {
            JsonElement element = default;
            string? fault = line.Content is { } content
                ? EventLine.FindFault(content, out element)
                : $"longer than {MaxLineBytes} bytes";
            if (fault is null)
            {
                yield return (line, element);
            }
            else
            {
                skipped(new SkippedLine(file, line.Number, line.Bytes, line.IsEnded ? fault : "torn: the file ends within it"));
            }
        }
    }

    private static MeshEvent? Parse(JsonElement element, out string? reason)
    {
        try
        {
            reason = null;
            return element.Deserialize<MeshEvent>(EventLog.Json);
        }
        catch (Exception e) when (e is JsonException or NotSupportedException)
        {
            reason = "an event of another version";
            return null;
        }
    }
}
