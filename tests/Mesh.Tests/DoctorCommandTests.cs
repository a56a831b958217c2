using System.Text.Json.Nodes;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary><c>p2plearn doctor</c> as a user runs it.</summary>
public sealed class DoctorCommandTests : IDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);

    private readonly Folders _folders = new();

    [Fact]
    public async Task A_folder_that_is_missing_or_no_nodes_is_refused_and_left_alone()
    {
        Assert.Contains("no such data directory", await Cli.RefusedAsync("doctor", "--data-dir", _folders["none"]), StringComparison.Ordinal);
        Assert.False(Directory.Exists(_folders["none"]));
        Directory.CreateDirectory(_folders["other"]);
        Assert.Contains("not a node's data directory", await Cli.RefusedAsync("doctor", "--data-dir", _folders["other"]), StringComparison.Ordinal);
        Assert.Empty(Directory.EnumerateFileSystemEntries(_folders["other"]));
    }

    [Fact]
    public async Task A_running_node_is_to_be_stopped_first()
    {
        await using var mesh = new TestMesh();
        await mesh.FoundAsync("a", mesh.Member("a", null));
        string said = await Cli.RefusedAsync("doctor", "--data-dir", mesh.Folders["a"]);
        Assert.Contains("stop it first", said, StringComparison.Ordinal);
        mesh["a"].Kill();
        await Assert.ThrowsAsync<InvalidOperationException>(() => mesh["a"].Finished.WaitAsync(Limit));
        CliResult doctor = await Cli.RunAsync(Limit, "doctor", "--data-dir", mesh.Folders["a"]);
        Assert.True(doctor.ExitCode == 0, doctor.Output + doctor.Error);
        Assert.Contains(mesh.Events<NodeStarted>("a").Single().PeerId, doctor.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_node_with_damaged_progress_says_how_to_mend_it_and_trains_again_after_that()
    {
        var run = new RunSettings { Model = "logistic", Aggregator = "mean", Faulty = 0, MinPeers = 1, Gradients = 60 };
        await using var mesh = new TestMesh();
        NodeOptions options = mesh.Trainer("n", null, run, 0, 1);
        Directory.CreateDirectory(options.DataDir);
        string progress = Path.Combine(options.DataDir, "progress.bin");
        await File.WriteAllBytesAsync(progress, new byte[5000], TestContext.Current.CancellationToken);

        mesh.Start("n", options);
        var ended = await Assert.ThrowsAsync<InvalidOperationException>(() => mesh["n"].Finished.WaitAsync(Limit));
        Assert.Equal(
            $"n ended with code 1: p2plearn: {progress}: damaged: its checksum does not fit; "
                + $"run 'p2plearn doctor --repair --data-dir {options.DataDir}'",
            ended.Message);

        CliResult doctor = await Cli.RunAsync(Limit, "doctor", "--data-dir", options.DataDir, "--json");
        Assert.Equal(1, doctor.ExitCode);
        JsonNode found = JsonNode.Parse(doctor.Output)!.AsArray().Single(f => (string)f!["check"]! == "progress.bin")!;
        Assert.Equal("problem", (string)found["state"]!);
        doctor = await Cli.RunAsync(Limit, "doctor", "--repair", "--data-dir", options.DataDir);
        Assert.True(doctor.ExitCode == 0, doctor.Output + doctor.Error);
        Assert.Contains("progress.bin       repaired", doctor.Output, StringComparison.Ordinal);

        mesh.Start("n", options);
        Assert.Equal(3, (await mesh["n"].Finished.WaitAsync(Limit)).Rounds);
    }

    public void Dispose() => _folders.Dispose();
}
