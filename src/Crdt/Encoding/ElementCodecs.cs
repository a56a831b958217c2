using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;

namespace P2PLearn.Crdt.Encoding;

/// <summary>Codecs of the plain types that sets, maps and registers hold.</summary>
public static class ElementCodecs
{
    /// <summary>
    /// A text as a MessagePack string in strict UTF-8. Lone surrogates throw <see cref="ArgumentException"/> when
    /// written.
    /// </summary>
    public static IElementCodec<string> Text { get; } = new TextCodec();

    /// <summary>
    /// A byte array as a MessagePack byte string. The array is not copied when written, and is fresh when read.
    /// </summary>
    public static IElementCodec<byte[]> Bytes { get; } = new BytesCodec();

    /// <summary>An unsigned integer in its shortest form.</summary>
    public static IElementCodec<ulong> UInt64 { get; } = new UInt64Codec();

    /// <summary>A replica id as a byte string of 1 to <see cref="ReplicaId.MaxBytes"/> bytes.</summary>
    public static IElementCodec<ReplicaId> Replica { get; } = new ReplicaCodec();

    private sealed class TextCodec : IElementCodec<string>
    {
        private static readonly System.Text.UTF8Encoding Strict = new(false, throwOnInvalidBytes: true);

        public void Write(ref MessagePackWriter writer, string value) => writer.WriteString(Strict.GetBytes(value));

        public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out string value) =>
            reader.TryReadText(out value);
    }

    private sealed class BytesCodec : IElementCodec<byte[]>
    {
        public void Write(ref MessagePackWriter writer, byte[] value)
        {
            ArgumentNullException.ThrowIfNull(value);
            writer.Write(value.AsSpan());
        }

        public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out byte[] value)
        {
            bool read = reader.TryReadBytes(out ReadOnlySpan<byte> bytes);
            value = read ? bytes.ToArray() : null;
            return read;
        }
    }

    private sealed class UInt64Codec : IElementCodec<ulong>
    {
        public void Write(ref MessagePackWriter writer, ulong value) => writer.Write(value);

        public bool TryRead(ref CrdtReader reader, out ulong value) => reader.TryReadUInt64(out value);
    }

    private sealed class ReplicaCodec : IElementCodec<ReplicaId>
    {
        public void Write(ref MessagePackWriter writer, ReplicaId value)
        {
            ReplicaId.ThrowIfEmpty(value);
            writer.Write(value.Bytes);
        }

        public bool TryRead(ref CrdtReader reader, out ReplicaId value)
        {
            value = default;
            return reader.TryReadBytes(out ReadOnlySpan<byte> bytes)
                && (ReplicaId.TryFromBytes(bytes, out value) || reader.Fail(DecodeError.InvalidValue));
        }
    }
}
