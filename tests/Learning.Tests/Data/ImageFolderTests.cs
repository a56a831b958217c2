using System.Buffers.Binary;
using System.IO.Compression;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class ImageFolderTests : IDisposable
{
    // 8×8 pixels, all (200, 100, 50), quality 90.
    private const string Jpeg =
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wCEAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRQB"
        + "AwQEBQQFCQUFCRQNCw0UFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFP/AABEIAAgACAMBIgACEQEDEQH/xAGiAAAB"
        + "BQEBAQEBAQAAAAAAAAAAAQIDBAUGBwgJCgsQAAIBAwMCBAMFBQQEAAABfQECAwAEEQUSITFBBhNRYQcicRQygZGhCCNCscEVUtHwJDNicoIJChYXGBkaJSYn"
        + "KCkqNDU2Nzg5OkNERUZHSElKU1RVVldYWVpjZGVmZ2hpanN0dXZ3eHl6g4SFhoeIiYqSk5SVlpeYmZqio6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV"
        + "1tfY2drh4uPk5ebn6Onq8fLz9PX29/j5+gEAAwEBAQEBAQEBAQAAAAAAAAECAwQFBgcICQoLEQACAQIEBAMEBwUEBAABAncAAQIDEQQFITEGEkFRB2FxEyIy"
        + "gQgUQpGhscEJIzNS8BVictEKFiQ04SXxFxgZGiYnKCkqNTY3ODk6Q0RFRkdISUpTVFVWV1hZWmNkZWZnaGlqc3R1dnd4eXqCg4SFhoeIiYqSk5SVlpeYmZqi"
        + "o6Slpqeoqaqys7S1tre4ubrCw8TFxsfIycrS09TV1tfY2dri4+Tl5ufo6ery8/T19vf4+fr/2gAMAwEAAhEDEQA/AKtFFFfh5/SB/9k=";

    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-images-").FullName;

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void Folders_are_classes_and_pictures_planes_of_one_size()
    {
        for (int i = 0; i < 5; i++)
        {
            Write($"red/{i}.png", Png(4, 2, (_, _) => (255, 0, 0)));
            Write($"blue/{i}.PNG", Png(2, 2, (x, _) => x == 0 ? ((byte)0, (byte)0, (byte)255) : ((byte)0, (byte)0, (byte)55)));
        }

        Write("red/notes.txt", [1]);

        ExampleSets sets = DataSources.Default.Load($"images:{_directory}?size=2");

        var train = Assert.IsType<LabelledImages>(sets.Train);
        Assert.Equal(ModelInput.Image(3, 2, 2, 2), train.Input);
        Assert.Equal((8, 2), (train.Count, sets.Test.Count));
        int blue = train.Labels.IndexOf((byte)0); // "blue" comes before "red"
        int red = train.Labels.IndexOf((byte)1);
        Assert.Equal([0, 0, 0, 0, 0, 0, 0, 0, 255, 55, 255, 55], train.Image(blue).ToArray());
        Assert.Equal([255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0], train.Image(red).ToArray());
        PixelScaling measured = PixelScaling.Of(train);
        Assert.Equal(measured, train.Scaling);
    }

    [Fact]
    public void A_picture_is_made_smaller_by_means_and_larger_by_repeating()
    {
        byte[] small = new byte[4];
        Picture.Resize([10, 20, 30, 41, 50, 60, 70, 80, 90, 100, 110, 120, 130, 140, 150, 160], 4, 4, 1, 2, small);
        Assert.Equal([35, 55, 115, 135], small); // (10 + 20 + 50 + 60) / 4, …

        byte[] large = new byte[16];
        Picture.Resize([1, 2, 3, 4], 2, 2, 1, 4, large);
        Assert.Equal([1, 1, 2, 2, 1, 1, 2, 2, 3, 3, 4, 4, 3, 3, 4, 4], large);
    }

    [Fact]
    public void Folders_of_their_own_for_training_and_testing_are_used()
    {
        foreach (string set in new[] { "train", "test" })
        {
            Write($"{set}/a/1.png", Png(2, 2, (_, _) => (1, 1, 1)));
            Write($"{set}/b/1.png", Png(2, 2, (_, _) => (2, 2, 2)));
        }

        Write("train/b/2.png", Png(2, 2, (_, _) => (3, 3, 3)));

        ExampleSets sets = DataSources.Default.Load($"images:{_directory}?size=1&colours=grey");

        Assert.Equal([0, 1, 1], sets.Train.Labels.ToArray());
        Assert.Equal([0, 1], sets.Test.Labels.ToArray());
        Assert.Equal(1, sets.Train.Input.Channels);

        Directory.Move(Path.Combine(_directory, "test", "b"), Path.Combine(_directory, "test", "c"));
        Assert.Equal(
            $"{Path.Combine(_directory, "test")}: expected the classes of the training folder: a, b",
            Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"images:{_directory}")).Message);
    }

    [Fact]
    public void Jpeg_files_are_read()
    {
        Write("a/1.jpg", Convert.FromBase64String(Jpeg));
        Write("b/1.jpeg", Convert.FromBase64String(Jpeg));

        var train = Assert.IsType<LabelledImages>(DataSources.Default.Load($"images:{_directory}?size=1").Train);

        byte[] pixel = train.Image(0).ToArray();
        Assert.InRange(pixel[0], 195, 205);
        Assert.InRange(pixel[1], 95, 105);
        Assert.InRange(pixel[2], 45, 55);
    }

    [Fact]
    public void What_is_no_picture_is_refused_by_name()
    {
        Write("a/1.png", "GIF89a"u8.ToArray());
        Write("b/1.png", Png(2, 2, (_, _) => (0, 0, 0)));
        Refused(Path.Combine(_directory, "a", "1.png") + ": neither PNG nor JPEG");

        Write("a/1.png", Png(2, 2, (_, _) => (0, 0, 0))[..40]);
        Refused(Path.Combine(_directory, "a", "1.png") + ": a damaged picture");

        File.Delete(Path.Combine(_directory, "a", "1.png"));
        Refused(Path.Combine(_directory, "a") + ": no PNG or JPEG files");

        Directory.Delete(Path.Combine(_directory, "a"), recursive: true);
        Refused($"{_directory}: expected 2 to 256 folders, one for each class, found 1");
    }

    [Fact]
    public void Damaged_files_are_pictures_or_refused_and_nothing_else()
    {
        foreach (byte[] good in new[] { Png(8, 8, (x, y) => ((byte)x, (byte)y, 7)), Convert.FromBase64String(Jpeg) })
        {
            for (ulong trial = 0; trial < 400; trial++)
            {
                var random = new SeededRandom(trial);
                byte[] bytes = good[..(trial % 2 == 0 ? good.Length : random.NextInt32(good.Length))];
                for (int i = random.NextInt32(4); i >= 0 && bytes.Length > 0; i--)
                {
                    bytes[random.NextInt32(bytes.Length)] = (byte)random.NextInt32(256);
                }

                Write("x.png", bytes);
                try
                {
                    Picture.Read(Path.Combine(_directory, "x.png"), 3, new ImageFolderLimits { MaxSide = 64 });
                }
                catch (InvalidDataException)
                {
                    // as it should be
                }
            }
        }
    }

    [Fact]
    public void A_header_that_promises_a_huge_picture_is_refused_before_it_is_decoded()
    {
        byte[] png = Png(2, 2, (_, _) => (0, 0, 0));
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 60_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 60_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc32(png.AsSpan(12, 17))); // of the header's type and data
        Write("a/1.png", png);
        Write("b/1.png", png);

        Refused(": 60000×60000 pixels, expected 1 to 4096 each way");
    }

    public static TheoryData<ImageFolderLimits, string> Limits => new()
    {
        { new ImageFolderLimits { MaxFileBytes = 20 }, "bytes are more than the 20 that are read" },
        { new ImageFolderLimits { MaxSide = 1 }, "2×2 pixels, expected 1 to 1 each way" },
        { new ImageFolderLimits { MaxFiles = 1 }, "more than the 1 pictures that are read" },
        { new ImageFolderLimits { MaxBytes = 11 }, "1 pictures of 12 bytes are more than the 11 bytes that are kept; choose a smaller size" },
    };

    [Theory]
    [MemberData(nameof(Limits))]
    public void What_is_beyond_a_limit_is_refused(ImageFolderLimits limits, string message)
    {
        Write("a/1.png", Png(2, 2, (_, _) => (0, 0, 0)));
        Write("b/1.png", Png(2, 2, (_, _) => (0, 0, 0)));

        Assert.EndsWith(
            message,
            Assert.Throws<InvalidDataException>(() => ImageFolder.Load(_directory, 2, 3, 0.5, limits)).Message,
            StringComparison.Ordinal);
    }

    private void Refused(string message) => Assert.EndsWith(
        message,
        Assert.Throws<InvalidDataException>(() => DataSources.Default.Load($"images:{_directory}")).Message,
        StringComparison.Ordinal);

    private void Write(string name, byte[] bytes)
    {
        string path = Path.Combine(_directory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllBytes(path, bytes);
    }

    // PNG (RFC 2083): signature, IHDR, one IDAT with filter 0 in each row, IEND.
    private static byte[] Png(int width, int height, Func<int, int, (byte R, byte G, byte B)> colour)
    {
        using var rows = new MemoryStream();
        using (var zlib = new ZLibStream(rows, CompressionLevel.Fastest, leaveOpen: true))
        {
            for (int y = 0; y < height; y++)
            {
                zlib.WriteByte(0);
                for (int x = 0; x < width; x++)
                {
                    (byte r, byte g, byte b) = colour(x, y);
                    zlib.Write([r, g, b]);
                }
            }
        }

        byte[] header = new byte[13];
        BinaryPrimitives.WriteInt32BigEndian(header, width);
        BinaryPrimitives.WriteInt32BigEndian(header.AsSpan(4), height);
        (header[8], header[9]) = (8, 2); // bits, RGB
        return
        [
            0x89, .. "PNG\r\n"u8, 0x1A, (byte)'\n',
            .. Chunk("IHDR"u8, header), .. Chunk("IDAT"u8, rows.ToArray()), .. Chunk("IEND"u8, []),
        ];
    }

    private static byte[] Chunk(ReadOnlySpan<byte> type, ReadOnlySpan<byte> data)
    {
        byte[] chunk = new byte[12 + data.Length];
        BinaryPrimitives.WriteInt32BigEndian(chunk, data.Length);
        type.CopyTo(chunk.AsSpan(4));
        data.CopyTo(chunk.AsSpan(8));
        BinaryPrimitives.WriteUInt32BigEndian(chunk.AsSpan(8 + data.Length), Crc32(chunk.AsSpan(4, 4 + data.Length)));
        return chunk;
    }

    private static uint Crc32(ReadOnlySpan<byte> bytes)
    {
        uint crc = uint.MaxValue;
        foreach (byte value in bytes)
        {
            crc ^= value;
            for (int bit = 0; bit < 8; bit++)
            {
                crc = (crc >> 1) ^ ((crc & 1) * 0xEDB88320);
            }
        }

        return ~crc;
    }
}
