using Microsoft.Extensions.Time.Testing;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Models;
using P2PLearn.Actors.Tests.Models;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Checkpoints;

/// <summary>A node's own checkpoints on its disk.</summary>
public sealed class CheckpointWriterTests
{
    private static readonly ModelLayout Layout = new([new("w", [400, 500])]);

    [Fact]
    public async Task A_long_run_keeps_its_newest_checkpoints_and_the_disk_does_not_fill()
    {
        await using var fabric = new Fabric();
        string folder = Directory.CreateTempSubdirectory("p2plearn-checkpoints-").FullName;
        await using (LibraryNode node = await LibraryNode.OpenAsync(fabric.AddNode(0), 0, folder))
        {
            RunId run = RunId.Of("run"u8);
            var pool = new ModelPool(Layout.ParameterCount, 2, ExchangePrecision.Float32);
            StoredModel brought = await node.Library.AddAsync(
                ModelKeep.Pushed, ModelOrigin.None, Layout, new byte[Layout.ParameterCount * 4], node.Key, CancellationToken.None).LimitAsync("a model of a person");
            long before = node.Store.Stats().Bytes;
            var time = new FakeTimeProvider();
            var writer = new CheckpointWriter(node.Library, node.Key, run, Layout, time);
            List<Checkpoint> made = [];
            for (int round = 10; round <= 80; round += 10)
            {
                time.Advance(CheckpointWriter.KeptFor);
                made.Add(await WriteAsync(writer, pool, round));
            }

            var other = new CheckpointWriter(node.Library, node.Key, RunId.Of("another"u8), Layout, time);
            await WriteAsync(other, pool, 5);

            Assert.Equal(0, pool.LentCount);
            Assert.Equal(
                made.TakeLast(CheckpointWriter.Kept).Select(c => c.Root.ToString()).Order(StringComparer.Ordinal),
                await RootsOfAsync(node.Library, run));
            Assert.True(node.Library.IsComplete(brought));
            long model = Layout.ParameterCount * 4L;
            Assert.InRange(node.Store.Stats().Bytes - before, CheckpointWriter.Kept * model, ((CheckpointWriter.Kept + 1) * model) + 10_000);
            StoredModel newest = (await node.Library.OpenAsync(made[^1].Root, CancellationToken.None))!;
            Assert.Equal([made[^2].Root], newest.Manifest.Parents);
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Where_rounds_are_fast_a_checkpoint_is_kept_until_a_joiner_has_had_time_for_it()
    {
        await using var fabric = new Fabric();
        string folder = Directory.CreateTempSubdirectory("p2plearn-checkpoints-").FullName;
        await using (LibraryNode node = await LibraryNode.OpenAsync(fabric.AddNode(0), 0, folder))
        {
            RunId run = RunId.Of("run"u8);
            var pool = new ModelPool(Layout.ParameterCount, 2, ExchangePrecision.Float32);
            var time = new FakeTimeProvider();
            var writer = new CheckpointWriter(node.Library, node.Key, run, Layout, time);
            for (int round = 1; round <= 6; round++)
            {
                time.Advance(TimeSpan.FromMilliseconds(100));
                await WriteAsync(writer, pool, round);
            }

            Assert.Equal(6, (await RootsOfAsync(node.Library, run)).Count());
            time.Advance(CheckpointWriter.KeptFor - TimeSpan.FromMilliseconds(200)); // those of rounds 1 to 4 are old now
            await WriteAsync(writer, pool, 7);
            Assert.Equal(3, (await RootsOfAsync(node.Library, run)).Count());

            for (int round = 8; round <= CheckpointWriter.MaxKept + 10; round++)
            {
                await WriteAsync(writer, pool, round);
            }

            Assert.Equal(CheckpointWriter.MaxKept, (await RootsOfAsync(node.Library, run)).Count()); // no more, however fast
        }

        Directory.Delete(folder, recursive: true);
    }

    [Fact]
    public async Task Young_checkpoints_take_a_part_of_the_store_only()
    {
        await using var fabric = new Fabric();
        string folder = Directory.CreateTempSubdirectory("p2plearn-checkpoints-").FullName;
        long quota = 6 * CheckpointWriter.QuotaShare * Layout.ParameterCount * sizeof(float); // room for six
        await using (LibraryNode node = await LibraryNode.OpenAsync(fabric.AddNode(0), 0, folder, new BlockStoreOptions { QuotaBytes = quota }))
        {
            RunId run = RunId.Of("run"u8);
            var pool = new ModelPool(Layout.ParameterCount, 2, ExchangePrecision.Float32);
            var writer = new CheckpointWriter(node.Library, node.Key, run, Layout, new FakeTimeProvider());
            for (int round = 1; round <= 40; round++) // more than the store could hold
            {
                await WriteAsync(writer, pool, round);
            }

            Assert.Equal(6, (await RootsOfAsync(node.Library, run)).Count());
        }

        Directory.Delete(folder, recursive: true);
    }

    private static async Task<Checkpoint> WriteAsync(CheckpointWriter writer, ModelPool pool, int round)
    {
        ModelBuffer model = pool.Rent();
        for (int i = 0; i < Layout.ParameterCount; i++)
        {
            model.Values.Span[i] = (round * 1_000_000) + i; // no two blocks are the same
        }

        CheckpointOutcome outcome = await writer.WriteAsync(round, model, 0.5).LimitAsync($"the checkpoint of round {round}");
        Assert.Null(outcome.Failure);
        return outcome.Made!;
    }

    private static async Task<IEnumerable<string>> RootsOfAsync(ModelLibrary library, RunId run)
    {
        List<string> roots = [];
        foreach ((ModelKeep keep, Networking.Multiformats.Cid root) in library.List())
        {
            StoredModel model = (await library.OpenAsync(root, CancellationToken.None))!;
            if (keep == ModelKeep.Checkpoint && RunId.FromBytes(model.Manifest.Run.Span) == run)
            {
                roots.Add(root.ToString());
            }
        }

        return roots.Order(StringComparer.Ordinal);
    }
}
