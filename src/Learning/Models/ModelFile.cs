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

    private static void WriteContent(Stream file, ModelLayout layout, ReadOnlySpan<float> parameters)
    {
        byte[] header = SafetensorsHeader.Write(layout, LengthPrefixSize);
        Span<byte> length = stackalloc byte[LengthPrefixSize];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        file.Write(length);
        file.Write(header);
        byte[] data = new byte[parameters.Length * sizeof(float)];
        LittleEndianFloats.Write(parameters, data);
        file.Write(data);
    }

    private static float[] ReadContent(Stream file, long fileLength, ModelLayout layout, ModelFileLimits limits)
    {
        Span<byte> prefix = stackalloc byte[LengthPrefixSize];
        file.ReadExactly(prefix);
        ulong headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > (ulong)limits.MaxHeaderBytes)
        {
            throw new InvalidDataException($"its header has {headerLength} bytes, allowed are {limits.MaxHeaderBytes}");
        }

        long expected = LengthPrefixSize + (long)headerLength + ((long)layout.ParameterCount * sizeof(float));
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
