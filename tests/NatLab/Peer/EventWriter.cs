using System.Diagnostics;
using System.Text.Json.Nodes;

namespace P2PLearn.NatPeer;

/// <summary>Writes each event as one line of JSON, with the milliseconds since the program began.</summary>
internal sealed class EventWriter(TextWriter output)
{
    private readonly long _began = Stopwatch.GetTimestamp();

    public void Write(string name, params ReadOnlySpan<(string Name, JsonNode? Value)> fields)
    {
        var line = new JsonObject
        {
            ["event"] = name,
            ["ms"] = Math.Round(Stopwatch.GetElapsedTime(_began).TotalMilliseconds, 1),
        };
        foreach ((string field, JsonNode? value) in fields)
        {
            line[field] = value;
        }

        lock (output)
        {
            output.WriteLine(line.ToJsonString());
            output.Flush();
        }
    }
}
