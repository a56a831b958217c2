using System.Buffers.Binary;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Models;

/// <summary>What a reader of model files accepts.</summary>
public sealed record ModelFileLimits
{
    /// <summary>
    /// Largest header in bytes; a tensor takes about a hundred. Default 1 MiB. The size of the floats follows from
    /// the layout.
    /// </summary>
    public int MaxHeaderBytes { get; init; } = 1 << 20;

    /// <summary>Most floats of a file whose layout is not known before; it is read into memory whole. Default 2²⁸, which are 1 GiB.</summary>
    public int MaxFloats { get; init; } = 1 << 28;
}

/// <summary>A model on disk in the safetensors format, which every machine-learning tool reads.</summary>
/// <remarks>Writing is atomic: a reader, or a node killed in the middle, sees the old file or the new one.</remarks>
public static class ModelFile
{
    private const int LengthPrefixSize = sizeof(ulong);

    /// <summary>
    /// Writes θ: to a temporary file beside it, flushed to the disk, then renamed over <paramref name="path"/>.
    /// </summary>
    /// <param name="path">Its directory exists.</param>
    /// <param name="layout">Names and shapes.</param>
    /// <param name="parameters">θ, shape [d].</param>
    /// <exception cref="IOException">The disk refuses; the old file is untouched.</exception>
    public static void Write(string path, ModelLayout layout, ReadOnlySpan<float> parameters)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentOutOfRangeException.ThrowIfNotEqual(parameters.Length, layout.ParameterCount);
        string temporary = path + ".tmp";
        using (var file = new FileStream(temporary, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            WriteContent(file, layout, parameters);
            file.Flush(flushToDisk: true);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Reads θ.</summary>
    /// <param name="path">A safetensors file; untrusted.</param>
    /// <param name="layout">What it must hold.</param>
    /// <param name="limits">What to accept.</param>
    /// <returns>θ, shape [d]; NaN and ∞ are possible.</returns>
    /// <exception cref="InvalidDataException">The file holds something else; one line naming it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static float[] Read(string path, ModelLayout layout, ModelFileLimits limits)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(layout);
        ArgumentNullException.ThrowIfNull(limits);
        using FileStream file = File.OpenRead(path);
        try
        {
            return ReadContent(file, file.Length, layout, limits);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Reads a model whose layout is not known before: any float32 tensors.</summary>
    /// <param name="path">A safetensors file; untrusted.</param>
    /// <param name="limits">What to accept.</param>
    /// <returns>The layout, its tensors in the order in which they lie in the file, and θ, shape [d]; NaN and ∞ are possible.</returns>
    /// <exception cref="InvalidDataException">Not such a file, or more than a layout may have; one line naming it.</exception>
    /// <exception cref="IOException">It cannot be read.</exception>
    public static (ModelLayout Layout, float[] Parameters) ReadAny(string path, ModelFileLimits limits)
    {
        (ModelLayout layout, byte[] bytes) = ReadAnyBytes(path, limits);
        return (layout, ToFloats(bytes));
    }

    /// <summary>Reads a model as <see cref="ReadAny(string, ModelFileLimits)"/> does, θ as bytes: little-endian float32, 4·d of them.</summary>
    /// <inheritdoc cref="ReadAny(string, ModelFileLimits)"/>
    public static (ModelLayout Layout, byte[] Bytes) ReadAnyBytes(string path, ModelFileLimits limits)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(limits);
        using FileStream file = File.OpenRead(path);
        try
        {
            SafetensorsHeader.Require(file.CanSeek, "it is no regular file");
            return ReadAnyContent(file, file.Length, limits);
        }
        catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
        {
            throw new InvalidDataException($"{path}: {e.Message}", e);
        }
    }

    /// <summary>Reads a model from the bytes of a safetensors file.</summary>
    /// <inheritdoc cref="ReadAny(string, ModelFileLimits)"/>
    /// <param name="content">The whole file; untrusted.</param>
    /// <param name="limits">What to accept.</param>
    public static (ModelLayout Layout, float[] Parameters) ReadAny(byte[] content, ModelFileLimits limits)
    {
        ArgumentNullException.ThrowIfNull(content);
        ArgumentNullException.ThrowIfNull(limits);
        using var stream = new MemoryStream(content, writable: false);
        try
        {
            (ModelLayout layout, byte[] bytes) = ReadAnyContent(stream, content.Length, limits);
            return (layout, ToFloats(bytes));
        }
        catch (EndOfStreamException e)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    /// <summary>What comes before the floats in a file: its length prefix and header. The floats follow, little-endian, in the order of the layout.</summary>
    public static byte[] Head(ModelLayout layout)
    {
        ArgumentNullException.ThrowIfNull(layout);
        byte[] header = SafetensorsHeader.Write(layout, LengthPrefixSize);
        byte[] head = new byte[LengthPrefixSize + header.Length];
        BinaryPrimitives.WriteUInt64LittleEndian(head, (ulong)header.Length);
        header.CopyTo(head, LengthPrefixSize);
        return head;
    }

    private static void WriteContent(Stream file, ModelLayout layout, ReadOnlySpan<float> parameters)
    {
        file.Write(Head(layout));
        byte[] data = new byte[parameters.Length * sizeof(float)];
        LittleEndianFloats.Write(parameters, data);
        file.Write(data);
    }

    private static float[] ReadContent(Stream file, long fileLength, ModelLayout layout, ModelFileLimits limits)
    {
        int headerLength = ReadHeaderLength(file, limits);
        long expected = LengthPrefixSize + headerLength + ((long)layout.ParameterCount * sizeof(float));
        if (fileLength != expected)
        {
            throw new InvalidDataException($"it has {fileLength} bytes, expected {expected}");
        }

        byte[] header = new byte[headerLength];
        file.ReadExactly(header);
        int[] begins = SafetensorsHeader.Read(header, layout);
        byte[] data = GC.AllocateUninitializedArray<byte>(layout.ParameterCount * sizeof(float));
        file.ReadExactly(data);
        return Arrange(data, begins, layout);
    }

    private static (ModelLayout Layout, byte[] Bytes) ReadAnyContent(Stream file, long fileLength, ModelFileLimits limits)
    {
        int headerLength = ReadHeaderLength(file, limits);
        long dataBytes = fileLength - LengthPrefixSize - headerLength;
        SafetensorsHeader.Require(dataBytes >= 0, $"its header has {headerLength} bytes, the file {fileLength}");
        long maxBytes = Math.Min((long)limits.MaxFloats * sizeof(float), Array.MaxLength);
        SafetensorsHeader.Require(dataBytes <= maxBytes, $"it has {dataBytes} bytes of floats, allowed are {maxBytes}");
        byte[] header = new byte[headerLength];
        file.ReadExactly(header);
        ModelLayout layout = SafetensorsLayout.Read(header, dataBytes);
        byte[] data = GC.AllocateUninitializedArray<byte>((int)dataBytes);
        file.ReadExactly(data);
        return (layout, data);
    }

    private static int ReadHeaderLength(Stream file, ModelFileLimits limits)
    {
        Span<byte> prefix = stackalloc byte[LengthPrefixSize];
        file.ReadExactly(prefix);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        return headerLength <= (ulong)limits.MaxHeaderBytes
            ? (int)headerLength
            : throw new InvalidDataException($"its header has {headerLength} bytes, allowed are {limits.MaxHeaderBytes}");
    }

    private static float[] ToFloats(byte[] bytes)
    {
        float[] parameters = GC.AllocateUninitializedArray<float>(bytes.Length / sizeof(float));
        LittleEndianFloats.Read(bytes, parameters);
        return parameters;
    }

    private static float[] Arrange(ReadOnlySpan<byte> data, int[] begins, ModelLayout layout)
    {
        float[] parameters = new float[layout.ParameterCount];
        int offset = 0;
        for (int i = 0; i < begins.Length; i++)
        {
            int count = layout.Parameters[i].Count;
            LittleEndianFloats.Read(data.Slice(begins[i], count * sizeof(float)), parameters.AsSpan(offset, count));
            offset += count;
        }

        return parameters;
    }
}
