using P2PLearn.Actors.Models;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Models;

/// <summary>Models as blocks, kept and fetched.</summary>
public sealed class ModelLibraryTests : IAsyncLifetime
{
    private readonly Fabric _fabric = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-models-").FullName;
    private LibraryNode _maker = null!;
    private LibraryNode _other = null!;

    public async ValueTask InitializeAsync()
    {
        _maker = await LibraryNode.OpenAsync(_fabric.AddNode(0), 0, Path.Combine(_folder, "0"));
        _other = await LibraryNode.OpenAsync(_fabric.AddNode(1), 1, Path.Combine(_folder, "1"));
    }

    public async ValueTask DisposeAsync()
    {
        await _maker.DisposeAsync();
        await _other.DisposeAsync();
        await _fabric.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_model_is_fetched_by_its_root_layout_and_all_and_kept()
    {
        (ModelLayout layout, byte[] bytes) = LibraryNode.Model(1, 2);
        StoredModel made = await AddAsync(layout, bytes);
        StoredModel pulled = await PullAsync(made.Root);
        Assert.Equal(_maker.Peer, pulled.Maker);
        Assert.Equal(layout.Hash.ToArray(), pulled.Layout.Hash.ToArray());
        byte[] read = new byte[bytes.Length];
        await _other.Library.ReadAsync(pulled, read, CancellationToken.None);
        Assert.Equal(bytes, read);
        Assert.Equal([(ModelKeep.Pulled, made.Root)], _other.Library.List());
        Assert.True(_other.Library.IsComplete(pulled));
        Assert.Equal(made.Root, (await _other.Library.OpenAsync(made.Root, CancellationToken.None))!.Root);
        Assert.True(await _other.Library.ReleaseAsync(ModelKeep.Pulled, made.Root, CancellationToken.None));
        Assert.Empty(_other.Library.List());
    }

    [Fact]
    public async Task A_changed_layer_sends_only_its_blocks()
    {
        (ModelLayout layout, byte[] bytes) = LibraryNode.Model(1, 2);
        await PullAsync((await AddAsync(layout, bytes)).Root);
        long before = _other.Store.Stats().Bytes;
        (_, byte[] changed) = LibraryNode.Model(1, 3);
        StoredModel next = await AddAsync(layout, changed);
        await PullAsync(next.Root);
        long more = _other.Store.Stats().Bytes - before;
        Assert.InRange(more, 1, 400_000 + 1000); // the second layer is of one value: one block, and the manifest
    }

    [Fact]
    public async Task A_manifest_that_is_refused_costs_no_block_and_keeps_nothing()
    {
        (ModelLayout layout, byte[] bytes) = LibraryNode.Model(1, 2);
        StoredModel made = await AddAsync(layout, bytes);
        BlockFetchException refused = await Assert.ThrowsAsync<BlockFetchException>(() => _other.Library.PullAsync(
            ModelKeep.Joined, made.Root, [_maker.Peer], _ => "not this one", null, CancellationToken.None).LimitAsync("the pull"));
        Assert.Contains("not this one", refused.Message, StringComparison.Ordinal);
        Assert.Equal(1, _other.Store.Stats().BlockCount);
        Assert.Empty(_other.Library.List());
    }

    [Fact]
    public async Task A_layout_that_does_not_fit_the_model_is_refused()
    {
        (ModelLayout layout, byte[] bytes) = LibraryNode.Model(1, 2);
        await AddAsync(layout, bytes);
        var manifest = new BlockManifest
        {
            Run = new byte[32], Round = 0, LayoutHash = layout.Hash, Dtype = ModelDtype.Float32, Parents = [], Blocks = [new BlockRef(Cid.ForRaw(bytes.AsSpan(0, 1000)), 1000)],
        };
        Block head = manifest.Seal(_maker.Key, new ManifestLimits());
        await _maker.Store.PutAsync(head, CancellationToken.None);
        BlockFetchException refused = await Assert.ThrowsAsync<BlockFetchException>(() => PullAsync(head.Cid));
        Assert.Contains("layout", refused.Message, StringComparison.Ordinal);
        Assert.Empty(_other.Library.List());
    }

    [Fact]
    public async Task What_nobody_has_ends_with_a_word_and_what_is_not_here_is_not_opened()
    {
        Cid nothing = Cid.ForRaw("nothing"u8);
        await Assert.ThrowsAsync<BlockFetchException>(() => PullAsync(nothing));
        Assert.Null(await _other.Library.OpenAsync(nothing, CancellationToken.None));
        (ModelLayout layout, byte[] bytes) = LibraryNode.Model(1, 2);
        StoredModel made = await AddAsync(layout, bytes);
        await _maker.Store.DeleteAsync(made.Manifest.Blocks[0].Cid, CancellationToken.None);
        Assert.False(_maker.Library.IsComplete(made));
        await Assert.ThrowsAsync<BlockFetchException>(() => _maker.Library.ReadAsync(made, new byte[bytes.Length], CancellationToken.None));
    }

    private Task<StoredModel> AddAsync(ModelLayout layout, byte[] bytes) =>
        _maker.Library.AddAsync(ModelKeep.Pushed, ModelOrigin.None, layout, bytes, _maker.Key, CancellationToken.None).LimitAsync("adding");

    private Task<StoredModel> PullAsync(Cid root) =>
        _other.Library.PullAsync(root, [_maker.Peer], null, CancellationToken.None).LimitAsync("the pull");
}
