using System.Globalization;
using System.Text;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Networking.Files;

namespace P2PLearn.Node.Doctor;

/// <summary>Every line of the event log is an event, or noted as torn.</summary>
internal sealed class EventsCheck : IDoctorCheck
{
    /// <summary>Longest log file that is rewritten, in bytes: four times what a node lets one grow to.</summary>
    public const long MaxRewrittenBytes = 64 << 20;

    public string Name => "events.jsonl";

    public async Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        long events = 0;
        List<SkippedLine> bad = [];
        foreach (string file in EventLogReader.FilesOf(context.Data.EventFile))
        {
            (long read, List<SkippedLine> found) = await ReadAsync(file, cancellationToken);
            events += read;
            bad.AddRange(found);
            if (repair && found.Count > 0)
            {
                await RewriteAsync(file, context.Time.GetUtcNow(), cancellationToken);
            }
        }

        if (bad.Count == 0)
        {
            return Finding.Ok(string.Create(CultureInfo.InvariantCulture, $"{events} events"));
        }

        string first = $"{Path.GetFileName(bad[0].File)}:{bad[0].Line}: {bad[0].Reason}";
        return repair
            ? Finding.Repaired($"{events} events; a note stands in place of {bad.Count} unreadable lines ({first})")
            : Finding.Problem($"{bad.Count} unreadable lines between {events} events ({first})", "readers skip them; --repair puts a note in their place");
    }

    /// <summary>Counts events, and collects the unreadable lines that no note follows.</summary>
    private static async Task<(long Events, List<SkippedLine> Bad)> ReadAsync(string file, CancellationToken cancellationToken)
    {
        long events = 0;
        List<SkippedLine> bad = [];
        bool isNoted = true;
        await foreach (JsonElement element in EventLogReader.ReadFileAsync(file, Skip, cancellationToken))
        {
            if (!isNoted && element.GetProperty("event").GetString() == "torn_line")
            {
                bad.RemoveAt(bad.Count - 1);
            }

            isNoted = true;
            events++;
        }

        return (events, bad);

        void Skip(SkippedLine line)
        {
            bad.Add(line);
            isNoted = false;
        }
    }

    private static async Task RewriteAsync(string file, DateTimeOffset now, CancellationToken cancellationToken)
    {
        if (new FileInfo(file).Length > MaxRewrittenBytes)
        {
            PutAside.File(file);
            return;
        }

        var text = new StringBuilder();
        await foreach (JsonElement element in EventLogReader.ReadFileAsync(file, Note, cancellationToken))
        {
            text.Append(element.GetRawText()).Append('\n');
        }

        DurableFile.Replace(file, Encoding.UTF8.GetBytes(text.ToString()), ownerOnly: false);

        void Note(SkippedLine line) =>
            text.Append(JsonSerializer.Serialize<MeshEvent>(new TornLine(line.Bytes) { At = now }, EventLog.Json)).Append('\n');
    }
}
