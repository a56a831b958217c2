using System.Buffers.Binary;
using System.Text.Json;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>Models of real nodes, by their commands.</summary>
public sealed class ModelCommandTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);

    [Fact]
    public async Task A_pushed_model_goes_from_node_to_node_and_outlives_the_one_that_brought_it()
    {
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync("a", mesh.Member("a", null));
        foreach (string name in (string[])["b", "c"])
        {
            mesh.Start(name, mesh.Member(name, seed));
        }

        await mesh.UntilAsync(() => ((string[])["a", "b", "c"]).All(n => mesh.Events<MembersChanged>(n).LastOrDefault()?.Up == 3), () => "not all are up");
        string file = mesh.Folders["net.safetensors"];
        float[] theta = WriteSafetensors(file, 300_000);

        string root = (await ModelAsync(mesh, "a", "push", file)).Trim();
        Assert.StartsWith("bafkrei", root, StringComparison.Ordinal);
        Assert.Matches($@"{root}  pushed  .* 1.2 MB  complete", await ModelAsync(mesh, "a", "list"));
        Assert.Equal("no models are kept here\n", await ModelAsync(mesh, "b", "list"));

        string[] said = (await ModelAsync(mesh, "b", "pull", root, "--timeout", "00:01:00")).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal($"{root}  looking for who has it", said[0]);
        Assert.Contains(said, line => line.StartsWith($"{root}  kept: 1.2 MB, made by {PeerOf(mesh, "a")}", StringComparison.Ordinal));
        Assert.Equal("1 of 1 models are kept", said[^1]);
        JsonElement listed = Assert.Single(JsonDocument.Parse(await ModelAsync(mesh, "b", "list", "--json")).RootElement.GetProperty("models").EnumerateArray());
        Assert.Equal((root, "pulled", true), (listed.GetProperty("root").GetString(), listed.GetProperty("kind").GetString(), listed.GetProperty("complete").GetBoolean()));

        mesh["a"].Kill();
        string[] events = (await ModelAsync(mesh, "c", "pull", root, "--json", "--from", PeerOf(mesh, "b"))).Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal("done", JsonDocument.Parse(events[^1]).RootElement.GetProperty("type").GetString());
        await ModelAsync(mesh, "c", "export", root, "-o", mesh.Folders["out.safetensors"]);
        (string names, float[] floats) = ReadSafetensors(mesh.Folders["out.safetensors"]);
        Assert.Equal("first,second", names);
        Assert.Equal(theta, floats);
        Assert.Contains("--force", await RefusedAsync(mesh, "c", "export", root, "-o", mesh.Folders["out.safetensors"]), StringComparison.Ordinal);

        // The node that was killed has its model still, and no node needs to run for looking at it.
        Assert.Contains(root, await ModelAsync(mesh, "a", "list"), StringComparison.Ordinal);
        Assert.Contains("second", await ModelAsync(mesh, "a", "show", root), StringComparison.Ordinal);
        await ModelAsync(mesh, "a", "export", root, "-o", mesh.Folders["out.safetensors"], "--force");
        Assert.Equal(theta, ReadSafetensors(mesh.Folders["out.safetensors"]).Floats);
        Assert.Contains("no node runs", await RefusedAsync(mesh, "a", "pull", root), StringComparison.Ordinal);
        Assert.Contains("is no mlp: it has the tensors first [2,3,25000], second [150000]", await RefusedAsync(mesh, "a", "eval", root, "--data", "mnist:" + Folders.Mnist, "--model", "mlp"), StringComparison.Ordinal);
        await ModelAsync(mesh, "a", "drop", root);
        Assert.Equal("no models are kept here\n", await ModelAsync(mesh, "a", "list"));
    }

    [Fact]
    public async Task What_cannot_be_had_or_used_is_one_line()
    {
        const string unknown = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
        await using var mesh = new TestMesh();
        NodeOptions small = mesh.Member("a", null);
        await mesh.FoundAsync("a", small with { Blocks = small.Blocks with { QuotaBytes = BlocksSection.MinQuotaBytes } });
        string garbage = mesh.Folders["garbage"];
        await File.WriteAllTextAsync(garbage, "this is no model", TestContext.Current.CancellationToken);
        string large = mesh.Folders["large.safetensors"];
        WriteSafetensors(large, (int)(BlocksSection.MinQuotaBytes / 4) + 8);

        Assert.Contains("nobody who", await RefusedAsync(mesh, "a", "pull", unknown, "--timeout", "00:00:03"), StringComparison.Ordinal);
        Assert.Contains("only safetensors files", await RefusedAsync(mesh, "a", "push", garbage), StringComparison.Ordinal);
        Assert.Contains("no such file", await RefusedAsync(mesh, "a", "push", garbage + "x"), StringComparison.Ordinal);
        Assert.Contains("no room for", await RefusedAsync(mesh, "a", "push", large), StringComparison.Ordinal);
        Assert.Contains("is no peer id", await RefusedAsync(mesh, "a", "pull", unknown, "--from", "x"), StringComparison.Ordinal);
        Assert.Contains("neither a root", await RefusedAsync(mesh, "a", "show", "x"), StringComparison.Ordinal);
        Assert.Contains("is not here", await RefusedAsync(mesh, "a", "show", unknown), StringComparison.Ordinal);
        Assert.Contains("is not here", await RefusedAsync(mesh, "a", "export", unknown, "-o", mesh.Folders["x"]), StringComparison.Ordinal);
        Assert.Contains("is not kept here", await RefusedAsync(mesh, "a", "drop", unknown), StringComparison.Ordinal);
        Assert.Contains("no such file", await RefusedAsync(mesh, "a", "eval", "none.safetensors", "--data", "mnist:x"), StringComparison.Ordinal);
        Assert.Contains("no data directory of a node", await Cli.RefusedAsync("model", "list", "--data-dir", Folders.Root), StringComparison.Ordinal);
        string host = $"127.0.0.1:{mesh.Events<NodeStarted>("a").Single().ManagementPort}";
        Assert.Contains("read-only", await Cli.RefusedAsync("model", "push", large, "--host", host), StringComparison.Ordinal);
        Assert.Equal("no models are kept here\n", await ModelAsync(mesh, "a", "list"));
    }

    private static string PeerOf(TestMesh mesh, string name) => mesh.Events<NodeStarted>(name).Single().PeerId;

    private static async Task<string> ModelAsync(TestMesh mesh, string name, params string[] arguments)
    {
        CliResult result = await Cli.RunAsync(Limit, ["model", .. arguments, "--data-dir", mesh.Folders[name]]);
        Assert.True(result.ExitCode == 0, $"model {string.Join(' ', arguments)}: {result.Error}");
        return result.Output;
    }

    private static Task<string> RefusedAsync(TestMesh mesh, string name, params string[] arguments) =>
        Cli.RefusedAsync(["model", .. arguments, "--data-dir", mesh.Folders[name]]);

    /// <summary>Two tensors of half the floats each, by the rules of the format.</summary>
    private static float[] WriteSafetensors(string path, int count)
    {
        int half = count / 2;
        string header = $$$"""{"first":{"dtype":"F32","shape":[2,3,{{{half / 6}}}],"data_offsets":[0,{{{4 * half}}}]},"second":{"dtype":"F32","shape":[{{{half}}}],"data_offsets":[{{{4 * half}}},{{{8 * half}}}]}}""";
        byte[] bytes = new byte[8 + header.Length + (8 * half)];
        BinaryPrimitives.WriteInt64LittleEndian(bytes, header.Length);
        System.Text.Encoding.ASCII.GetBytes(header, bytes.AsSpan(8));
        float[] theta = new float[2 * half];
        for (int i = 0; i < theta.Length; i++)
        {
            theta[i] = MathF.Sin(i); // no two blocks alike
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8 + header.Length + (4 * i)), theta[i]);
        }

        File.WriteAllBytes(path, bytes);
        return theta;
    }

    /// <summary>Reads a file as any tool would: length, JSON, and the floats where the JSON says that they are.</summary>
    private static (string Names, float[] Floats) ReadSafetensors(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        using JsonDocument header = JsonDocument.Parse(bytes.AsMemory(8, length));
        List<string> names = [];
        List<float> floats = [];
        foreach (JsonProperty tensor in header.RootElement.EnumerateObject())
        {
            Assert.Equal("F32", tensor.Value.GetProperty("dtype").GetString());
            int[] range = [.. tensor.Value.GetProperty("data_offsets").EnumerateArray().Select(o => o.GetInt32())];
            int count = tensor.Value.GetProperty("shape").EnumerateArray().Aggregate(1, (product, size) => product * size.GetInt32());
            Assert.Equal(4 * count, range[1] - range[0]);
            names.Add(tensor.Name);
            for (int at = range[0]; at < range[1]; at += 4)
            {
                floats.Add(BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(8 + length + at)));
            }
        }

        Assert.Equal(bytes.Length, 8 + length + (4 * floats.Count));
        return (string.Join(',', names), [.. floats]);
    }
}
