using P2PLearn.Networking.Blocks;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class FullDiskTests
{
    [Fact]
    public async Task A_full_disk_is_an_error_and_the_store_goes_on_when_there_is_room()
    {
        var files = new FaultyFiles(5500);
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(files: files);
        Block[] blocks = SomeBlocks.List(8);
        await temporary.Store.PutAllAsync(blocks[..4]);

        foreach (Block block in blocks[5..])
        {
            files.BytesLeft = 500;
            var full = await Assert.ThrowsAsync<BlockStoreException>(() => temporary.Store.PutAsync(block, default).AsTask());
            Assert.Equal(BlockStoreProblem.DiskFull, full.Problem);
        }

        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
        Assert.Equal(4000, temporary.Store.Stats().Bytes);
        files.BytesLeft = 10_000;
        await temporary.Store.PutAllAsync(blocks);
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
        Assert.Equal(8, temporary.Store.Stats().BlockCount);
    }

    [Fact]
    public async Task What_could_not_be_flushed_is_not_acknowledged()
    {
        var files = new FaultyFiles(long.MaxValue);
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(files: files);
        files.FailsToSync = true;
        var failed = await Assert.ThrowsAsync<BlockStoreException>(() => temporary.Store.PutAsync(SomeBlocks.Create(1), default).AsTask());
        Assert.Equal(BlockStoreProblem.Failed, failed.Problem);
        Assert.False(temporary.Store.TryGetSize(SomeBlocks.Create(1).Cid, out _));
        files.FailsToSync = false;
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
    }

    [Fact]
    public async Task A_file_system_that_is_full_to_the_last_byte_leaves_a_clean_store()
    {
        using var disk = new SmallDisk(4);
        await using TemporaryStore temporary = await TemporaryStore.CreateAsync(folder: disk.Folder);
        List<Block> stored = [];
        BlockStoreException? full = null;
        for (int i = 0; full is null; i++)
        {
            Block block = SomeBlocks.Create(i, i % 3 == 0 ? 200_000 : 1_000);
            try
            {
                await temporary.Store.PutAsync(block, default);
                stored.Add(block);
            }
            catch (BlockStoreException e)
            {
                full = e;
            }
        }

        Assert.True(full.Problem == BlockStoreProblem.DiskFull, full.ToString());
        Assert.True(stored.Count > 5);
        Assert.True((await temporary.Store.CheckAsync(false, default)).IsClean);
        Assert.All(stored, b => Assert.True(temporary.Store.TryGetSize(b.Cid, out _)));
        Assert.True(await temporary.Store.DeleteAsync(stored[0].Cid, default));
        await temporary.Store.PutAsync(SomeBlocks.Create(-1, 10_000), default);
    }
}
