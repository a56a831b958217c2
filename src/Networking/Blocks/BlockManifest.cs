using System.Buffers.Binary;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>What the bytes of a model are.</summary>
public enum ModelDtype : byte
{
    /// <summary>IEEE 754 single precision, little-endian, in the order of the layout.</summary>
    Float32 = 0,

    /// <summary>The upper half of a float32, little-endian.</summary>
    BFloat16 = 1,

    /// <summary>Bytes with a scale for each group of values.</summary>
    Int8 = 2,
}

/// <summary>A block of a model: its name and size.</summary>
/// <param name="Cid">The name.</param>
/// <param name="Size">Bytes.</param>
public readonly record struct BlockRef(Cid Cid, int Size);

/// <summary>What a model is made of, signed by who made it.</summary>
/// <remarks>
/// The bytes that are signed are fixed in <c>docs/content.md</c>: there is one form of each manifest, so that one model has one root. A
/// reader checks each count and size against its limit before it allocates for it. Parents are named, never followed by the reader; who
/// follows them uses <see cref="ManifestHistory"/>, which has bounds. Immutable.
/// </remarks>
public sealed record BlockManifest
{
    /// <summary>Domain of the signature.</summary>
    public const string Domain = "p2plearn-manifest";

    /// <summary>Bytes of a run id and of a layout hash.</summary>
    public const int HashBytes = 32;

    internal const int HeadBytes = 1 + HashBytes + 4 + HashBytes + 1 + 8 + 1;
    internal const int BlockBytes = HashBytes + 4;
    private const byte Version = 1;

    /// <summary>Type of the signed payload.</summary>
    public static ReadOnlySpan<byte> PayloadType => "/p2plearn/manifest/1"u8;

    /// <summary>The run that the model is of, 32 bytes; zeros for none.</summary>
    public required ReadOnlyMemory<byte> Run { get; init; }

    /// <summary>The round that it is the result of.</summary>
    public required uint Round { get; init; }

    /// <summary>Hash of the layout: names, shapes and order of the parameters, 32 bytes.</summary>
    public required ReadOnlyMemory<byte> LayoutHash { get; init; }

    /// <summary>What the bytes are.</summary>
    public required ModelDtype Dtype { get; init; }

    /// <summary>The blocks; their contents in this order are the model.</summary>
    public required IReadOnlyList<BlockRef> Blocks { get; init; }

    /// <summary>Roots of the manifests that this model came from, ascending by their bytes.</summary>
    public required IReadOnlyList<Cid> Parents { get; init; }

    /// <summary>Bytes of the model.</summary>
    public long TotalBytes => Blocks.Sum(static b => (long)b.Size);

    /// <summary>Signs this manifest. The block is what is stored and fetched; its CID is the root of the model.</summary>
    /// <exception cref="ArgumentException">Not within <paramref name="limits"/>, or parents out of order.</exception>
    public Block Seal(KeyPair maker, ManifestLimits limits)
    {
        ArgumentNullException.ThrowIfNull(maker);
        ArgumentNullException.ThrowIfNull(limits);
        byte[] payload = Encode();
        if (TryDecode(payload, limits, out ManifestProblem problem) is null)
        {
            throw new ArgumentException($"this manifest would be refused: {problem}", nameof(limits));
        }

        return Block.Create(SignedEnvelope.Seal(maker, Domain, PayloadType, payload).ToProtobuf());
    }

    /// <summary>Opens a manifest from untrusted bytes: the content of a block whose CID is the root.</summary>
    /// <param name="bytes">The signed envelope.</param>
    /// <param name="limits">Most of everything.</param>
    /// <param name="manifest">The manifest and its maker; null unless the result is <see cref="ManifestProblem.None"/>.</param>
    /// <returns>The first thing wrong with it.</returns>
    public static ManifestProblem TryOpen(ReadOnlySpan<byte> bytes, ManifestLimits limits, out SignedManifest? manifest)
    {
        ArgumentNullException.ThrowIfNull(limits);
        manifest = null;
        EnvelopeCheck check = SignedEnvelope.TryOpen(bytes, Domain, PayloadType, limits.MaxBytes, out SignedEnvelope? envelope);
        if (envelope is null)
        {
            return check == EnvelopeCheck.TooLarge ? ManifestProblem.TooLarge
                : check is EnvelopeCheck.BadSignature or EnvelopeCheck.UnsupportedKeyType ? ManifestProblem.BadSignature
                : ManifestProblem.Malformed;
        }

        BlockManifest? decoded = TryDecode(envelope.Payload, limits, out ManifestProblem problem);
        manifest = decoded is null ? null : new SignedManifest(decoded, envelope.PublicKey.PeerId);
        return problem;
    }

