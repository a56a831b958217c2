using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using MessagePack;

namespace P2PLearn.Crdt.Encoding;

/// <summary>Whole values to canonical bytes and back.</summary>
public static class CanonicalEncoding
{
    /// <summary>The canonical bytes of a value: equal values give equal bytes, whatever their history.</summary>
    public static byte[] Encode<T>(IElementCodec<T> codec, T value)
    {
        ArrayBufferWriter<byte> buffer = new();
        Encode(codec, value, buffer);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Appends the canonical bytes of a value to <paramref name="output"/>.</summary>
    public static void Encode<T>(IElementCodec<T> codec, T value, IBufferWriter<byte> output)
    {
        ArgumentNullException.ThrowIfNull(codec);
        MessagePackWriter writer = new(output);
        codec.Write(ref writer, value);
        writer.Flush();
    }

    /// <summary>Reads a value that fills <paramref name="bytes"/> exactly.</summary>
    /// <param name="codec">The format.</param>
    /// <param name="bytes">Untrusted.</param>
    /// <param name="limits">What is accepted.</param>
    /// <param name="value">The value, when the bytes are its canonical form.</param>
    /// <param name="error">Otherwise what was wrong with them.</param>
    /// <returns>Whether the bytes are canonical and within the limits. Never throws for bad bytes.</returns>
    public static bool TryDecode<T>(
        IElementCodec<T> codec,
        ReadOnlySpan<byte> bytes,
        CrdtLimits limits,
        [MaybeNullWhen(false)] out T value,
        out DecodeError error)
    {
        ArgumentNullException.ThrowIfNull(codec);
        CrdtReader reader = new(bytes, limits);
        bool read = codec.TryRead(ref reader, out T? decoded) && reader.TryFinish();
        value = read ? decoded : default;
        error = reader.Error;
        return read;
    }

    /// <summary>
    /// Reads a value that fills <paramref name="bytes"/> exactly; several segments are copied into one first.
    /// </summary>
    /// <inheritdoc cref="TryDecode{T}(IElementCodec{T}, ReadOnlySpan{byte}, CrdtLimits, out T, out DecodeError)"/>
    public static bool TryDecode<T>(
        IElementCodec<T> codec,
        ReadOnlySequence<byte> bytes,
        CrdtLimits limits,
        [MaybeNullWhen(false)] out T value,
        out DecodeError error)
    {
        ArgumentNullException.ThrowIfNull(limits);
        if (bytes.Length > limits.MaxTotalBytes)
        {
            value = default;
            error = DecodeError.TooLarge;
            return false;
        }

        ReadOnlySpan<byte> whole = bytes.IsSingleSegment ? bytes.FirstSpan : bytes.ToArray();
        return TryDecode(codec, whole, limits, out value, out error);
    }

    /// <summary>The SHA-256 of the canonical bytes: replicas with equal digests hold equal values.</summary>
    /// <returns>32 bytes.</returns>
    public static byte[] Digest<T>(IElementCodec<T> codec, T value)
    {
        ArrayBufferWriter<byte> buffer = new();
        Encode(codec, value, buffer);
        return SHA256.HashData(buffer.WrittenSpan);
    }
}
