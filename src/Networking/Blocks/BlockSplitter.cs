using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>A part of a model that is one block.</summary>
/// <param name="Offset">Where it begins in the model.</param>
/// <param name="Size">Bytes.</param>
/// <param name="Cid">Its name.</param>
public readonly record struct BlockPart(int Offset, int Size, Cid Cid);

/// <summary>Cuts a model into blocks at the boundaries of its layers, so that a changed layer changes its own blocks only.</summary>
/// <remarks>
/// A layer of at least <see cref="MinBlockBytes"/> is cut into equal steps of that size, the rest added to the last one. Smaller layers
/// that follow each other are gathered until they reach that size or a large layer follows; they share a block, and its fate. The same
/// model and layers always make the same blocks.
/// </remarks>
public static class BlockSplitter
{
    /// <summary>Least size of a block, unless the layers leave less.</summary>
    public const int MinBlockBytes = 256 * 1024;

    /// <summary>Most bytes of a block of a model.</summary>
    public const int MaxBlockBytes = 1 << 20;

    /// <summary>Cuts a model.</summary>
    /// <param name="model">All of it.</param>
    /// <param name="layerOffsets">Where each layer begins, ascending, the first at 0; empty for one layer.</param>
    /// <exception cref="ArgumentException">Offsets out of order or beyond the model.</exception>
    public static IReadOnlyList<BlockPart> Split(ReadOnlySpan<byte> model, ReadOnlySpan<int> layerOffsets)
    {
        Check(model.Length, layerOffsets);
        List<BlockPart> parts = [];
        int gathered = 0; // where the small layers that wait for their block begin
        for (int i = 0; i < Math.Max(layerOffsets.Length, 1); i++)
        {
            int start = i < layerOffsets.Length ? layerOffsets[i] : 0;
            int end = i + 1 < layerOffsets.Length ? layerOffsets[i + 1] : model.Length;
            if (end - start >= MinBlockBytes)
            {
                Add(parts, model, gathered, start);
                AddLarge(parts, model, start, end);
                gathered = end;
            }
            else if (end - gathered >= MinBlockBytes)
            {
                Add(parts, model, gathered, end); // below twice the least size: each of the two was below it
                gathered = end;
            }
        }

        Add(parts, model, gathered, model.Length);
        return parts;
    }

    private static void AddLarge(List<BlockPart> parts, ReadOnlySpan<byte> model, int start, int end)
    {
        for (; end - start >= 2 * MinBlockBytes; start += MinBlockBytes)
        {
            Add(parts, model, start, start + MinBlockBytes);
        }

        Add(parts, model, start, end);
    }

    private static void Add(List<BlockPart> parts, ReadOnlySpan<byte> model, int start, int end)
    {
        if (end > start)
        {
            parts.Add(new BlockPart(start, end - start, Cid.ForRaw(model[start..end])));
        }
    }

    private static void Check(int length, ReadOnlySpan<int> layerOffsets)
    {
        for (int i = 0; i < layerOffsets.Length; i++)
        {
            int least = i == 0 ? 0 : layerOffsets[i - 1];
            if (layerOffsets[i] < least || layerOffsets[i] > length || (i == 0 && layerOffsets[0] != 0))
            {
                throw new ArgumentException("layer offsets begin at 0 and ascend within the model", nameof(layerOffsets));
            }
        }
    }
}
