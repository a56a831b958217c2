using System.Buffers.Binary;
using System.IO.Compression;

namespace P2PLearn.Learning.Data;

/// <summary>What a reader of IDX files accepts.</summary>
public sealed record IdxLimits
{
    /// <summary>
    /// Largest body in bytes that is allocated; MNIST's images are 47 MB, EMNIST's largest 639 MB. Default 1 GiB.
    /// </summary>
    public int MaxBytes { get; init; } = 1 << 30;
}

/// <summary>The content of an IDX file of unsigned bytes.</summary>
/// <param name="Sizes">Outermost first: [count] for labels, [count, height, width] for images.</param>
/// <param name="Data">Row-major.</param>
public sealed record IdxArray(IReadOnlyList<int> Sizes, ReadOnlyMemory<byte> Data);

/// <summary>Reads the file format of MNIST, plain or gzipped (which of the two is seen from the content).</summary>
/// <remarks>
/// Source: LeCun, Cortes and Burges, THE MNIST DATABASE, "FILE FORMATS FOR THE MNIST DATABASE".
/// <code>
/// offset 0      2      3        4              8                  4 + 4·rank
///        +------+------+--------+--------------+-- - - - --+------+-----------------+
///        | 0  0 | type | rank   | size 0 (u32) |  …        | size | bytes           |
///        +------+------+--------+--------------+-- - - - --+------+-----------------+
/// </code>
/// Sizes are big endian; type 8 is unsigned byte, the only one read here. The file is somebody's download: nothing in
/// it is believed before it is checked, and nothing is allocated before the size is known to fit the limit and the
/// file.
/// </remarks>
public static class IdxFile
{
    private const byte UnsignedByte = 8;
    private const int HeaderStart = 4;
    private const long MaxDeflateRatio = 1032; // zlib, technical details: the most that deflate can shrink by

    /// <summary>Reads a file of the given rank.</summary>
    /// <param name="path">Plain or gzipped.</param>
    /// <param name="rank">1 for labels, 3 for images.</param>
    /// <param name="limits">What to accept.</param>
    /// <exception cref="InvalidDataException">
    /// The file is not what it should be: one line with the file and what was expected.
    /// </exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static IdxArray Read(string path, int rank, IdxLimits limits)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(rank);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(rank, 4);
        ArgumentNullException.ThrowIfNull(limits);
        using FileStream file = File.OpenRead(path);
        bool isGzip = IsGzip(file);
        using Stream content = isGzip ? new GZipStream(file, CompressionMode.Decompress, leaveOpen: true) : file;
        long maxContent = isGzip ? file.Length * MaxDeflateRatio : file.Length;
        try
        {
            return ReadContent(content, rank, limits, maxContent);
        }
        catch (EndOfStreamException)
        {
            throw new InvalidDataException($"{path}: the file ends in the middle of its data; download it again");
        }
        catch (InvalidDataException e)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    private static bool IsGzip(FileStream file)
    {
        Span<byte> start = stackalloc byte[2];
        int read = file.ReadAtLeast(start, 2, throwOnEndOfStream: false);
        file.Position = 0;
        return read == 2 && start is [0x1F, 0x8B]; // RFC 1952, 2.3.1: ID1, ID2
    }

    private static IdxArray ReadContent(Stream content, int rank, IdxLimits limits, long maxContent)
    {
        Span<byte> header = stackalloc byte[HeaderStart + (4 * 4)];
        header = header[..(HeaderStart + (4 * rank))];
        content.ReadExactly(header[..HeaderStart]);
        if (header[0] != 0 || header[1] != 0 || header[2] != UnsignedByte || header[3] != rank)
        {
            throw new InvalidDataException(
                $"expected an IDX file of bytes with {rank} dimensions (000008{rank:x2}), "
                + $"found {Convert.ToHexStringLower(header[..HeaderStart])}");
        }

        content.ReadExactly(header[HeaderStart..]);
        int[] sizes = ReadSizes(header[HeaderStart..], limits, out int total);
        if (header.Length + (long)total > maxContent)
        {
            throw new InvalidDataException(
                $"its header promises {total} bytes, more than the file can hold; download it again");
        }

        byte[] data = GC.AllocateUninitializedArray<byte>(total);
        content.ReadExactly(data);
        if (content.ReadByte() >= 0)
        {
            throw new InvalidDataException($"expected {header.Length + (long)total} bytes by its header, found more");
        }

        return new IdxArray(sizes, data);
    }

    private static int[] ReadSizes(ReadOnlySpan<byte> header, IdxLimits limits, out int total)
    {
        int[] sizes = new int[header.Length / 4];
        ulong product = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(header[(4 * i)..]);
            product *= size; // no overflow: the product was at most 2^31 and the size is below 2^32
            if (size == 0 || product > (ulong)limits.MaxBytes)
            {
                throw new InvalidDataException(
                    $"expected sizes of at least 1 and at most {limits.MaxBytes} bytes in all, "
                    + $"found {size} as dimension {i}");
            }

            sizes[i] = (int)size;
        }

        total = (int)product;
        return sizes;
    }
}
