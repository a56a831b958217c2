using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class FileBlockStoreTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(Block.MaxBytes)]
    public async Task A_block_comes_back_also_after_closing(int bytes)
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block block = SomeBlocks.Create(1, bytes);
        await temporary.Store.PutAsync(block, default);

        for (int i = 0; i < 2; i++)
        {
            Assert.Equal(block.Content.ToArray(), (await temporary.Store.GetAsync(block.Cid, default))!.Content.ToArray());
            Assert.True(temporary.Store.TryGetSize(block.Cid, out int size));
            Assert.Equal(bytes, size);
            Assert.True(await temporary.Store.HasAsync(block.Cid, default));
            await temporary.Store.DisposeAsync();
            await temporary.OpenAsync();
            Assert.Null(temporary.Store.Recovery);
        }
    }

    [Fact]
    public async Task A_dropped_pin_takes_with_it_what_it_alone_had_and_nothing_else()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block[] blocks = SomeBlocks.List(4);
        await temporary.Store.PutAllAsync(blocks);
        await temporary.Store.PinAsync("a", [blocks[0].Cid, blocks[1].Cid, SomeBlocks.Create(99).Cid], default); // one of them is not here
        await temporary.Store.PinAsync("b", [blocks[1].Cid, blocks[2].Cid], default);
        Assert.True(await temporary.Store.DropAsync("a", default));
        Assert.False(await temporary.Store.DropAsync("a", default));
        Assert.Equal([false, true, true, true], blocks.Select(b => temporary.Store.TryGetSize(b.Cid, out _)));
        Assert.Equal(3, temporary.Store.Stats().BlockCount);
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
        await temporary.ReopenAfterCrashAsync();
        Assert.Equal((3L, 3000L), (temporary.Store.Stats().BlockCount, temporary.Store.Stats().Bytes));
    }

    [Fact]
    public async Task What_is_not_held_is_null()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Cid other = Cid.Create(Multicodec.DagPb, Multihash.Sha256([1]));
        Assert.Null(await temporary.Store.GetAsync(SomeBlocks.Create(1).Cid, default));
        Assert.Null(await temporary.Store.GetAsync(other, default));
        Assert.False(temporary.Store.TryGetSize(other, out _));
        Assert.False(await temporary.Store.DeleteAsync(SomeBlocks.Create(1).Cid, default));
        Assert.False(await temporary.Store.UnpinAsync("none", default));
    }

    [Fact]
    public async Task Equal_blocks_are_kept_once()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        await temporary.Store.PutAllAsync(Enumerable.Repeat(SomeBlocks.Create(1), 50));
        Assert.Equal((1, 1000), (temporary.Store.Stats().BlockCount, temporary.Store.Stats().Bytes));
    }

    [Fact]
    public async Task A_deleted_block_is_gone_with_its_file()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block block = SomeBlocks.Create(1);
        await temporary.Store.PutAsync(block, default);
        string file = temporary.FileOf(block);

        Assert.True(await temporary.Store.DeleteAsync(block.Cid, default));

        Assert.False(File.Exists(file));
        Assert.Null(await temporary.Store.GetAsync(block.Cid, default));
        Assert.Equal(0, temporary.Store.Stats().Bytes);
    }

    [Fact]
    public async Task The_block_used_least_recently_is_evicted()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(new BlockStoreOptions { QuotaBytes = 3000 });
        Block[] blocks = SomeBlocks.List(4);
        foreach (Block block in blocks[..3])
        {
            await temporary.Store.PutAsync(block, default);
        }

        await temporary.Store.GetAsync(blocks[0].Cid, default);
        await temporary.Store.PutAsync(blocks[1], default); // again: a use
        await temporary.Store.PutAsync(blocks[3], default);

        Assert.Equal([true, true, false, true], blocks.Select(b => temporary.Store.TryGetSize(b.Cid, out _)));
        Assert.Equal((3000, 1), (temporary.Store.Stats().Bytes, temporary.Store.Stats().Evicted));
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
    }

    [Fact]
    public async Task Pinned_blocks_are_never_evicted_and_no_room_is_an_error()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(new BlockStoreOptions { QuotaBytes = 3000 });
        Block[] blocks = SomeBlocks.List(5);
        await temporary.Store.PinAsync("model", [.. blocks[..3].Select(b => b.Cid)], default); // before they come
        await temporary.Store.PutAllAsync(blocks[..3]);

        var refused = await Assert.ThrowsAsync<BlockStoreException>(() => temporary.Store.PutAsync(blocks[3], default).AsTask());
        Assert.Equal(BlockStoreProblem.QuotaExceeded, refused.Problem);
        Assert.Equal((1, 3, 3000), (temporary.Store.Stats().PinCount, temporary.Store.Stats().PinnedCount, temporary.Store.Stats().PinnedBytes));

        await temporary.Store.PinAsync("model", [.. blocks[1..3].Select(b => b.Cid)], default); // in place of the first
        await temporary.Store.PutAsync(blocks[3], default);
        Assert.Equal([false, true, true, true, false], blocks.Select(b => temporary.Store.TryGetSize(b.Cid, out _)));

        Assert.True(await temporary.Store.UnpinAsync("model", default));
        await temporary.Store.PutAllAsync(blocks);
        Assert.Equal(0, temporary.Store.Stats().PinnedCount);
    }

    [Fact]
    public async Task A_block_pinned_twice_stays_until_both_pins_end()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(new BlockStoreOptions { QuotaBytes = 1000 });
        Block[] blocks = SomeBlocks.List(2);
        await temporary.Store.PutAsync(blocks[0], default);
        await temporary.Store.PinAsync("a", [blocks[0].Cid], default);
        await temporary.Store.PinAsync("b", [blocks[0].Cid], default);
        await temporary.Store.UnpinAsync("a", default);
        await temporary.Store.DisposeAsync();
        await temporary.OpenAsync(new BlockStoreOptions { QuotaBytes = 1000 }); // pins last

        await Assert.ThrowsAsync<BlockStoreException>(() => temporary.Store.PutAsync(blocks[1], default).AsTask());
        await temporary.Store.UnpinAsync("b", default);
        await temporary.Store.PutAsync(blocks[1], default);
    }

    [Fact]
    public async Task A_damaged_block_is_not_returned_and_forgotten()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block block = SomeBlocks.Create(1);
        await temporary.Store.PutAsync(block, default);
        byte[] bytes = block.Content.ToArray();
        bytes[500] ^= 1;
        await File.WriteAllBytesAsync(temporary.FileOf(block), bytes, default(CancellationToken));

        Assert.Null(await temporary.Store.GetAsync(block.Cid, default));
        Assert.False(temporary.Store.TryGetSize(block.Cid, out _));
        Assert.Equal((0, 1), (temporary.Store.Stats().Bytes, temporary.Store.Stats().Damaged));
        await temporary.Store.PutAsync(block, default); // fetched again
        Assert.NotNull(await temporary.Store.GetAsync(block.Cid, default));
    }

    [Fact]
    public async Task The_check_finds_what_is_wrong_and_repairs_it()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block[] blocks = SomeBlocks.List(5);
        await temporary.Store.PutAllAsync(blocks[..4]);
        File.Delete(temporary.FileOf(blocks[0]));
        await File.WriteAllBytesAsync(temporary.FileOf(blocks[1]), [1, 2, 3], default(CancellationToken)); // another length
        byte[] changed = blocks[2].Content.ToArray();
        changed[0] ^= 1;
        await File.WriteAllBytesAsync(temporary.FileOf(blocks[2]), changed, default(CancellationToken));
        string orphan = Path.Combine(temporary.Folder, "blocks", Convert.ToHexStringLower(blocks[4].Cid.Hash.Digest[..1]), blocks[4].Cid.ToString());
        await File.WriteAllBytesAsync(orphan, blocks[4].Content.ToArray(), default(CancellationToken));
        await File.WriteAllBytesAsync(Path.Combine(temporary.Folder, "new", "17"), [1], default(CancellationToken));
        await File.WriteAllBytesAsync(Path.Combine(temporary.Folder, "blocks", "00", "notes.txt"), [1], default(CancellationToken));

        for (int i = 0; i < 2; i++)
        {
            BlockStoreCheck found = await temporary.Store.CheckAsync(repair: i == 1, default);
            Assert.False(found.IsClean);
            Assert.Equal([blocks[0].Cid], found.Missing);
            Assert.Equal(new[] { blocks[1].Cid, blocks[2].Cid }.ToHashSet(), [.. found.Damaged]);
            Assert.Equal([blocks[4].Cid], found.Orphans);
            Assert.Single(found.TornFiles);
            Assert.Single(found.Strangers);
        }

        BlockStoreCheck after = await temporary.Store.CheckAsync(repair: false, default);
        Assert.True(after.IsClean);
        Assert.Equal(2, after.BlockCount);
        Assert.Equal(2000, temporary.Store.Stats().Bytes);
        Assert.NotNull(await temporary.Store.GetAsync(blocks[4].Cid, default));
    }

    [Fact]
    public async Task After_a_crash_opening_puts_index_and_files_right()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block[] blocks = SomeBlocks.List(3);
        await temporary.Store.PutAllAsync(blocks[..2]);
        File.Delete(temporary.FileOf(blocks[0]));
        string orphan = Path.Combine(temporary.Folder, "blocks", Convert.ToHexStringLower(blocks[2].Cid.Hash.Digest[..1]), blocks[2].Cid.ToString());
        await File.WriteAllBytesAsync(orphan, blocks[2].Content.ToArray(), default(CancellationToken));
        await File.WriteAllBytesAsync(Path.Combine(temporary.Folder, "new", "1"), [1], default(CancellationToken));

        await temporary.ReopenAfterCrashAsync();

        BlockStoreCheck recovery = temporary.Store.Recovery!;
        Assert.Equal((1, 1, 1), (recovery.Missing.Count, recovery.Orphans.Count, recovery.TornFiles.Count));
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
        Assert.Equal(2000, temporary.Store.Stats().Bytes);
    }

    [Fact]
    public async Task A_pin_whose_blocks_are_missing_is_listed()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block block = SomeBlocks.Create(1);
        await temporary.Store.PinAsync("model", [block.Cid], default);
        BlockStoreCheck check = await temporary.Store.CheckAsync(false, default);
        Assert.Equal([("model", block.Cid)], check.PinnedButMissing);
        Assert.True(check.IsClean); // a fetch may be under way
    }

    [Fact]
    public async Task One_process_has_a_store_at_a_time()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        var refused = await Assert.ThrowsAsync<BlockStoreException>(() => TemporaryStore.CreateAsync(folder: temporary.Folder));
        Assert.Equal(BlockStoreProblem.InUse, refused.Problem);
    }

    [Fact]
    public async Task A_damaged_index_is_an_error_until_it_is_rebuilt()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        Block[] blocks = SomeBlocks.List(3);
        await temporary.Store.PutAllAsync(blocks);
        await temporary.Store.DisposeAsync();
        await File.WriteAllBytesAsync(Path.Combine(temporary.Folder, "index.db"), new byte[8192], default(CancellationToken));

        var refused = await Assert.ThrowsAsync<BlockStoreException>(() => temporary.OpenAsync());
        Assert.Equal(BlockStoreProblem.IndexDamaged, refused.Problem);
        await temporary.OpenAsync(new BlockStoreOptions { RebuildIndex = true });

        Assert.Equal(3, temporary.Store.Stats().BlockCount);
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
    }

    [Fact]
    public async Task An_index_of_a_newer_version_is_left_alone()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync();
        await temporary.Store.DisposeAsync();
        using (var index = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={Path.Combine(temporary.Folder, "index.db")};Pooling=False"))
        {
            index.Open();
            using Microsoft.Data.Sqlite.SqliteCommand command = index.CreateCommand();
            command.CommandText = "PRAGMA user_version = 2";
            command.ExecuteNonQuery();
        }

        var refused = await Assert.ThrowsAsync<BlockStoreException>(() => temporary.OpenAsync());
        Assert.Equal(BlockStoreProblem.NewerVersion, refused.Problem);
    }

    [Fact]
    public async Task Limits_of_pins_are_kept()
    {
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(new BlockStoreOptions { MaxCidsPerPin = 2, MaxPinNameLength = 3 });
        Cid[] cids = [.. SomeBlocks.List(3).Select(b => b.Cid)];
        await Assert.ThrowsAnyAsync<ArgumentException>(() => temporary.Store.PinAsync("abc", cids, default).AsTask());
        await Assert.ThrowsAnyAsync<ArgumentException>(() => temporary.Store.PinAsync("abcd", cids[..2], default).AsTask());
        await Assert.ThrowsAnyAsync<ArgumentException>(
            () => temporary.Store.PinAsync("abc", [Cid.Create(Multicodec.DagPb, cids[0].Hash)], default).AsTask());
        await temporary.Store.PinAsync("abc", cids[..2], default);
    }

    [Fact]
    public async Task A_closed_store_says_so()
    {
        TemporaryStore temporary = await TemporaryStore.CreateAsync();
        await temporary.DisposeAsync();
        await temporary.Store.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => temporary.Store.DeleteAsync(SomeBlocks.Create(1).Cid, default).AsTask());
    }

    [Fact]
    public void A_block_is_what_its_name_says_or_does_not_exist()
    {
        Block block = SomeBlocks.Create(1);
        Assert.True(Block.TryCreate(block.Cid, block.Content, out _));
        Assert.False(Block.TryCreate(block.Cid, block.Content[1..], out _));
        Assert.False(Block.TryCreate(Cid.Create(Multicodec.DagPb, block.Cid.Hash), block.Content, out _));
        byte[] large = new byte[Block.MaxBytes + 1];
        Assert.False(Block.TryCreate(Cid.ForRaw(large), large, out _));
        Assert.Throws<ArgumentException>(() => Block.Create(large));
    }
}
