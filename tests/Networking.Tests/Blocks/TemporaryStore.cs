using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

/// <summary>A folder for a store that is gone after the test, and the store in it.</summary>
internal sealed class TemporaryStore : IAsyncDisposable
{
    private readonly bool _isOwner;

    private TemporaryStore(string folder, bool isOwner) => (Folder, _isOwner) = (folder, isOwner);

    public string Folder { get; }

    public FileBlockStore Store { get; private set; } = null!;

    public static async Task<TemporaryStore> CreateAsync(
        BlockStoreOptions? options = null, IBlockFiles? files = null, string? folder = null, TimeProvider? time = null)
    {
        var created = new TemporaryStore(folder ?? Directory.CreateTempSubdirectory("p2plearn-blocks-").FullName, folder is null);
        await created.OpenAsync(options, files, time);
        return created;
    }

    public async Task OpenAsync(BlockStoreOptions? options = null, IBlockFiles? files = null, TimeProvider? time = null) =>
        Store = await FileBlockStore.OpenAsync(
            Folder, options ?? new BlockStoreOptions(), time ?? TimeProvider.System, NullLoggerFactory.Instance, files ?? new BlockFiles(), default)
            .LimitAsync("opening the store");

    /// <summary>The bytes of the only store on this disk that has the block's file.</summary>
    public string FileOf(Block block) => Assert.Single(
        Directory.GetFiles(Path.Combine(Folder, "blocks"), block.Cid.ToString(), SearchOption.AllDirectories));

    /// <summary>As a crash leaves it: the index says that it is open.</summary>
    public async Task ReopenAfterCrashAsync(BlockStoreOptions? options = null)
    {
        await Store.DisposeAsync();
        using (var index = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(Folder, "index.db")};Pooling=False"))
        {
            index.Open();
            using Microsoft.Data.Sqlite.SqliteCommand command = index.CreateCommand();
            command.CommandText = "UPDATE state SET open = 1";
            command.ExecuteNonQuery();
        }

        await OpenAsync(options);
    }

    public async ValueTask DisposeAsync()
    {
        await Store.DisposeAsync();
        if (_isOwner)
        {
            Directory.Delete(Folder, recursive: true);
        }
    }
}

/// <summary>Blocks that are the same in every run.</summary>
internal static class SomeBlocks
{
    public static Block Create(int seed, int bytes = 1000)
    {
        byte[] content = new byte[bytes];
        new Random(seed).NextBytes(content);
        return Block.Create(content);
    }

    public static Block[] List(int count, int bytes = 1000, int seed = 0) => [.. Enumerable.Range(seed, count).Select(i => Create(i, bytes))];

    public static Task PutAllAsync(this IBlockStore store, IEnumerable<Block> blocks, [CallerArgumentExpression(nameof(blocks))] string? what = null) =>
        Task.WhenAll(blocks.Select(b => store.PutAsync(b, default).AsTask())).LimitAsync($"{what} to be stored");
}
