using System.Text;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Actors.Tests.Monitoring;

public sealed class EventLogReaderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-events-").FullName;
    private readonly List<SkippedLine> _skipped = [];

    private string Log => Path.Combine(_folder, "events.jsonl");

    [Fact]
    public async Task The_older_file_comes_first_and_a_missing_log_is_empty()
    {
        Assert.Empty(await ReadAsync());
        await File.WriteAllTextAsync(Log + ".1", Line("a"), TestContext.Current.CancellationToken);
        await File.WriteAllTextAsync(Log, Line("b"), TestContext.Current.CancellationToken);
        Assert.Equal(["a", "b"], (await ReadAsync()).Cast<Listening>().Select(e => e.Address));
        Assert.Empty(_skipped);
    }

    [Fact]
    public async Task Each_skipped_line_is_told_with_file_number_and_reason()
    {
        string text = Line("a") + "rubbish\n" + "{\"no\":1}\n" + "{\"event\":\"of the future\",\"x\":1}\n" + "\n" + Line("b") + "{\"event\":";
        await File.WriteAllTextAsync(Log, text, TestContext.Current.CancellationToken);
        Assert.Equal(["a", "b"], (await ReadAsync()).Cast<Listening>().Select(e => e.Address));
        Assert.All(_skipped, s => Assert.Equal(Log, s.File));
        Assert.Equal(
            [
                (2, 7, "no JSON"), (3, 8, "no event"), (4, 31, "an event of another version"), (5, 0, "no JSON"),
                (7, 9, "torn: the file ends within it"),
            ],
            _skipped.Select(s => (s.Line, s.Bytes, s.Reason)));
    }

    [Fact]
    public async Task Raw_reading_gives_the_events_of_other_versions_too()
    {
        await File.WriteAllTextAsync(Log, Line("a") + "{\"event\":\"of the future\",\"x\":1}\nrubbish\n", TestContext.Current.CancellationToken);
        List<string> kinds = [];
        await foreach (JsonElement element in new EventLogReader(Log, _skipped.Add).ReadRawAsync(TestContext.Current.CancellationToken))
        {
            kinds.Add(element.GetProperty("event").GetString()!);
        }

        Assert.Equal(["listening", "of the future"], kinds);
        Assert.Equal(3, Assert.Single(_skipped).Line);
    }

    [Theory]
    [InlineData(0, true)]
    [InlineData(1, false)]
    [InlineData(5_000_000, false)]
    public async Task A_line_beyond_the_limit_is_skipped_and_the_next_one_read(int beyond, bool isRead)
    {
        string frame = Line("");
        string line = Line(new string('x', EventLogReader.MaxLineBytes - (frame.Length - 1) + beyond));
        await File.WriteAllTextAsync(Log, line + Line("b"), TestContext.Current.CancellationToken);
        Assert.Equal(isRead ? 2 : 1, (await ReadAsync()).Count);
        Assert.Equal(isRead ? [] : [(1L, (long)EventLogReader.MaxLineBytes + beyond)], _skipped.Select(s => (s.Line, s.Bytes)));
    }

    [Fact]
    public async Task A_log_cut_at_any_byte_gives_all_whole_lines_before_the_cut_and_one_note()
    {
        byte[] whole = Encoding.UTF8.GetBytes(Line("first") + Line("zweite größer") + Line("") + Line("the last"));
        int[] feeds = [.. Enumerable.Range(0, whole.Length).Where(i => whole[i] == '\n')];
        for (int cut = 0; cut <= whole.Length; cut++)
        {
            _skipped.Clear();
            await File.WriteAllBytesAsync(Log, whole[..cut], TestContext.Current.CancellationToken);
            int lines = feeds.Count(f => f <= cut); // a line that lacks its line feed only is whole
            int rest = cut - (lines == 0 ? 0 : Math.Min(cut, feeds[lines - 1] + 1));
            Assert.Equal(lines, (await ReadAsync()).Count);
            Assert.Equal(rest == 0 ? [] : [(lines + 1L, (long)rest)], _skipped.Select(s => (s.Line, s.Bytes)));

            await using (var log = new EventLog(Log, 1 << 20, null, TimeProvider.System))
            {
                log.Record(new Listening("after the crash"));
            }

            _skipped.Clear();
            List<MeshEvent> after = await ReadAsync();
            Assert.Equal(lines + (rest == 0 ? 1 : 2), after.Count);
            Assert.Equal("after the crash", Assert.IsType<Listening>(after[^1]).Address);
            Assert.Equal(rest == 0 ? 0 : 1, _skipped.Count);
        }
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string Line(string address) => JsonSerializer.Serialize<MeshEvent>(new Listening(address), EventLog.Json) + "\n";

    private async Task<List<MeshEvent>> ReadAsync()
    {
        List<MeshEvent> events = [];
        await foreach (MeshEvent happened in new EventLogReader(Log, _skipped.Add).ReadAsync(TestContext.Current.CancellationToken))
        {
            events.Add(happened);
        }

        return events;
    }
}
