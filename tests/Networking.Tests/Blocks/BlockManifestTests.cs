using CsCheck;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class BlockManifestTests
{
    private const int CountAt = BlockManifest.HeadBytes;
    private static readonly ManifestLimits Limits = new();

    private static readonly Gen<BlockManifest> Manifests = Gen.Select(
        Gen.Int[1, BlockSplitter.MaxBlockBytes].Array[0, 30], Gen.Int[0, 8], Gen.UInt, Gen.Int[0, 2], (sizes, parents, round, dtype) =>
            Create(sizes, parents) with { Round = round, Dtype = (ModelDtype)dtype });

    [Fact]
    public void A_manifest_comes_back_with_its_maker() => Manifests.Sample(manifest =>
    {
        using KeyPair key = TestPeers.Key(1);
        Block block = manifest.Seal(key, Limits);
        Assert.Equal(ManifestProblem.None, BlockManifest.TryOpen(block.Content.Span, Limits, out SignedManifest? opened));
        Assert.Equal(TestPeers.Id(1), opened!.Maker);
        Assert.Equal(manifest.Encode(), opened.Manifest.Encode());
        Assert.Equal(block.Cid, opened.Manifest.Seal(key, Limits).Cid); // one form, one root
    }, iter: 50);

    [Fact]
    public void A_manifest_has_these_bytes()
    {
        BlockManifest manifest = Create([3], 1) with { Round = 7 };
        string hex = "01" + new string('1', 64) + "00000007" + new string('2', 64) + "00" + "0000000000000003" + "01"
            + Convert.ToHexStringLower(manifest.Parents[0].Hash.Digest) + "00000001"
            + Convert.ToHexStringLower(manifest.Blocks[0].Cid.Hash.Digest) + "00000003";
        Assert.Equal(hex, Convert.ToHexStringLower(manifest.Encode()));
    }

    [Fact]
    public void Hostile_bytes_never_throw_and_never_pass_as_another_manifest()
    {
        byte[] valid = Create([1, 2, 3], 2).Encode();
        Hostile.Bytes(valid).Sample(
            bytes => BlockManifest.TryDecode(bytes, Limits, out ManifestProblem problem) is { } read
                ? read.Encode().AsSpan().SequenceEqual(bytes)
                : problem != ManifestProblem.None,
            iter: 5_000);
        using KeyPair key = TestPeers.Key(1);
        Hostile.Bytes(Create([1, 2, 3], 2).Seal(key, Limits).Content.ToArray()).Sample(
            bytes => BlockManifest.TryOpen(bytes, Limits, out SignedManifest? opened) == ManifestProblem.None || opened is null, iter: 500);
    }

    [Fact]
    public void Counts_beyond_the_limits_are_refused_before_anything_is_allocated_for_them()
    {
        byte[] bomb = Create([1], 0).Encode();
        bomb.AsSpan(CountAt, 4).Fill(0xff);
        BlockManifest.TryDecode(bomb, Limits, out ManifestProblem problem); // what a first call allocates does not count
        long before = GC.GetAllocatedBytesForCurrentThread();
        BlockManifest.TryDecode(bomb, Limits, out problem);
        Assert.Equal(ManifestProblem.OverLimit, problem);
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 10_000);

        byte[] claims = Create([1], 0).Encode();
        claims[CountAt + 3] = 100; // blocks that are not there
        BlockManifest.TryDecode(claims, Limits, out problem);
        Assert.Equal(ManifestProblem.Malformed, problem);
    }

    [Theory]
    [InlineData(3, 0, ManifestProblem.None)]
    [InlineData(4, 0, ManifestProblem.OverLimit)] // blocks
    [InlineData(1, 2, ManifestProblem.None)]
    [InlineData(1, 3, ManifestProblem.OverLimit)] // parents
    public void Each_limit_is_kept(int blocks, int parents, ManifestProblem expected)
    {
        var limits = new ManifestLimits { MaxBlocks = 3, MaxParents = 2 };
        BlockManifest.TryDecode(Create([.. Enumerable.Repeat(5, blocks)], parents).Encode(), limits, out ManifestProblem problem);
        Assert.Equal(expected, problem);
    }

    [Fact]
    public void Sizes_are_bounded_and_add_up()
    {
        Assert.Equal(ManifestProblem.OverLimit, Decode(Create([0], 0)));
        Assert.Equal(ManifestProblem.OverLimit, Decode(Create([BlockSplitter.MaxBlockBytes + 1], 0)));
        Assert.Equal(ManifestProblem.OverLimit, Decode(Create([.. Enumerable.Repeat(1, Limits.MaxSmallBlocks + 1)], 0)));
        Assert.Equal(ManifestProblem.None, Decode(Create([.. Enumerable.Repeat(1, Limits.MaxSmallBlocks)], 0)));
        byte[] wrongTotal = Create([5], 0).Encode();
        wrongTotal[CountAt - 2]++;
        BlockManifest.TryDecode(wrongTotal, Limits, out ManifestProblem problem);
        Assert.Equal(ManifestProblem.Malformed, problem);
        BlockManifest.TryDecode(Create([5], 0).Encode(), new ManifestLimits { MaxTotalBytes = 4 }, out problem);
        Assert.Equal(ManifestProblem.OverLimit, problem);
        using KeyPair key = TestPeers.Key(1);
        Block sealedOne = Create([5], 0).Seal(key, Limits);
        Assert.Equal(ManifestProblem.TooLarge, BlockManifest.TryOpen(sealedOne.Content.Span, new ManifestLimits { MaxBytes = 50 }, out _));
        Assert.Throws<ArgumentException>(() => Create([0], 0).Seal(key, Limits));

        static ManifestProblem Decode(BlockManifest manifest)
        {
            BlockManifest.TryDecode(manifest.Encode(), Limits, out ManifestProblem problem);
            return problem;
        }
    }

    [Fact]
    public void Parents_out_of_order_or_twice_are_refused()
    {
        BlockManifest manifest = Create([5], 2);
        foreach (Cid[] parents in new[] { [manifest.Parents[1], manifest.Parents[0]], new[] { manifest.Parents[0], manifest.Parents[0] } })
        {
            BlockManifest.TryDecode((manifest with { Parents = parents }).Encode(), Limits, out ManifestProblem problem);
            Assert.Equal(ManifestProblem.Malformed, problem);
        }
    }

    [Fact]
    public void A_changed_byte_breaks_the_signature()
    {
        using KeyPair key = TestPeers.Key(1);
        byte[] bytes = Create([5], 0).Seal(key, Limits).Content.ToArray();
        bytes[^1] ^= 1;
        Assert.Equal(ManifestProblem.BadSignature, BlockManifest.TryOpen(bytes, Limits, out _));
    }

    [Fact]
    public async Task A_walk_ends_in_spite_of_cycles_and_endless_histories()
    {
        Cid[] roots = [.. SomeBlocks.List(3).Select(b => b.Cid)];
        SignedManifest Endless(Cid root) => new(
            Create([5], 0) with { Parents = [.. roots, Cid.ForRaw(root.Bytes)] }, TestPeers.Id(1)); // to each other, and on for ever
        int asked = 0;
        ValueTask<SignedManifest?> Source(Cid root, CancellationToken token)
        {
            asked++;
            return ValueTask.FromResult<SignedManifest?>(Endless(root));
        }

        IReadOnlyList<(Cid Root, SignedManifest)> found = await ManifestHistory.WalkAsync(roots[0], Source, 1000, 50, default);
        Assert.Equal((50, 50), (found.Count, asked));
        Assert.Equal(50, found.Select(f => f.Root).Distinct().Count());
        Assert.Equal(1 + 3, (await ManifestHistory.WalkAsync(roots[0], Source, 1, 50, default)).Count);
        Assert.Empty(await ManifestHistory.WalkAsync(roots[0], (_, _) => ValueTask.FromResult<SignedManifest?>(null), 10, 10, default));
    }

    private static BlockManifest Create(int[] sizes, int parents) => new()
    {
        Run = Enumerable.Repeat((byte)0x11, 32).ToArray(),
        Round = 0,
        LayoutHash = Enumerable.Repeat((byte)0x22, 32).ToArray(),
        Dtype = ModelDtype.Float32,
        Blocks = [.. sizes.Select((size, i) => new BlockRef(SomeBlocks.Create(i).Cid, size))],
        Parents = [.. SomeBlocks.List(parents, seed: 1000).Select(b => b.Cid).OrderBy(c => Convert.ToHexString(c.Hash.Digest), StringComparer.Ordinal)],
    };
}
