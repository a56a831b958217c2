using System.Buffers.Binary;
using System.IO.Compression;
using CsCheck;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class IdxFileTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-idx-").FullName;

    private string IdxPath => Path.Combine(_directory, "images");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_comes_back_plain_or_gzipped_whatever_its_name(bool gzip) =>
        Gen.Int[1, 5].Array[3].SelectMany(sizes => Gen.Byte.Array[sizes[0] * sizes[1] * sizes[2]].Select(data => (sizes, data))).Sample(
            file =>
            {
                Write([.. Header(3, file.sizes), .. file.data], gzip);
                IdxArray read = IdxFile.Read(IdxPath, 3, new IdxLimits());
                return read.Sizes.SequenceEqual(file.sizes) && read.Data.Span.SequenceEqual(file.data);
            },
            iter: 50,
            threads: 1);

    [Fact]
    public void An_empty_file_is_refused() => Refused([], "ends in the middle");

    [Fact]
    public void A_file_of_another_kind_is_refused() => Refused("<html>404</html>"u8.ToArray(), "expected an IDX file of bytes with 3 dimensions");

    [Fact]
    public void A_file_of_floats_is_refused() => Refused([0, 0, 0x0D, 3, .. new byte[12]], "found 00000d03");

    [Fact]
    public void Labels_where_images_are_expected_are_refused() => Refused([.. Header(1, 2), 1, 2], "found 00000801");

    [Fact]
    public void A_file_that_ends_in_its_header_is_refused() => Refused(Header(3, 1, 1, 1)[..10], "ends in the middle");

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_file_that_lacks_a_byte_is_refused(bool gzip) =>
        Refused([.. Header(3, 2, 2, 2), .. new byte[7]], gzip ? "ends in the middle" : "more than the file can hold", gzip);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_byte_too_many_is_refused(bool gzip) => Refused([.. Header(3, 2, 2, 2), .. new byte[9]], "found more", gzip);

    [Fact]
    public void A_size_of_zero_is_refused() => Refused(Header(3, 0, 2, 2), "found 0 as dimension 0");

    [Theory]
    [InlineData(-1, 1, 1)] // 2^32 − 1 when read as it should be, unsigned
    [InlineData(int.MinValue, 2, 1)]
    [InlineData(65536, 65536, 1)] // 2^32: wraps to 0 in 32 bits
    [InlineData(-1, -1, -1)]
    public void Sizes_beyond_the_limit_are_refused_before_anything_is_allocated(int a, int b, int c) =>
        Refused(Header(3, a, b, c), "at most 1073741824 bytes");

    [Fact]
    public void The_limit_is_an_option()
    {
        Write([.. Header(1, 8), .. new byte[8]], gzip: false);

        Assert.Equal([8], IdxFile.Read(IdxPath, 1, new IdxLimits { MaxBytes = 8 }).Sizes);
        Assert.Throws<InvalidDataException>(() => IdxFile.Read(IdxPath, 1, new IdxLimits { MaxBytes = 7 }));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_header_that_promises_more_than_the_file_can_hold_allocates_nothing(bool gzip)
    {
        Write(Header(3, 1000, 1000, 1000), gzip);
        Assert.Throws<InvalidDataException>(() => IdxFile.Read(IdxPath, 3, new IdxLimits()));
        long before = GC.GetAllocatedBytesForCurrentThread();

        var error = Assert.Throws<InvalidDataException>(() => IdxFile.Read(IdxPath, 3, new IdxLimits()));

        Assert.Contains("promises 1000000000 bytes", error.Message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1_000_000);
    }

    [Fact]
    public void A_damaged_gzip_is_refused()
    {
        Write([.. Header(1, 100), .. Enumerable.Range(0, 100).Select(i => (byte)(i * 37))], gzip: true);
        byte[] bytes = File.ReadAllBytes(IdxPath);
        bytes[40] ^= 0x55;
        File.WriteAllBytes(IdxPath, bytes);

        Assert.Throws<InvalidDataException>(() => IdxFile.Read(IdxPath, 1, new IdxLimits()));
    }

    [Fact]
    public void No_bytes_throw_anything_but_the_readers_error() =>
        Gen.Select(Gen.Byte.Array[0, 60], Gen.Bool, Gen.Bool).Sample(
            (noise, keepMagic, gzip) =>
            {
                Write(keepMagic ? [0, 0, 8, 1, 0, 0, 0, .. noise] : noise, gzip);
                try
                {
                    IdxFile.Read(IdxPath, 1, new IdxLimits());
                }
                catch (InvalidDataException)
                {
                }
            },
            iter: 500,
            threads: 1);

    private static byte[] Header(byte rank, params int[] sizes)
    {
        byte[] header = new byte[4 + (4 * sizes.Length)];
        header[2] = 8;
        header[3] = rank;
        for (int i = 0; i < sizes.Length; i++)
        {
            BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4 + (4 * i)), sizes[i]);
        }

        return header;
    }

    private void Refused(byte[] content, string message, bool gzip = false)
    {
        Write(content, gzip);
        var error = Assert.Throws<InvalidDataException>(() => IdxFile.Read(IdxPath, 3, new IdxLimits()));
        Assert.Contains(message, error.Message, StringComparison.Ordinal);
        Assert.StartsWith(IdxPath, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    private void Write(byte[] content, bool gzip)
    {
        using FileStream file = File.Create(IdxPath);
        using Stream stream = gzip ? new GZipStream(file, CompressionLevel.Fastest) : file;
        stream.Write(content);
    }
}
