using System.Diagnostics;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class BlockStoreKillTests
{
    [Fact]
    public Task What_was_acknowledged_survives_kill_9_at_any_moment() => KillAsync(20);

    [Fact(Explicit = true)]
    public Task Long_what_was_acknowledged_survives_200_kills() => KillAsync(200);

    private static async Task KillAsync(int kills)
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        await temporary.Store.DisposeAsync();
        HashSet<string> held = [];
        HashSet<string> pinned = [];
        var random = new Random(1);
        for (int kill = 0; kill < kills; kill++)
        {
            await WriteAndKillAsync(temporary.Folder, random.Next(1, 60), random.Next(0, 30), held, pinned);

            await temporary.OpenAsync();
            string[] lost = [.. held.Where(text => !temporary.Store.TryGetSize(Parse(text), out _))];
            Assert.True(lost.Length == 0, $"kill {kill}: {lost.Length} of {held.Count} blocks are lost");
            BlockStoreCheck check = await temporary.Store.CheckAsync(repair: false, default);
            Assert.True(check.IsClean, $"kill {kill}: {check}");
            Assert.DoesNotContain(check.PinnedButMissing, p => held.Contains(p.Pin));
            Assert.True(temporary.Store.Stats().PinCount >= pinned.Count, $"kill {kill}: pins are lost");
            await temporary.Store.DisposeAsync();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{kills} kills, {held.Count} acknowledged blocks held, {pinned.Count} pins");
    }

    private static Cid Parse(string text) => Cid.TryParse(text, out Cid? cid) ? cid : throw new FormatException(text);

    private static async Task WriteAndKillAsync(string folder, int lines, int milliseconds, HashSet<string> held, HashSet<string> pinned)
    {
        var info = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
        info.Environment[BlockWriterProcess.Variable] = folder;
        using Process writer = Process.Start(info)!;
        int read = 0;
        try
        {
            while (await writer.StandardOutput.ReadLineAsync().LimitAsync("a line of the writer") is { } line)
            {
                Note(line, held, pinned);
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
    }

    private static void Note(string line, HashSet<string> held, HashSet<string> pinned)
    {
        switch (line[0])
        {
            case '+':
                held.Add(line[1..]);
                break;
            case '-':
                held.Remove(line[1..]);
                break;
            case '=':
                pinned.Add(line[1..]);
                break;
        }
    }
}
