using System.Diagnostics.CodeAnalysis;
using MessagePack;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Contributions;

/// <summary>One contribution in canonical MessagePack.</summary>
/// <remarks>
/// <code>
/// contribution = [ 1, run: bin 32, round: uint32, peer: bin 1..64, statement ]
/// statement = [ root: bin 32, base: bin 32 | nil, codec: uint8, layout: bin 32, modelBytes: uint64, samples: uint32,
/// signature: bin 64 ]
/// </code>
/// Decoding checks form, not signatures.
/// </remarks>
public sealed class ContributionCodec : IElementCodec<Contribution>
{
    /// <summary>The version of the format this codec writes and reads.</summary>
    public const uint Version = 1;

    private const int Fields = 5;
    private const int StatementFields = 7;

    /// <summary>The codec; it has no state.</summary>
    public static ContributionCodec Default { get; } = new();

    /// <summary>The canonical bytes of a contribution.</summary>
    public static byte[] Encode(Contribution contribution) => CanonicalEncoding.Encode(Default, contribution);

    /// <summary>Reads a contribution that fills <paramref name="bytes"/> exactly.</summary>
    /// <returns>False, with the reason, for anything but canonical bytes within the limits.</returns>
    public static bool TryDecode(
        ReadOnlySpan<byte> bytes,
        CrdtLimits limits,
        [NotNullWhen(true)] out Contribution? contribution,
        out DecodeError error) =>
        CanonicalEncoding.TryDecode(Default, bytes, limits, out contribution, out error);

    /// <inheritdoc/>
    public void Write(ref MessagePackWriter writer, Contribution value)
    {
        ArgumentNullException.ThrowIfNull(value);
        writer.WriteArrayHeader(Fields);
        writer.Write(Version);
        WriteRun(ref writer, value.Run);
        writer.Write(value.Round);
        ElementCodecs.Replica.Write(ref writer, value.Peer);
        WriteStatement(ref writer, value);
    }

    /// <inheritdoc/>
    public bool TryRead(ref CrdtReader reader, [MaybeNullWhen(false)] out Contribution value)
    {
        value = null;
        return reader.TryBeginTuple(Fields)
            && reader.TryReadUInt32(out uint version)
            && (version == Version || reader.Fail(DecodeError.UnsupportedVersion))
            && TryReadRun(ref reader, out RunId run)
            && reader.TryReadUInt32(out uint round)
            && reader.TryReadKey(ElementCodecs.Replica, out ReplicaId peer)
            && TryReadStatement(ref reader, run, round, peer, out value)
            && reader.End();
    }

    internal static void WriteRun(ref MessagePackWriter writer, RunId run)
    {
        Span<byte> bytes = stackalloc byte[RunId.Size];
        run.CopyTo(bytes);
        writer.Write(bytes);
    }

    internal static bool TryReadRun(ref CrdtReader reader, out RunId run)
    {
        bool read = reader.TryReadFixedBytes(RunId.Size, out ReadOnlySpan<byte> bytes);
        run = read ? RunId.FromBytes(bytes) : default;
        return read;
    }

    /// <summary>Writes what a contribution says beside its key.</summary>
    internal static void WriteStatement(ref MessagePackWriter writer, Contribution value)
    {
        writer.WriteArrayHeader(StatementFields);
        WriteHash(ref writer, value.Root);
        if (value.Base is { } baseRoot)
        {
            WriteHash(ref writer, baseRoot);
        }
        else
        {
            writer.WriteNil();
        }

        writer.Write((byte)value.Codec);
        WriteHash(ref writer, value.LayoutHash);
        writer.Write(value.ModelBytes);
        writer.Write(value.SampleCount);
        Span<byte> signature = stackalloc byte[Signature64.Size];
        value.Signature.CopyTo(signature);
        writer.Write(signature);
    }

    /// <summary>Reads what a contribution says beside its key.</summary>
    internal static bool TryReadStatement(
        ref CrdtReader reader, RunId run, uint round, ReplicaId peer, [NotNullWhen(true)] out Contribution? value)
    {
        value = null;
        if (!reader.TryBeginTuple(StatementFields)
            || !TryReadHash(ref reader, out Hash256 root)
            || !TryReadBase(ref reader, out Hash256? baseRoot)
            || !reader.TryReadByte(out byte codec)
            || !TryReadHash(ref reader, out Hash256 layout)
            || !reader.TryReadUInt64(out ulong modelBytes)
            || !reader.TryReadUInt32(out uint samples)
            || !reader.TryReadFixedBytes(Signature64.Size, out ReadOnlySpan<byte> signature))
        {
            return false;
        }

        value = new Contribution
        {
            Run = run,
            Round = round,
            Peer = peer,
            Root = root,
            Base = baseRoot,
            Codec = (ModelCodec)codec,
            LayoutHash = layout,
            ModelBytes = modelBytes,
            SampleCount = samples,
            Signature = Signature64.FromBytes(signature),
        };
        return reader.End();
    }

    private static void WriteHash(ref MessagePackWriter writer, Hash256 hash)
    {
        Span<byte> bytes = stackalloc byte[Hash256.Size];
        hash.CopyTo(bytes);
        writer.Write(bytes);
    }

    private static bool TryReadHash(ref CrdtReader reader, out Hash256 hash)
    {
        bool read = reader.TryReadFixedBytes(Hash256.Size, out ReadOnlySpan<byte> bytes);
        hash = read ? Hash256.FromBytes(bytes) : default;
        return read;
    }

    private static bool TryReadBase(ref CrdtReader reader, out Hash256? baseRoot)
    {
        baseRoot = null;
        if (reader.TakeNil())
        {
            return true;
        }

        bool read = TryReadHash(ref reader, out Hash256 hash);
        baseRoot = read ? hash : null;
        return read;
    }
}
