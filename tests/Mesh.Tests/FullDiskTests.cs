using System.Diagnostics;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>A disk that fills up under a node that trains.</summary>
public sealed class FullDiskTests
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    private static readonly RunSettings Run = new()
    {
        Model = "logistic", Aggregator = "mean", Faulty = 0, MinPeers = 1, Gradients = 2_000_000,
    };

    [Fact]
    public async Task A_full_disk_is_one_clear_line_and_the_node_goes_on_from_its_last_durable_round()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "needs tmpfs");
        await using var mesh = new TestMesh();
        NodeOptions options = mesh.Trainer("n", null, Run, 0, 1);
        Directory.CreateDirectory(options.DataDir);
        Assert.SkipUnless(Succeeds("mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", options.DataDir), "may not mount a tmpfs: not root");
        try
        {
            await mesh.FoundAsync("n", options);
            await mesh.UntilAsync(() => mesh.Round("n") >= 3, () => "it does not train");

            // A progress file that was just being replaced makes room once more: filled again at each event.
            await mesh.UntilAsync(() => IsFilled(options.DataDir) && mesh.Events<NodeStopped>("n").Any(), () => "it does not stop");
            var ended = await Assert.ThrowsAsync<InvalidOperationException>(() => mesh["n"].Finished.WaitAsync(Patience));
            Assert.Contains("n ended with code 1", ended.Message, StringComparison.Ordinal);
            string expected = $"{options.DataDir}/progress.bin: cannot be written: the disk is full";
            Assert.Single(ended.Message.Split(" | "), l => l.Contains("p2plearn: ", StringComparison.Ordinal) && l.EndsWith(expected, StringComparison.Ordinal));
            Assert.InRange(ended.Message.Split(" | ").Length, 1, 4); // what happened to each of the files, once, and at the end what came of it
            Assert.DoesNotContain("   at ", ended.Message, StringComparison.Ordinal);

            int durable = mesh.Round("n");
            Assert.True(Succeeds("mount", "-o", "remount,size=64m", options.DataDir));
            await DoctorIsContentAsync(options.DataDir); // before that it says of each file that the disk is full
            int starts = mesh.Events<RunStarted>("n").Count();
            await mesh.FoundAsync("n", options);
            await mesh.UntilAsync(() => mesh.Round("n") >= durable + 3, () => $"it does not go on from round {durable}");
            Assert.Equal(durable + 1, mesh.Events<RunStarted>("n").Skip(starts).First().Round);

            await mesh["n"].StopAsync(Patience);
            await DoctorIsContentAsync(options.DataDir);
            await TheLogIsWholeAsync(options.DataDir);
        }
        finally
        {
            Succeeds("umount", "-l", options.DataDir); // a node that is still alive when the test has failed holds it
        }
    }

    private static async Task DoctorIsContentAsync(string folder)
    {
        CliResult doctor = await Cli.RunAsync(Patience, "doctor", "--data-dir", folder);
        Assert.True(doctor.ExitCode == 0, doctor.Output + doctor.Error);
        Assert.DoesNotContain(" problem ", doctor.Output, StringComparison.Ordinal);
    }

    private static async Task TheLogIsWholeAsync(string folder)
    {
        List<SkippedLine> skipped = [];
        await foreach (MeshEvent happened in new EventLogReader(Path.Combine(folder, "events.jsonl"), skipped.Add)
            .ReadAsync(TestContext.Current.CancellationToken))
        {
            Assert.IsNotType<TornLine>(happened);
        }

        Assert.Empty(skipped);
    }

    /// <summary>Writes until there is no room for a byte more.</summary>
    private static bool IsFilled(string folder)
    {
        using var filler = new FileStream(Path.Combine(folder, "filler"), FileMode.Append, FileAccess.Write, FileShare.None, bufferSize: 0);
        byte[] page = new byte[4096];
        try
        {
            while (true)
            {
                filler.Write(page);
            }
        }
        catch (IOException)
        {
            return true;
        }
    }

    private static bool Succeeds(string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true })!;
        process.WaitForExit();
        return process.ExitCode == 0;
    }
}
