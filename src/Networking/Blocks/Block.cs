using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Content under the name that its hash gives it. One that exists is right: the hash is checked when it is made.</summary>
/// <remarks>Named by version 1 CIDs of raw bytes by SHA-256, and nothing else. Immutable, as long as nobody writes to the content.</remarks>
public sealed class Block
{
    /// <summary>Longest block, what other stacks send and take (bitswap 1.2).</summary>
    public const int MaxBytes = 2 << 20;

    private Block(Cid cid, ReadOnlyMemory<byte> content)
    {
        Cid = cid;
        Content = content;
    }

    /// <summary>The name.</summary>
    public Cid Cid { get; }

    /// <summary>The content; not copied, so whoever gave it leaves it alone.</summary>
    public ReadOnlyMemory<byte> Content { get; }

    /// <summary>Bytes of the content.</summary>
    public int Size => Content.Length;

    /// <summary>Names content.</summary>
    /// <exception cref="ArgumentException">Longer than <see cref="MaxBytes"/>.</exception>
    public static Block Create(ReadOnlyMemory<byte> content) =>
        content.Length <= MaxBytes
            ? new Block(Cid.ForRaw(content.Span), content)
            : throw new ArgumentException($"a block has at most {MaxBytes} bytes", nameof(content));

    /// <summary>Checks untrusted content against the name that it came under.</summary>
    /// <returns>False when it is something else, too long, or under a name that is not for blocks.</returns>
    public static bool TryCreate(Cid cid, ReadOnlyMemory<byte> content, [NotNullWhen(true)] out Block? block)
    {
        ArgumentNullException.ThrowIfNull(cid);
        block = content.Length <= MaxBytes && IsName(cid) && cid.Matches(content.Span) ? new Block(cid, content) : null;
        return block is not null;
    }

    /// <summary>Whether a CID can name a block: version 1, raw, SHA-256.</summary>
    public static bool IsName(Cid cid)
    {
        ArgumentNullException.ThrowIfNull(cid);
        return cid is { Version: 1, Codec: Multicodec.Raw } && cid.Hash.Code == Multicodec.Sha2With256Bits;
    }
}
