using System.Text;
using System.Text.Json;
using CsCheck;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Actors.Tests.Monitoring;

/// <summary>Whatever bytes stand in a log, reading ends, and a writer goes on behind them.</summary>
public sealed class EventLogProperties
{
    private static readonly string[] Wrong = ["\n", "rubbish\n", "{\"event\":3}\n", "\0\0\0", "{\"event\":\"listening\"", "\u00e9\n"];

    private static readonly Gen<string> Lines = Gen.OneOf(
        Gen.String[Gen.Char['a', 'z'], 0, 40].Select(a => JsonSerializer.Serialize<MeshEvent>(new Listening(a), EventLog.Json) + "\n"),
        Gen.Int[0, Wrong.Length - 1].Select(i => Wrong[i]));

    [Fact]
    public Task Every_line_is_an_event_or_a_note_and_what_is_written_next_is_read() =>
        Gen.Select(Lines.Array[0, 12].Select(string.Concat), Gen.Int[0, 2000]).SampleAsync(
            async (text, cut) =>
            {
                string folder = Directory.CreateTempSubdirectory("p2plearn-events-").FullName;
                try
                {
                    string file = Path.Combine(folder, "events.jsonl");
                    byte[] bytes = Encoding.UTF8.GetBytes(text);
                    bytes = bytes[..Math.Min(cut, bytes.Length)];
                    await File.WriteAllBytesAsync(file, bytes);
                    int lines = bytes.Count(b => b == '\n') + (bytes.Length > 0 && bytes[^1] != '\n' ? 1 : 0);
                    Assert.Equal(lines, await CountAsync(file, null));
                    await using (var log = new EventLog(file, 1 << 20, null, TimeProvider.System))
                    {
                        log.Record(new Listening("next"));
                    }

                    Assert.InRange(await CountAsync(file, "next"), lines + 1, lines + 2);
                }
                finally
                {
                    Directory.Delete(folder, recursive: true);
                }
            },
            iter: 100);

    private static async Task<int> CountAsync(string file, string? last)
    {
        int count = 0;
        MeshEvent? seen = null;
        await foreach (MeshEvent happened in new EventLogReader(file, _ => count++).ReadAsync(CancellationToken.None))
        {
            count++;
            seen = happened;
        }

        Assert.True(last is null || seen is Listening { Address: var address } && address == last, $"the last event is {seen}");
        return count;
    }
}
