using System.Diagnostics;
using System.Text.Json;
using P2PLearn.Node.Demo;

namespace P2PLearn.Mesh.Tests;

/// <summary><c>p2plearn simulate</c> and <c>plot</c> as a user runs them.</summary>
public sealed class SimulateCommandTests : IDisposable
{
    private static readonly string[] Small =
        ["simulate", "--nodes", "5", "--byzantine", "1", "--model", "logistic", "--partition", "iid", "--gradients", "40", "--local-steps", "20", "--attack", "foe"];

    private readonly Folders _folders = new();

    [Fact]
    public async Task A_grid_that_was_killed_goes_on_where_it_was()
    {
        string folder = _folders["sweep"];
        string[] arguments = [.. Small, "--threads", "1", "--grid", "attack=foe,nan", "seed=1..4", "--out", folder];
        var start = new ProcessStartInfo(NodeProcess.Program) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folders.Root };
        Array.ForEach(arguments, start.ArgumentList.Add);
        using (Process process = Process.Start(start)!)
        {
            string? line = "";
            while (line is not null && !line.StartsWith("3 of 8  ", StringComparison.Ordinal))
            {
                line = await process.StandardError.ReadLineAsync(TestContext.Current.CancellationToken);
            }

            Assert.NotNull(line);
            process.Kill();
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        }

        string kept = Path.Combine(folder, "attack=foe,seed=2.jsonl");
        DateTime written = File.GetLastWriteTimeUtc(kept);
        CliResult second = await Cli.RunAsync(TimeSpan.FromMinutes(3), [.. arguments, "--plot", _folders["plots"]]);
        Assert.True(second.ExitCode == 0, second.Error);
        Assert.Matches("^[34567] of 8 runs are in ", second.Error);
        Assert.Equal(written, File.GetLastWriteTimeUtc(kept));
        string[] table = second.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(3, table.Length);
        Assert.Matches("^foe +4 +", table[1]);
        Assert.True(File.Exists(Path.Combine(folder, "summary.csv")));
        Assert.True(new FileInfo(Path.Combine(_folders["plots"], "accuracy-rounds.png")).Length > 1000);

        CliResult third = await Cli.RunAsync(TimeSpan.FromMinutes(1), [.. arguments, "--json"]);
        Assert.Equal("", third.Error);
        Assert.Equal(2, JsonDocument.Parse(third.Output).RootElement.GetArrayLength());
    }

    [Fact]
    public async Task A_run_leaves_a_line_for_each_round_and_pictures_and_json_alone_on_the_output()
    {
        string file = _folders["run.jsonl"];
        CliResult result = await Cli.RunAsync(TimeSpan.FromMinutes(2), [.. Small, "--out", file, "--plot", _folders["plots"], "--json"]);
        Assert.True(result.ExitCode == 0, result.Error);
        Assert.Equal("", result.Error);
        Assert.Equal("foe", JsonDocument.Parse(result.Output).RootElement.GetProperty("settings").GetProperty("attack").GetString());
        Assert.Equal(
            ["settings", "round", "round", "end"],
            (await File.ReadAllLinesAsync(file, TestContext.Current.CancellationToken)).Select(l => JsonDocument.Parse(l).RootElement.GetProperty("type").GetString()));
        Assert.Equal(8, Directory.GetFiles(_folders["plots"]).Length);

        CliResult plot = await Cli.RunAsync(TimeSpan.FromMinutes(1), "plot", file, file, "--out", _folders["again"]);
        Assert.True(plot.ExitCode == 0, plot.Error);
        Assert.Equal(4, plot.Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.Contains("run.jsonl is there already", await Cli.RefusedAsync([.. Small, "--out", file]), StringComparison.Ordinal);
    }

    // One process each: the runtime looks at these variables when it starts. Without AVX2 the code is that of processors with vectors of 16 bytes, such as ARM's.
    [Theory]
    [InlineData("centred-clipping")]
    [InlineData("nnm+trimmed-mean")]
    [InlineData("mean-around-median")]
    public async Task All_processors_give_the_same_bits_whatever_vectors_they_have(string aggregator)
    {
        string[] switches = ["", "DOTNET_EnableAVX512", "DOTNET_EnableAVX2", "DOTNET_EnableHWIntrinsic"];
        CliResult[] results = await Task.WhenAll(switches.Select(name => Cli.RunAsync(
            TimeSpan.FromMinutes(2),
            name.Length == 0 ? new Dictionary<string, string>() : new Dictionary<string, string> { [name] = "0" },
            [.. Small, "--aggregator", aggregator, "--threads", "1", "--json"])));
        Assert.All(results, r => Assert.True(r.ExitCode == 0, r.Error));
        Assert.Single(results.Select(r => JsonDocument.Parse(r.Output).RootElement.GetProperty("model_hash").GetString()).Distinct());
    }

    [Theory]
    [InlineData("latency is '5ms', but must be a number or two such as 1-50", "--latency", "5ms")]
    [InlineData("bandwidth=0: bandwidth is 0, but must be in [0.01, 100000]", "--grid", "bandwidth=0")]
    [InlineData("churn is 0.9, but must be in [0, 0.5]", "--churn", "0.9")]
    [InlineData("--loss", "--loss", "much")]
    [InlineData("unknown setting 'colour' in the grid: use nodes", "--grid", "colour=red")]
    [InlineData("attack=bite: unknown attack 'bite'", "--grid", "attack=foe,bite")]
    [InlineData("guard is 3, but must be in [0, 2]", "--guard", "3")]
    public async Task What_cannot_be_simulated_is_refused_before_anything_runs(string expected, params string[] arguments)
    {
        string folder = _folders["none"];
        Assert.Contains(expected, await Cli.RefusedAsync(["simulate", .. arguments, "--out", folder]), StringComparison.Ordinal);
        Assert.False(Path.Exists(folder));
    }

    [Fact]
    public async Task What_is_no_results_file_is_not_plotted()
    {
        string file = _folders["text"];
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        await File.WriteAllTextAsync(file, "hello\n", TestContext.Current.CancellationToken);
        Assert.Contains("line 1 is no line of a results file", await Cli.RefusedAsync("plot", file), StringComparison.Ordinal);
        Assert.Contains("no-such.jsonl", await Cli.RefusedAsync("plot", _folders["no-such.jsonl"]), StringComparison.Ordinal);
    }

    public void Dispose() => _folders.Dispose();
}
