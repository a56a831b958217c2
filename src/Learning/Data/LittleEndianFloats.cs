using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Data;

/// <summary>Float vectors as little-endian IEEE 754 bytes, the order in which everything here is stored.</summary>
internal static class LittleEndianFloats
{
    /// <summary>Writes k floats to 4·k bytes.</summary>
    public static void Write(ReadOnlySpan<float> source, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(destination.Length, source.Length * sizeof(float));
        MemoryMarshal.AsBytes(source).CopyTo(destination);
        SwapOnBigEndian(destination);
    }

    /// <summary>Reads k floats from 4·k bytes; every pattern of bits is a float.</summary>
    public static void Read(ReadOnlySpan<byte> source, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(source.Length, destination.Length * sizeof(float));
        Span<byte> bytes = MemoryMarshal.AsBytes(destination);
        source.CopyTo(bytes);
        SwapOnBigEndian(bytes);
    }

    private static void SwapOnBigEndian(Span<byte> bytes)
    {
        if (!BitConverter.IsLittleEndian)
        {
            Span<int> words = MemoryMarshal.Cast<byte, int>(bytes);
            BinaryPrimitives.ReverseEndianness(words, words);
        }
    }
}
