using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Learning.Data;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>Meshes of real processes that train something else than digits, and models of one's own.</summary>
public sealed class OtherModelsTests
{
    private static readonly string Plugin = Path.Combine(AppContext.BaseDirectory, "plugins", "P2PLearn.PluginModel.dll");

    [Fact]
    public async Task Four_nodes_and_an_attacker_train_a_transformer_on_a_text()
    {
        await using var mesh = new TestMesh();
        string source = $"text:{WriteText(mesh)}?length=16&vocabulary=ascii";
        RunSettings run = new()
        {
            Model = "char-transformer",
            MinPeers = 5,
            Gradients = 60,
            LocalSteps = 20,
            Batch = 8,
            LearningRate = 2,
            DecaySteps = 1000,
            MaxDeadline = TimeSpan.FromSeconds(60),
            EvaluateImages = 100,
        };
        await TrainAsync(mesh, run, source, honest: 4, attacker: "sign-flip");

        // No honest node took the attacker's vectors as they were, and each is better than at guessing: ln 96 = 4.56. One that was behind may have jumped a round.
        string attacker = mesh.Events<NodeStarted>("attacker").Single().PeerId;
        foreach (string name in Honest(4))
        {
            RoundCompleted[] rounds = [.. mesh.Events<RoundCompleted>(name)];
            Assert.Equal(3, rounds[^1].Round);
            Assert.All(rounds, r => Assert.DoesNotContain(r.Candidates, c => c.Peer == attacker && c.Outcome == "kept"));
            RunFinished finished = mesh.Events<RunFinished>(name).Single();
            Assert.InRange(finished.Loss!.Value, 1, 3.9);
            Assert.InRange(finished.Accuracy!.Value, 0.1, 1); // a tenth of a text is its most frequent character
        }

        CliResult evaluated = await Cli.RunAsync(
            TestMesh.Limit, "model", "eval", Path.Combine(mesh.Folders["node-0"], "model.safetensors"), "--data", source, "--json");
        Assert.True(evaluated.ExitCode == 0, evaluated.Error);
        JsonElement view = JsonDocument.Parse(evaluated.Output).RootElement;
        Assert.Equal("char-transformer", view.GetProperty("model").GetString());
        Assert.Equal(mesh.Events<RunFinished>("node-0").Single().Accuracy!.Value, view.GetProperty("accuracy").GetDouble(), 1e-9);
    }

    [Fact]
    public async Task A_plug_ins_model_is_trained_on_a_plug_ins_data()
    {
        await using var mesh = new TestMesh();
        RunSettings run = new() { Model = "handwritten", Faulty = 0, MinPeers = 2, Gradients = 400, DecaySteps = 1000 };
        await TrainAsync(mesh, run, "rings", honest: 2, attacker: null, Plugin);

        foreach (string name in Honest(2))
        {
            Assert.InRange(mesh.Events<RunFinished>(name).Single().Accuracy!.Value, 0.9, 1);
        }

        string file = Path.Combine(mesh.Folders["node-0"], "model.safetensors");
        CliResult evaluated = await Cli.RunAsync(TestMesh.Limit, "model", "eval", file, "--data", "rings", "--plugin", Plugin);
        Assert.StartsWith("handwritten: accuracy ", evaluated.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_does_not_fit_together_is_one_line()
    {
        using var folders = new Folders();
        string[] node = ["node", "--found", "--data-dir", folders["node"]];
        string table = folders["table.csv"];
        await File.WriteAllTextAsync(table, "a,b,kind\n1,2,x\n3,,y\n", TestContext.Current.CancellationToken);
        Assert.Contains(
            $"{table}:3: column 'b' is empty; missing values are not guessed", await Cli.RefusedAsync([.. node, "--data", "csv:" + table]), StringComparison.Ordinal);
        await File.WriteAllTextAsync(table, "a,b,kind\n1,2,x\n3,4,y\n", TestContext.Current.CancellationToken);
        Assert.Contains(
            "model 'cnn' takes images of at least 16×16, not rows of 2 numbers in 2 classes",
            await Cli.RefusedAsync([.. node, "--data", "csv:" + table, "--model", "cnn"]), StringComparison.Ordinal);
        Assert.Contains(
            "model 'char-transformer' takes text, not rows of 2 numbers in 2 classes",
            await Cli.RefusedAsync("demo", "--data", "csv:" + table, "--model", "char-transformer"), StringComparison.Ordinal);
        Assert.Contains("none.dll: no such file", await Cli.RefusedAsync([.. node, "--plugin", "none.dll"]), StringComparison.Ordinal);
        Assert.Contains("no .NET assembly", await Cli.RefusedAsync("simulate", "--plugin", table), StringComparison.Ordinal);
        Assert.Contains(
            "unknown model 'handwritten'", await Cli.RefusedAsync("simulate", "--model", "handwritten", "--data", "csv:" + table), StringComparison.Ordinal);
    }

    [Fact(Explicit = true)]
    public async Task Long_A_mesh_trains_the_convolutional_network_on_fashion()
    {
        Assert.SkipUnless(Directory.Exists(FashionMnist.PackagedFolder), $"needs Debian's package dataset-fashion-mnist in {FashionMnist.PackagedFolder}");
        CliResult result = await Cli.RunAsync(
            TimeSpan.FromMinutes(20), "demo", "--nodes", "5", "--attackers", "1", "--model", "cnn", "--data", "fashion-mnist", "--gradients", "600", "--json");
        Assert.True(result.ExitCode == 0, result.Error);
        JsonElement report = JsonDocument.Parse(result.Output.TrimEnd('\n').Split('\n')[^1]).RootElement;
        double worst = report.GetProperty("honest_worst_accuracy").GetDouble();
        Assert.InRange(worst, 0.75, 1);
        Assert.InRange(report.GetProperty("controls").GetProperty("alone").GetProperty("honest_mean_accuracy").GetDouble(), 0.1, worst);
    }

    private static IEnumerable<string> Honest(int count) => Enumerable.Range(0, count).Select(i => $"node-{i}");

    /// <summary>Starts nodes that each have a share of the data, and waits until the honest ones have finished.</summary>
    private static async Task TrainAsync(TestMesh mesh, RunSettings run, string source, int honest, string? attacker, params string[] plugins)
    {
        NodeOptions Options(string name, string? seed, int share) => mesh.Member(name, seed) with
        {
            Run = run,
            Plugins = plugins,
            Data = new DataSection { Source = source, Partition = "iid", Share = share, Shares = honest },
        };
        string seed = await mesh.FoundAsync("node-0", Options("node-0", null, 0));
        for (int i = 1; i < honest; i++)
        {
            mesh.Start($"node-{i}", Options($"node-{i}", seed, i));
        }

        if (attacker is not null)
        {
            mesh.Start("attacker", Options("attacker", seed, 0) with { Attack = new AttackSection { Name = attacker } });
        }

        foreach (string name in Honest(honest))
        {
            await mesh[name].Finished.WaitAsync(TestMesh.Limit);
        }
    }

    /// <summary>The repository's own pages as one text.</summary>
    private static string WriteText(TestMesh mesh)
    {
        string path = mesh.Folders["pages.txt"];
        IEnumerable<string> pages = Directory.EnumerateFiles(Path.Combine(Folders.Root, "docs"), "*.md", SearchOption.AllDirectories);
        File.WriteAllText(path, string.Concat(pages.Order(StringComparer.Ordinal).Select(File.ReadAllText)));
        return path;
    }
}
