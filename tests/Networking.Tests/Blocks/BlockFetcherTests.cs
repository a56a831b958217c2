using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Bitswap;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class BlockFetcherTests
{
    [Fact]
    public async Task A_model_comes_from_three_donors_with_its_manifest()
    {
        await using var fabric = new Fabric();
        byte[] model = new byte[3_000_000];
        new Random(1).NextBytes(model);
        IReadOnlyList<BlockPart> parts = BlockSplitter.Split(model, [0, 500_000, 500_100, 2_000_000]);
        using KeyPair maker = TestPeers.Key(9);
        Block root = new BlockManifest
        {
            Run = new byte[32], Round = 1, LayoutHash = new byte[32], Dtype = ModelDtype.Float32, Parents = [],
            Blocks = [.. parts.Select(p => new BlockRef(p.Cid, p.Size))],
        }.Seal(maker, new ManifestLimits());
        Block[] blocks = [root, .. parts.Select(p => Block.Create(model.AsMemory(p.Offset, p.Size)))];
        await using BlockNode a = await BlockNode.CreateAsync(fabric, 1, blocks);
        await using BlockNode b = await BlockNode.CreateAsync(fabric, 2, blocks);
        await using BlockNode c = await BlockNode.CreateAsync(fabric, 3, blocks);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 4);

        SignedManifest signed = await joiner.Fetcher.FetchManifestAsync(
            root.Cid, new ManifestLimits(), BlockNode.ListAsync([a.Id]), default).LimitAsync("the manifest");
        var reports = new Reports();
        await joiner.Fetcher.FetchAsync(signed.Manifest.Blocks, BlockNode.ListAsync([a.Id, b.Id, c.Id]), reports, default)
            .LimitAsync("the model");

        Assert.Equal(maker.PeerId, signed.Maker);
        using var joined = new MemoryStream();
        foreach (BlockRef block in signed.Manifest.Blocks)
        {
            joined.Write((await joiner.Store.GetAsync(block.Cid, default))!.Content.Span);
        }

        Assert.Equal(model, joined.ToArray());
        Assert.Equal((parts.Count, 3_000_000L), (reports.Last!.BlocksDone, reports.Last.BytesDone));
        Assert.Equal(3, reports.Last.ProviderCount);
    }

    [Fact]
    public async Task Joiners_give_each_other_what_they_have()
    {
        await using var fabric = new Fabric();
        Block[] blocks = SomeBlocks.List(60, 100_000);
        await using BlockNode seeder = await BlockNode.CreateAsync(fabric, 0, blocks);
        BlockNode[] joiners = await Task.WhenAll(Enumerable.Range(1, 4).Select(i => BlockNode.CreateAsync(fabric, i)));
        foreach (BlockNode joiner in joiners)
        {
            fabric.Slow(seeder.Id, joiner.Id, TimeSpan.FromMilliseconds(5), 4_000_000);
        }

        PeerId[] all = [seeder.Id, .. joiners.Select(j => j.Id)];
        await Task.WhenAll(joiners.Select(j => j.FetchAsync(blocks, [.. all.Where(p => p != j.Id)]))).LimitAsync("four fetches");

        double copies = fabric.BytesSent(seeder.Id) / 6_000_000.0;
        TestContext.Current.TestOutputHelper?.WriteLine($"the seeder sent {copies:F2} copies to four");
        Assert.True(copies < 3, $"the seeder sent {copies:F2} copies");
        foreach (BlockNode joiner in joiners)
        {
            await joiner.DisposeAsync();
        }
    }

    [Fact]
    public async Task What_is_here_is_not_fetched_again()
    {
        await using var fabric = new Fabric();
        Block[] blocks = SomeBlocks.List(20, 50_000);
        await using BlockNode donor = await BlockNode.CreateAsync(fabric, 1, blocks);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 2, blocks[..15]);
        await joiner.FetchAsync(blocks, donor.Id).LimitAsync("the rest");
        Assert.Equal((250_000, 5), (donor.Bitswap.LedgerOf(joiner.Id).BytesSent, donor.Bitswap.LedgerOf(joiner.Id).BlocksSent));
        await joiner.FetchAsync(blocks, donor.Id).LimitAsync("nothing");
        Assert.Equal(5, donor.Bitswap.LedgerOf(joiner.Id).BlocksSent);
    }

    [Fact]
    public async Task A_donor_killed_half_way_and_a_fetch_that_is_resumed()
    {
        await using var fabric = new Fabric();
        Block[] blocks = SomeBlocks.List(40, 100_000);
        BlockNode dying = await BlockNode.CreateAsync(fabric, 1, blocks);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 2, options: new FetchOptions { NoProviderTimeout = TimeSpan.FromSeconds(0.5) });
        fabric.Slow(dying.Id, joiner.Id, TimeSpan.FromMilliseconds(5), 2_000_000);
        var half = new Reports();
        Task fetch = joiner.FetchAsync(blocks, half, default, dying.Id);
        await Within.UntilAsync(() => half.Last?.BlocksDone >= 10, "ten blocks");
        await dying.DisposeAsync();
        await Assert.ThrowsAsync<BlockFetchException>(() => fetch.LimitAsync("the end of the fetch"));
        long before = joiner.Store.Stats().BlockCount;
        Assert.InRange(before, 10, 39);

        await using BlockNode other = await BlockNode.CreateAsync(fabric, 3, blocks);
        await joiner.FetchAsync(blocks, other.Id).LimitAsync("the rest");
        Assert.Equal(40 - before, other.Bitswap.LedgerOf(joiner.Id).BlocksSent);
    }

    [Fact]
    public async Task A_fetch_of_what_none_of_its_providers_has_ends_with_a_word()
    {
        await using var fabric = new Fabric();
        await using BlockNode empty = await BlockNode.CreateAsync(fabric, 1);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 2, options: new FetchOptions { NoProviderTimeout = TimeSpan.FromSeconds(0.5) });
        BlockFetchException ended = await Assert.ThrowsAsync<BlockFetchException>(
            () => joiner.FetchAsync(SomeBlocks.List(3), empty.Id).LimitAsync("the end of a fetch without hope"));
        Assert.Contains("nobody who was asked has what is missing; 0 of 3 blocks are here", ended.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_that_gets_what_is_missing_while_it_is_waited_for_gives_hope()
    {
        await using var fabric = new Fabric();
        Block[] blocks = SomeBlocks.List(3);
        await using BlockNode donor = await BlockNode.CreateAsync(fabric, 1);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 2);
        Task fetch = joiner.FetchAsync(blocks, donor.Id);
        await Within.UntilAsync(() => donor.Bitswap.LedgerOf(joiner.Id).Wants == 3, "the donor knows what is wanted");
        foreach (Block block in blocks)
        {
            await donor.Store.PutAsync(block, default);
            donor.Bitswap.Stored(block.Cid, block.Size);
        }

        await fetch.LimitAsync("the fetch");
    }

    [Fact]
    public async Task A_lying_donor_is_dropped_at_once_and_remembered()
    {
        await using var fabric = new Fabric();
        Block[] blocks = SomeBlocks.List(20, 50_000);
        await using BlockNode honest = await BlockNode.CreateAsync(fabric, 1, blocks);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 2);
        await using FabricNode liar = fabric.AddNode(3);
        int asked = 0;
        using IDisposable serving = liar.Handle(BitswapService.Protocol, (stream, token) => LieAsync(liar, stream, () => asked++, token));

        for (int i = 0; i < 2; i++)
        {
            await joiner.FetchAsync(blocks, liar.LocalPeer, honest.Id).LimitAsync("the fetch");
            Assert.All(blocks, b => Assert.True(joiner.Store.TryGetSize(b.Cid, out _)));
            await joiner.Store.DeleteAsync(blocks[0].Cid, default);
        }

        Assert.InRange(asked, 1, 3); // never again after the lie
        Assert.False(joiner.Store.TryGetSize(SomeBlocks.Create(1000, 50_000).Cid, out _));
        Assert.True((await joiner.Store.CheckAsync(false, default)).IsClean);
    }

    [Fact]
    public async Task A_block_of_another_size_than_listed_ends_the_fetch()
    {
        await using var fabric = new Fabric();
        Block block = SomeBlocks.Create(1, 5000);
        await using BlockNode donor = await BlockNode.CreateAsync(fabric, 1, [block]);
        await using BlockNode joiner = await BlockNode.CreateAsync(fabric, 2);
        await Assert.ThrowsAsync<BlockFetchException>(() => joiner.Fetcher.FetchAsync(
            [new BlockRef(block.Cid, 4999)], BlockNode.ListAsync([donor.Id]), null, default).LimitAsync("the refusal"));
        Assert.False(joiner.Store.TryGetSize(block.Cid, out _));
    }

    /// <summary>Says that it has everything, and sends other blocks.</summary>
    private static async Task LieAsync(FabricNode liar, PeerStream stream, Action asked, CancellationToken cancellationToken)
    {
        using var reader = new GrowingFrameReader(stream, 4 << 20, _ => { }, TimeSpan.FromMinutes(2), TimeProvider.System);
        PeerStream answers = await liar.OpenStreamAsync(stream.RemotePeer, BitswapService.Protocol, cancellationToken);
        await using (answers)
        {
            while (await reader.ReadAsync(cancellationToken) is { } bytes)
            {
                asked();
                BitswapCodec.TryRead(bytes.Span, new BitswapOptions(), out BitswapMessage? message);
                var answer = new BitswapMessage
                {
                    Presences = [.. message!.Wants.Select(w => new BlockPresence(w.Cid, true))],
                    Blocks = message.Wants.Any(w => !w.WantsHave) ? [SomeBlocks.Create(1000, 50_000)] : [],
                };
                await FramedWriter.WriteAsync(answers, BitswapCodec.Write(answer), cancellationToken);
            }
        }
    }

    private sealed class Reports : IProgress<FetchProgress>
    {
        public FetchProgress? Last { get; private set; }

        public void Report(FetchProgress value) => Last = Last is null || value.BlocksDone >= Last.BlocksDone ? value : Last;
    }
}
