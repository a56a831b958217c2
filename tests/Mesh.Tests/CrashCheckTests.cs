using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Node.Hosting;

namespace P2PLearn.Mesh.Tests;

/// <summary>The crash tests would notice a loss.</summary>
public sealed class CrashCheckTests
{
    private static readonly RunSettings Run = new()
    {
        Model = "logistic", Aggregator = "mean", Faulty = 0, MinPeers = 1, Gradients = RunSettings.MaxGradients, CheckpointRounds = 2,
    };

    private static readonly (Action<string> Lose, string Noticed)[] Losses =
    [
        (folder => Array.ForEach(Directory.GetFiles(folder, "replicated.db*"), File.Delete), "the attestation of the checkpoint of round"),
        (folder => LoseLine(Path.Combine(folder, "events.jsonl")), "the log lacks 1 lines"),
        (folder => File.Delete(Path.Combine(folder, "progress.bin")), "progress is round -1"),
        (folder => Array.ForEach(Directory.GetFiles(Path.Combine(folder, "blocks", "blocks"), "*", SearchOption.AllDirectories), File.Delete), "is not whole"),
        (folder => LoseBlock(Path.Combine(folder, "blocks", "blocks")), "the store is not clean"),
        (folder => IdentityFile.Create(Path.Combine(folder, "identity.key")), "and was 12D3KooW"),
    ];

    [Fact]
    public async Task A_loss_is_noticed_whatever_is_lost()
    {
        await using var mesh = new TestMesh();
        await using var nodes = new CrashMesh(mesh);
        await nodes.StartAsync(["n"], (name, seed, _) => mesh.Trainer(name, seed, Run, 0, 1));
        CrashNode node = nodes.Nodes[0];
        int made = 0;
        await node.UntilAsync(0, e => e is CheckpointMade && ++made == 2, "two checkpoints");
        await node.KillAsync();
        Assert.Equal([], await FindAsync());

        foreach ((Action<string> lose, string noticed) in Losses)
        {
            CrashCheck.CopyFolder(node.Folder, mesh.Folders["sound"]);
            lose(node.Folder);
            Assert.Contains(await FindAsync(), line => line.Contains(noticed, StringComparison.Ordinal));
            Directory.Delete(node.Folder, recursive: true);
            Directory.Move(mesh.Folders["sound"], node.Folder);
        }

        async Task<IReadOnlyList<string>> FindAsync()
        {
            var tally = new CrashTally();
            await new CrashCheck(mesh.Folders, tally).RunAsync(node, "a loss");
            return tally.Missing;
        }
    }

    private static void LoseLine(string log) => File.WriteAllLines(log, File.ReadAllLines(log)[..^1]);

    private static void LoseBlock(string blocks) => File.Delete(Directory.EnumerateFiles(blocks, "*", SearchOption.AllDirectories).First());
}
