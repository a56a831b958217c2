using SkiaSharp;

namespace P2PLearn.Learning.Data;

/// <summary>Reads PNG and JPEG files and brings them to one size.</summary>
internal static class Picture
{
    /// <summary>Reads a picture.</summary>
    /// <param name="path">A PNG or JPEG file.</param>
    /// <param name="channels">1 for grey, 3 for red, green and blue; the file's own colours are turned into these.</param>
    /// <param name="limits">What to accept; looked at before anything is decoded.</param>
    /// <returns>Pixels, shape [height, width, channels], and the two sizes.</returns>
    /// <exception cref="InvalidDataException">No such picture; one line naming the file.</exception>
    public static (byte[] Pixels, int Height, int Width) Read(string path, int channels, ImageFolderLimits limits)
    {
        long length = new FileInfo(path).Length;
        if (length > limits.MaxFileBytes)
        {
            throw new InvalidDataException($"{path}: {length} bytes are more than the {limits.MaxFileBytes} that are read");
        }

        byte[] file = File.ReadAllBytes(path);
        if (!IsPng(file) && !IsJpeg(file))
        {
            throw new InvalidDataException($"{path}: neither PNG nor JPEG");
        }

        try
        {
            return Decode(path, file, channels, limits);
        }
        catch (Exception e) when (e is DllNotFoundException or TypeInitializationException)
        {
            throw new InvalidDataException($"{path}: pictures cannot be read here, the library libSkiaSharp does not load", e);
        }
    }

    /// <summary>Each pixel the mean of the part of the picture that it covers; planes instead of interleaved channels.</summary>
    /// <param name="pixels">Shape [height, width, channels].</param>
    /// <param name="height">Rows.</param>
    /// <param name="width">Columns.</param>
    /// <param name="channels">Channels.</param>
    /// <param name="side">Rows and columns of the result.</param>
    /// <param name="destination">Shape [channels, side, side].</param>
    public static void Resize(ReadOnlySpan<byte> pixels, int height, int width, int channels, int side, Span<byte> destination)
    {
        for (int y = 0; y < side; y++)
        {
            (int top, int bottom) = Covered(y, side, height);
            for (int x = 0; x < side; x++)
            {
                (int left, int right) = Covered(x, side, width);
                for (int c = 0; c < channels; c++)
                {
                    long sum = 0;
                    for (int row = top; row < bottom; row++)
                    {
                        for (int column = left; column < right; column++)
                        {
                            sum += pixels[(((row * width) + column) * channels) + c];
                        }
                    }

                    long count = (long)(bottom - top) * (right - left);
                    destination[(((c * side) + y) * side) + x] = (byte)((sum + (count / 2)) / count);
                }
            }
        }
    }

    // Whole pixels, at least one: a picture smaller than the result repeats them.
    private static (int First, int End) Covered(int position, int side, int size)
    {
        int first = (int)((long)position * size / side);
        return (first, Math.Max(first + 1, (int)((long)(position + 1) * size / side)));
    }

    private static bool IsPng(ReadOnlySpan<byte> file) => file is [0x89, (byte)'P', (byte)'N', (byte)'G', ..];

    private static bool IsJpeg(ReadOnlySpan<byte> file) => file is [0xFF, 0xD8, 0xFF, ..];

    private static (byte[] Pixels, int Height, int Width) Decode(string path, byte[] file, int channels, ImageFolderLimits limits)
    {
        using SKData data = SKData.CreateCopy(file);
        using SKCodec codec = SKCodec.Create(data) ?? throw new InvalidDataException($"{path}: a damaged picture");
        (int width, int height) = (codec.Info.Width, codec.Info.Height);
        if (width < 1 || height < 1 || width > limits.MaxSide || height > limits.MaxSide)
        {
            throw new InvalidDataException($"{path}: {width}×{height} pixels, expected 1 to {limits.MaxSide} each way");
        }

        // As the file has them: opaque white is not put behind what is transparent, and no colour profile is applied.
        var info = new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul, codec.Info.ColorSpace);
        using var bitmap = new SKBitmap(info);
        if (codec.GetPixels(info, bitmap.GetPixels()) != SKCodecResult.Success)
        {
            throw new InvalidDataException($"{path}: a damaged picture");
        }

        return (WithoutAlpha(bitmap.GetPixelSpan(), channels), height, width);
    }

    // [pixels, RGBA] to [pixels, channels]; grey by the luma of ITU-R BT.601, as JPEG has it.
    private static byte[] WithoutAlpha(ReadOnlySpan<byte> rgba, int channels)
    {
        byte[] result = new byte[rgba.Length / 4 * channels];
        for (int from = 0, to = 0; from < rgba.Length; from += 4, to += channels)
        {
            if (channels == 3)
            {
                rgba.Slice(from, 3).CopyTo(result.AsSpan(to));
            }
            else
            {
                result[to] = (byte)(((299 * rgba[from]) + (587 * rgba[from + 1]) + (114 * rgba[from + 2]) + 500) / 1000);
            }
        }

        return result;
    }
}
