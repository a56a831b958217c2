using System.Diagnostics;
using System.Globalization;
using P2PLearn.Networking.Storage;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Storage;

public sealed class DurableTablesKillTests
{
    [Fact]
    public Task What_was_applied_survives_kill_9_at_any_moment() => KillAsync(8);

    [Fact(Explicit = true)]
    public Task Long_what_was_applied_survives_200_kills() => KillAsync(200);

    private static async Task KillAsync(int kills)
    {
        string folder = Directory.CreateTempSubdirectory("p2plearn-tables-").FullName;
        string path = Path.Combine(folder, "tables.db");
        var random = new Random(1);
        int told = -1;
        try
        {
            for (int kill = 0; kill < kills; kill++)
            {
                told = Math.Max(told, await WriteAndKillAsync(path, random.Next(1, 60), random.Next(0, 20)));
                using DurableTables tables = DurableTables.Open(path);
                Assert.True(tables.FindFault() is null, $"kill {kill}: {tables.FindFault()}");
                int[] counted = [.. tables.Load(TableWriterProcess.Counted).Select(TableWriterProcess.NumberOf)];
                int[] last = [.. tables.Load(TableWriterProcess.Last).Select(e => TableWriterProcess.NumberOf(new StoredEntry(e.Content, [])))];
                Assert.True(counted.Length > told, $"kill {kill}: {counted.Length} steps are there, {told + 1} were told");
                Assert.Equal(Enumerable.Range(0, counted.Length), counted);
                Assert.Equal([counted.Length - 1], last); // a step is there whole or not at all
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills, {told + 1} steps told");
    }

    /// <summary>The highest step that the writer told of before it was killed.</summary>
    private static async Task<int> WriteAndKillAsync(string path, int lines, int milliseconds)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        info.Environment[TableWriterProcess.Variable] = path;
        using Process writer = Process.Start(info)!;
        int read = 0;
        int told = -1;
        try
        {
            while (await writer.StandardOutput.ReadLineAsync().LimitAsync("a line of the writer") is { } line)
            {
                told = int.Parse(line, CultureInfo.InvariantCulture);
                if (++read == lines)
                {
                    await Task.Delay(milliseconds);
                    writer.Kill();
                }
            }
        }
        finally
        {
            writer.Kill();
            await writer.WaitForExitAsync().LimitAsync("the end of the writer");
        }

        Assert.True(read >= lines, $"the writer ended by itself after {read} lines");
        return told;
    }
}
