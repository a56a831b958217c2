using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Actors.Tests.Monitoring;

/// <summary>A log goes on after a crash, and through a full disk.</summary>
public sealed class EventLogCrashTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-events-").FullName;

    private string Log => Path.Combine(_folder, "events.jsonl");

    [Theory]
    [InlineData("{\"event\":\"liste", 15)]
    [InlineData("\0\0\0\0\0", 5)]
    [InlineData("{\"event\":\"li\n", 12)]
    [InlineData("[1,2]\n", 5)]
    public async Task A_torn_last_line_is_ended_and_noted_and_the_next_event_is_whole(string torn, long bytes)
    {
        await WriteAsync(new Listening("a"));
        await File.AppendAllTextAsync(Log, torn, TestContext.Current.CancellationToken);
        await WriteAsync(new Listening("b"));
        await WriteAsync(new Listening("c")); // the note is the last word on it

        (List<MeshEvent> events, List<SkippedLine> skipped) = await ReadAsync();
        Assert.Equal(["a", "b", "c"], events.OfType<Listening>().Select(e => e.Address));
        Assert.Equal(bytes, Assert.Single(events.OfType<TornLine>()).Bytes);
        Assert.Equal((2, bytes), (Assert.Single(skipped).Line, skipped[0].Bytes));
    }

    [Fact]
    public async Task A_last_line_that_lacks_its_line_feed_only_is_an_event()
    {
        await WriteAsync(new Listening("a"));
        using (FileStream file = File.OpenWrite(Log))
        {
            file.SetLength(file.Length - 1);
        }

        Assert.Single((await ReadAsync()).Events);
        await WriteAsync(new Listening("b"));

        (List<MeshEvent> events, List<SkippedLine> skipped) = await ReadAsync();
        Assert.Equal(["a", "b"], events.Cast<Listening>().Select(e => e.Address));
        Assert.Empty(skipped);
    }

    [Fact]
    public async Task A_torn_line_longer_than_any_is_noted_too()
    {
        await File.WriteAllBytesAsync(Log, new byte[EventLogReader.MaxLineBytes + 5000], TestContext.Current.CancellationToken);
        await WriteAsync(new Listening("a"));
        (List<MeshEvent> events, List<SkippedLine> skipped) = await ReadAsync();
        Assert.Equal(EventLogReader.MaxLineBytes + 5000, Assert.IsType<TornLine>(events[0]).Bytes);
        Assert.Equal("a", Assert.IsType<Listening>(events[1]).Address);
        Assert.Contains("longer than", Assert.Single(skipped).Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_event_is_in_the_file_when_it_is_shown_so_that_kill_9_loses_none_that_was_seen()
    {
        var missing = new List<string>();
        await using (var log = new EventLog(Log, 300, ShowAndLook, TimeProvider.System)) // rotated every few lines
        {
            for (int i = 0; i < 50; i++)
            {
                log.Record(new Listening($"{i}"));
            }
        }

        Assert.Empty(missing);

        void ShowAndLook(MeshEvent happened, string line)
        {
            if (!EventLogReader.FilesOf(Log).Where(File.Exists).Any(f => ReadShared(f).EndsWith(line + "\n", StringComparison.Ordinal)))
            {
                missing.Add(line);
            }
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task On_a_full_disk_events_are_dropped_counted_and_noted_when_there_is_room(bool canTakeBack)
    {
        var disk = new LimitedDisk { BytesFree = 250, CanTakeBack = canTakeBack };
        var shown = new List<MeshEvent>();
        await using (var log = new EventLog(Log, 1 << 20, (happened, _) => shown.Add(happened), TimeProvider.System, disk.Open))
        {
            for (int i = 0; i < 10; i++)
            {
                log.Record(new Listening($"{i}"));
            }

            await log.FlushAsync();
            disk.BytesFree = 10_000;
            log.Record(new Listening("room"));
        }

        (List<MeshEvent> events, List<SkippedLine> skipped) = await ReadAsync();
        int kept = events.OfType<Listening>().Count() - 1;
        Assert.InRange(kept, 1, 9);
        Assert.Equal(10 - kept, Assert.Single(events.OfType<EventsDropped>()).Count);
        Assert.Equal("room", Assert.IsType<Listening>(events[^1]).Address);
        Assert.Equal(11, shown.OfType<Listening>().Count()); // whoever watches misses nothing
        Assert.Equal(canTakeBack ? 0 : 1, skipped.Count);
        Assert.Equal(skipped.Count, events.OfType<TornLine>().Count());
    }

    [Fact]
    public async Task A_log_that_cannot_be_opened_costs_events_and_nothing_else()
    {
        Directory.CreateDirectory(Log);
        await using (var log = new EventLog(Log, 1 << 20, null, TimeProvider.System))
        {
            log.Record(new Listening("a"));
            await log.FlushAsync();
            Directory.Delete(Log);
            log.Record(new Listening("b"));
        }

        (List<MeshEvent> events, _) = await ReadAsync();
        Assert.Equal(1, Assert.IsType<EventsDropped>(events[0]).Count);
        Assert.Equal("b", Assert.IsType<Listening>(events[1]).Address);
    }

    [Fact]
    public async Task A_crash_before_or_after_the_rename_of_a_rotation_loses_nothing()
    {
        await WriteAsync(new Listening("a"));
        File.Move(Log, Log + ".1"); // and killed before the new file was made
        await WriteAsync(new Listening("b"));
        (List<MeshEvent> events, _) = await ReadAsync();
        Assert.Equal(["a", "b"], events.Cast<Listening>().Select(e => e.Address));
    }

    [Fact]
    public async Task A_file_that_cannot_be_rotated_goes_on_growing()
    {
        Directory.CreateDirectory(Path.Combine(Log + ".1", "in the way"));
        await using (var log = new EventLog(Log, 100, null, TimeProvider.System))
        {
            for (int i = 0; i < 20; i++)
            {
                log.Record(new Listening($"{i}"));
            }
        }

        string[] lines = await File.ReadAllLinesAsync(Log, TestContext.Current.CancellationToken);
        Assert.Equal(20, lines.Length);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static string ReadShared(string path)
    {
        using var reader = new StreamReader(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
        return reader.ReadToEnd();
    }

    private async Task WriteAsync(MeshEvent happened)
    {
        await using var log = new EventLog(Log, 1 << 20, null, TimeProvider.System);
        log.Record(happened);
    }

    private async Task<(List<MeshEvent> Events, List<SkippedLine> Skipped)> ReadAsync()
    {
        List<SkippedLine> skipped = [];
        List<MeshEvent> events = [];
        await foreach (MeshEvent happened in new EventLogReader(Log, skipped.Add).ReadAsync(TestContext.Current.CancellationToken))
        {
            events.Add(happened);
        }

        return (events, skipped);
    }
}
