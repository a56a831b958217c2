using System.Text.Json;
using P2PLearn.Actors.Monitoring;

namespace P2PLearn.Actors.Tests.Monitoring;

public sealed class EventLogTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-events-").FullName;

    private string File => Path.Combine(_folder, "events.jsonl");

    [Fact]
    public async Task Each_event_is_one_line_with_its_kind_first_and_reads_back()
    {
        var seen = new List<string>();
        await using (var log = new EventLog(File, 1 << 20, (_, line) => seen.Add(line), TimeProvider.System))
        {
            log.Record(new Listening("/ip4/127.0.0.1/tcp/1"));
            log.Record(new RoundCompleted(3, 30, "mixed", null, 0.5, [new CandidateOutcome("p", "kept", 1.5, 0.25)], 1, 2, 3, 4, 5));
        }

        string[] lines = await System.IO.File.ReadAllLinesAsync(File, TestContext.Current.CancellationToken);
        Assert.Equal(seen, lines);
        Assert.StartsWith("{\"event\":\"listening\",\"address\":\"/ip4/127.0.0.1/tcp/1\"", lines[0], StringComparison.Ordinal);
        var round = Assert.IsType<RoundCompleted>(JsonSerializer.Deserialize<MeshEvent>(lines[1], EventLog.Json));
        Assert.Equal("kept", round.Candidates[0].Outcome);
        Assert.NotEqual(default, round.At);
    }

    [Fact]
    public async Task The_file_is_rotated_and_never_grows_beyond_two_of_its_size()
    {
        await using (var log = new EventLog(File, 1000, null, TimeProvider.System))
        {
            for (int i = 0; i < 100; i++)
            {
                log.Record(new Listening($"/ip4/127.0.0.1/tcp/{i}"));
            }
        }

        Assert.InRange(new FileInfo(File).Length, 0, 1200);
        Assert.InRange(new FileInfo(File + ".1").Length, 1000, 1200);
    }

    [Fact]
    public async Task Flushing_waits_for_what_was_recorded()
    {
        int seen = 0;
        await using var log = new EventLog(null, 1, (_, _) => seen++, TimeProvider.System);
        log.Record(new NodeStopped());
        log.Record(new NodeStopped());
        await log.FlushAsync();
        Assert.Equal(2, seen);
    }

    [Fact]
    public async Task A_slow_reader_costs_events_never_memory_and_the_loss_is_told()
    {
        var gate = new ManualResetEventSlim();
        await using (var log = new EventLog(File, 1 << 30, (_, _) => gate.Wait(TimeSpan.FromSeconds(30)), TimeProvider.System))
        {
            for (int i = 0; i < EventLog.MaxQueued + 50; i++)
            {
                log.Record(new NodeStopped());
            }

            gate.Set();
        }

        string text = await System.IO.File.ReadAllTextAsync(File, TestContext.Current.CancellationToken);
        Assert.Contains("{\"event\":\"dropped\",\"count\":", text, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);
}
