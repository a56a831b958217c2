using CsCheck;
using P2PLearn.Networking.Blocks;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class BlockSplitterTests
{
    private static readonly Gen<int[]> Layers = Gen.OneOf(Gen.Int[0, 5_000], Gen.Int[200_000, 300_000], Gen.Int[1, 1_500_000]).Array[1, 12];

    [Fact]
    public void Parts_cover_the_model_once_in_order_and_within_their_sizes() => Layers.Sample(layers =>
    {
        (byte[] model, int[] offsets) = Model(layers);
        IReadOnlyList<BlockPart> parts = BlockSplitter.Split(model, offsets);
        int at = 0;
        foreach (BlockPart part in parts)
        {
            Assert.Equal(at, part.Offset);
            Assert.InRange(part.Size, 1, 2 * BlockSplitter.MinBlockBytes);
            Assert.Equal(Block.Create(model.AsMemory(part.Offset, part.Size)).Cid, part.Cid);
            at += part.Size;
        }

        Assert.Equal(model.Length, at);
        Assert.True(parts.Count(p => p.Size < BlockSplitter.MinBlockBytes) <= layers.Count(l => l >= BlockSplitter.MinBlockBytes) + 1);
    }, iter: 30);

    [Fact]
    public void A_changed_layer_changes_the_blocks_it_lies_in_and_no_others() => Gen.Select(Layers, Gen.Int[0, 11]).Sample((layers, at) =>
    {
        (byte[] model, int[] offsets) = Model(layers);
        at %= layers.Length;
        IReadOnlyList<BlockPart> before = BlockSplitter.Split(model, offsets);
        (int start, int end) = (offsets[at], offsets[at] + layers[at]);
        for (int i = start; i < end; i++)
        {
            model[i] ^= 0xff;
        }

        foreach ((BlockPart old, BlockPart now) in before.Zip(BlockSplitter.Split(model, offsets)))
        {
            Assert.Equal((old.Offset, old.Size), (now.Offset, now.Size));
            Assert.Equal(old.Offset < end && start < old.Offset + old.Size, old.Cid != now.Cid);
        }

        if (layers[at] >= BlockSplitter.MinBlockBytes)
        {
            Assert.All(before, p => Assert.True(p.Offset + p.Size <= start || p.Offset >= start)); // a large layer shares no block
        }
    }, iter: 30);

    [Fact]
    public void No_offsets_are_one_layer()
    {
        IReadOnlyList<BlockPart> parts = BlockSplitter.Split(new byte[1_000_000], []);
        Assert.Equal([262_144, 262_144, 475_712], parts.Select(p => p.Size));
        Assert.Equal(parts[0].Cid, parts[1].Cid); // equal blocks are one
        Assert.Empty(BlockSplitter.Split([], []));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(0, 5, 4)]
    [InlineData(0, 101)]
    [InlineData(0, -1)]
    public void Offsets_that_are_none_are_refused(params int[] offsets) =>
        Assert.Throws<ArgumentException>(() => BlockSplitter.Split(new byte[100], offsets));

    private static (byte[] Model, int[] Offsets) Model(int[] layers)
    {
        byte[] model = new byte[layers.Sum()];
        new Random(layers.Length).NextBytes(model);
        return (model, [.. layers.Select((_, i) => layers.Take(i).Sum())]);
    }
}
