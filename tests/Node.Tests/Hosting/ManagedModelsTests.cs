using P2PLearn.Actors.Models;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Hosting;

public sealed class ManagedModelsTests : IDisposable
{
    private static readonly float[] Theta = [1, 2, 3, 4, 5, 6, 7, 8];
    private readonly TemporaryFolder _folder = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_pushed_file_is_listed_shown_exported_and_dropped()
    {
        await using ModelShelf shelf = await OpenAsync();
        string file = WriteModel("net.safetensors");

        ModelPushedView pushed = await shelf.Models.PushAsync(file, Token);

        Assert.Equal((32, 8, 0), (pushed.Bytes, pushed.Parameters, pushed.Told));
        ModelView listed = Assert.Single((await shelf.Models.ListAsync(Token)).Models);
        Assert.Equal(new ModelView(pushed.Root, "pushed", null, 0, shelf.Maker.PeerId.ToString(), 32, true), listed);
        ModelDetailsView shown = (await shelf.Models.ShowAsync(pushed.Root, Token)).Model!;
        Assert.Equal(["pushed"], shown.Kinds);
        Assert.Equal(("float32", 8, 1, 1), (shown.Dtype, shown.Parameters, shown.Blocks, shown.BlocksHere));
        Assert.Equal(["w", "b"], shown.Layout.Select(t => t.Name));
        Assert.Equal(await File.ReadAllBytesAsync(file, Token), await ExportAsync(shelf, pushed.Root));

        Assert.Contains("no longer kept", (await shelf.Models.DropAsync(pushed.Root, Token)).Message, StringComparison.Ordinal);
        Assert.Empty((await shelf.Models.ListAsync(Token)).Models);
        Assert.Contains("is not kept here", await RefusedAsync(() => shelf.Models.DropAsync(pushed.Root, Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_cannot_be_used_is_one_line()
    {
        await using ModelShelf shelf = await OpenAsync();
        string garbage = Path.Combine(_folder.Path, "garbage");
        await File.WriteAllTextAsync(garbage, "this is no model", Token);

        string said = await RefusedAsync(() => shelf.Models.PushAsync(garbage, Token));

        Assert.StartsWith(garbage, said, StringComparison.Ordinal);
        Assert.Contains("only safetensors files of F32 tensors", said, StringComparison.Ordinal);
        Assert.Contains("cannot be read", await RefusedAsync(() => shelf.Models.PushAsync(garbage + "x", Token)), StringComparison.Ordinal);
        Assert.Contains("no absolute path", await RefusedAsync(() => shelf.Models.PushAsync("net.safetensors", Token)), StringComparison.Ordinal);
        Assert.Empty(shelf.Library.List());
    }

    [Fact]
    public async Task What_does_not_fit_into_the_quota_takes_nothing_of_it()
    {
        await using ModelShelf shelf = await OpenAsync(quotaBytes: 400);
        await shelf.AddAsync(ModelKeep.Checkpoint, 1, shelf.Maker, Theta);
        string file = Path.Combine(_folder.Path, "large.safetensors");
        ModelFile.Write(file, new ModelLayout([new ParameterShape("w", [100])]), new float[100]);

        Assert.Contains("no room for 400 bytes", await RefusedAsync(() => shelf.Models.PushAsync(file, Token)), StringComparison.Ordinal);
        ModelFile.Write(file, new ModelLayout([new ParameterShape("w", [20])]), new float[20]);
        Assert.Contains("is pinned", await RefusedAsync(() => shelf.Models.PushAsync(file, Token)), StringComparison.Ordinal); // the manifest is too much

        Assert.Equal(ModelKeep.Checkpoint, Assert.Single(shelf.Library.List()).Keep);
        Assert.Single(shelf.Store.ListPins(""));
    }

    [Fact]
    public async Task A_checkpoint_is_never_dropped()
    {
        await using ModelShelf shelf = await OpenAsync();
        StoredModel model = await shelf.AddAsync(ModelKeep.Checkpoint, 7, shelf.Maker, Theta);

        Assert.Contains("is a checkpoint", await RefusedAsync(() => shelf.Models.DropAsync(model.Root.ToString(), Token)), StringComparison.Ordinal);
        await shelf.AddAsync(ModelKeep.Pulled, 7, shelf.Maker, Theta);
        Assert.Contains("except as a checkpoint", (await shelf.Models.DropAsync(model.Root.ToString(), Token)).Message, StringComparison.Ordinal);

        Assert.Equal(ModelKeep.Checkpoint, Assert.Single(shelf.Library.List()).Keep);
    }

    [Fact]
    public async Task A_run_is_its_newest_agreed_checkpoint()
    {
        await using ModelShelf shelf = await OpenAsync();
        StoredModel mine = await shelf.AddAsync(ModelKeep.Checkpoint, 8, shelf.Maker, Theta);
        string own = shelf.Maker.PeerId.ToString();
        string other = Cid.ForRaw([1]).ToString();
        shelf.Checkpoints =
        [
            new CheckpointView(ModelShelf.Run, 9, own, Cid.ForRaw([2]).ToString(), 32, null, false),
            new CheckpointView(ModelShelf.Run, 8, "QmOther", other, 32, 0.5, true),
            new CheckpointView(ModelShelf.Run, 8, "QmStranger", Cid.ForRaw([3]).ToString(), 32, 0.5, false), // not of the agreed ones
            new CheckpointView(ModelShelf.Run, 8, own, mine.Root.ToString(), 32, 0.75, true),
        ];

        ModelRunView run = (await shelf.Models.ShowAsync("4F1C07", Token)).Run!;

        Assert.Equal((ModelShelf.Run, 8u, true), (run.Run, run.Round, run.Agreed));
        Assert.Equal(
            [new(mine.Root.ToString(), own, 32, 0.75, true), new(other, "QmOther", 32, 0.5, false)],
            run.Roots.OrderBy(r => r.Peer, StringComparer.Ordinal));
        Assert.Equal(
            [new(ModelShelf.Run, 9, 1, false), new(ModelShelf.Run, 8, 3, true)],
            (await shelf.Models.ListAsync(Token)).Checkpoints);
    }

    [Fact]
    public async Task Without_a_mesh_a_run_is_what_is_kept_of_it()
    {
        using KeyPair other = KeyPair.Generate();
        await using ModelShelf shelf = await OpenAsync(runs: false);
        await shelf.AddAsync(ModelKeep.Checkpoint, 8, shelf.Maker, Theta);
        StoredModel newest = await shelf.AddAsync(ModelKeep.Pulled, 9, other, Theta);

        ModelRunView run = (await shelf.Models.ShowAsync(ModelShelf.Run, Token)).Run!;

        Assert.Equal((9u, false), (run.Round, run.Agreed));
        Assert.Equal(newest.Root.ToString(), Assert.Single(run.Roots).Root);
        Assert.Contains("no node runs", await RefusedAsync(() => shelf.Models.PushAsync("/x", Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_run_is_pulled_maker_by_maker_and_what_cannot_be_pulled_is_refused_at_once()
    {
        await using ModelShelf shelf = await OpenAsync(); // it has no network: every fetch fails
        string[] roots = [.. Enumerable.Range(0, 4).Select(i => Cid.ForRaw([(byte)i]).ToString())];
        shelf.Checkpoints = [.. roots.Select((r, i) => new CheckpointView(ModelShelf.Run, 9, $"Qm{i}", r, 32, null, true))];

        List<PullEventView> events = [];
        await foreach (PullEventView happened in shelf.Models.PullAsync("4f1c07", [], TimeSpan.FromMinutes(1), Token))
        {
            events.Add(happened);
        }

        Assert.Equal(roots, events.Select(e => e.Root).Distinct());
        Assert.Equal(PullEvents.Failed, events[^1].Type);
        Assert.Contains("no peer id", await PullRefusedAsync(shelf, roots[0], "x"), StringComparison.Ordinal);
        Assert.Contains("no run", await PullRefusedAsync(shelf, "abcdef"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("hello", "neither a root of a model")]
    [InlineData("abcde", "neither a root of a model")]
    [InlineData("abcdef", "no run 'abcdef' is known here")]
    [InlineData("bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy", "is not here; fetch it")]
    public async Task A_name_that_means_nothing_is_one_line(string name, string expected)
    {
        await using ModelShelf shelf = await OpenAsync();
        Assert.Contains(expected, await RefusedAsync(() => shelf.Models.ShowAsync(name, Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_prefix_of_two_runs_is_refused()
    {
        await using ModelShelf shelf = await OpenAsync();
        await shelf.AddAsync(ModelKeep.Checkpoint, 8, shelf.Maker, Theta);
        shelf.Checkpoints = [new CheckpointView(string.Concat(ModelShelf.Run.AsSpan(0, 63), "0"), 1, "Qm", "x", 1, null, true)];
        Assert.Contains("first digits of 2 runs", await RefusedAsync(() => shelf.Models.ShowAsync("4f1c07", Token)), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_not_here_completely_is_not_exported()
    {
        await using ModelShelf shelf = await OpenAsync();
        StoredModel model = await shelf.AddAsync(ModelKeep.Pulled, 1, shelf.Maker, Theta);
        await shelf.Store.DeleteAsync(model.Manifest.Blocks[0].Cid, Token);

        Assert.Contains("not here completely", await RefusedAsync(() => shelf.Models.ExportAsync(model.Root.ToString(), Token)), StringComparison.Ordinal);
        Assert.False(Assert.Single((await shelf.Models.ListAsync(Token)).Models).Complete);
    }

    private static Task<string> PullRefusedAsync(ModelShelf shelf, string name, params string[] from) => RefusedAsync(async () =>
    {
        await foreach (PullEventView happened in shelf.Models.PullAsync(name, from, TimeSpan.FromMinutes(1), Token))
        {
            Assert.Fail($"it began: {happened}");
        }
    });

    private static async Task<string> RefusedAsync(Func<Task> act) => (await Assert.ThrowsAsync<UserErrorException>(act)).Message;

    private static async Task<byte[]> ExportAsync(ModelShelf shelf, string root)
    {
        ModelExport export = await shelf.Models.ExportAsync(root, Token);
        using var bytes = new MemoryStream();
        await export.WriteToAsync(bytes, Token);
        Assert.Equal(export.Length, bytes.Length);
        return bytes.ToArray();
    }

    private Task<ModelShelf> OpenAsync(long quotaBytes = 1 << 20, bool runs = true) =>
        ModelShelf.OpenAsync(Path.Combine(_folder.Path, "blocks"), quotaBytes, runs);

    private string WriteModel(string name)
    {
        string file = Path.Combine(_folder.Path, name);
        ModelFile.Write(file, ModelShelf.Layout, Theta);
        return file;
    }
}