    internal byte[] Encode()
    {
        if (Run.Length != HashBytes || LayoutHash.Length != HashBytes || Parents.Count > byte.MaxValue
            || !Parents.All(Block.IsName) || !Blocks.All(b => Block.IsName(b.Cid)))
        {
            throw new ArgumentException("a run, a layout hash, parents or blocks that no manifest can have");
        }

        byte[] bytes = new byte[HeadBytes + (Parents.Count * HashBytes) + 4 + (Blocks.Count * BlockBytes)];
        Span<byte> rest = bytes;
        Put(ref rest, [Version]);
        Put(ref rest, Run.Span);
        BinaryPrimitives.WriteUInt32BigEndian(Take(ref rest, 4), Round);
        Put(ref rest, LayoutHash.Span);
        Put(ref rest, [(byte)Dtype]);
        BinaryPrimitives.WriteUInt64BigEndian(Take(ref rest, 8), (ulong)TotalBytes);
        Put(ref rest, [(byte)Parents.Count]);
        foreach (Cid parent in Parents)
        {
            Put(ref rest, parent.Hash.Digest);
        }

        BinaryPrimitives.WriteUInt32BigEndian(Take(ref rest, 4), (uint)Blocks.Count);
        foreach (BlockRef block in Blocks)
        {
            Put(ref rest, block.Cid.Hash.Digest);
            BinaryPrimitives.WriteUInt32BigEndian(Take(ref rest, 4), (uint)block.Size);
        }

        return bytes;
    }

    internal static BlockManifest? TryDecode(ReadOnlySpan<byte> bytes, ManifestLimits limits, out ManifestProblem problem)
    {
        problem = CheckHead(bytes, limits, out int parents, out int blocks, out ulong total);
        if (problem != ManifestProblem.None)
        {
            return null;
        }

        ReadOnlySpan<byte> digests = bytes[HeadBytes..];
        List<Cid> parentList = new(parents);
        for (int i = 0; i < parents; i++, digests = digests[HashBytes..])
        {
            if (i > 0 && parentList[^1].Hash.Digest.SequenceCompareTo(digests[..HashBytes]) >= 0)
            {
                problem = ManifestProblem.Malformed; // one form only: ascending, none twice
                return null;
            }

            parentList.Add(Cid.ForRawDigest(digests[..HashBytes]));
        }

        List<BlockRef>? list = ReadBlocks(digests[4..], blocks, total, limits, out problem);
        return list is null ? null : new BlockManifest
        {
            Run = bytes.Slice(1, HashBytes).ToArray(),
            Round = BinaryPrimitives.ReadUInt32BigEndian(bytes[(1 + HashBytes)..]),
            LayoutHash = bytes.Slice(1 + HashBytes + 4, HashBytes).ToArray(),
            Dtype = (ModelDtype)bytes[1 + HashBytes + 4 + HashBytes],
            Blocks = list,
            Parents = parentList,
        };
    }

    /// <summary>Checks everything of a fixed place, and that the length is just what the counts say.</summary>
    private static ManifestProblem CheckHead(
        ReadOnlySpan<byte> bytes, ManifestLimits limits, out int parents, out int blocks, out ulong total)
    {
        (parents, blocks, total) = (0, 0, 0);
        if (bytes.Length < HeadBytes + 4 || bytes[0] != Version || bytes[HeadBytes - 10] > (byte)ModelDtype.Int8)
        {
            return ManifestProblem.Malformed;
        }

        total = BinaryPrimitives.ReadUInt64BigEndian(bytes[(HeadBytes - 9)..]);
        parents = bytes[HeadBytes - 1];
        if (parents > limits.MaxParents || total > (ulong)limits.MaxTotalBytes)
        {
            return ManifestProblem.OverLimit;
        }

        int countAt = HeadBytes + (parents * HashBytes);
        if (bytes.Length < countAt + 4)
        {
            return ManifestProblem.Malformed;
        }

        uint count = BinaryPrimitives.ReadUInt32BigEndian(bytes[countAt..]);
        if (count > (uint)limits.MaxBlocks)
        {
            return ManifestProblem.OverLimit;
        }

        blocks = (int)count;
        return bytes.Length == countAt + 4 + (blocks * BlockBytes) ? ManifestProblem.None : ManifestProblem.Malformed;
    }

    private static List<BlockRef>? ReadBlocks(
        ReadOnlySpan<byte> bytes, int count, ulong total, ManifestLimits limits, out ManifestProblem problem)
    {
        List<BlockRef> list = new(count);
        ulong sum = 0;
        int small = 0;
        for (int i = 0; i < count; i++, bytes = bytes[BlockBytes..])
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(bytes[HashBytes..]);
            small += size < BlockSplitter.MinBlockBytes ? 1 : 0;
            if (size is 0 or > BlockSplitter.MaxBlockBytes || small > limits.MaxSmallBlocks)
            {
                problem = ManifestProblem.OverLimit;
                return null;
            }

            sum += size;
            list.Add(new BlockRef(Cid.ForRawDigest(bytes[..HashBytes]), (int)size));
        }

        problem = sum == total ? ManifestProblem.None : ManifestProblem.Malformed;
        return sum == total ? list : null;
    }

    private static void Put(ref Span<byte> rest, scoped ReadOnlySpan<byte> bytes) => bytes.CopyTo(Take(ref rest, bytes.Length));

    private static Span<byte> Take(ref Span<byte> rest, int count)
    {
        Span<byte> taken = rest[..count];
        rest = rest[count..];
        return taken;
    }
}

/// <summary>A manifest whose signature holds.</summary>
/// <param name="Manifest">What was signed.</param>
/// <param name="Maker">Who signed.</param>
public sealed record SignedManifest(BlockManifest Manifest, PeerId Maker);
