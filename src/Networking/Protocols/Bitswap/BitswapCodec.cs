using System.Buffers;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>Reads and writes bitswap messages.</summary>
/// <remarks>
/// Source: IPFS specs, bitswap 1.2.0, Wire Format:
/// <code>
/// Message  { wantlist = 1 { entries = 1 Entry …, full = 2 }, payload = 3 Block …, blockPresences = 4 Presence …, pendingBytes = 5 }
/// Entry    { block = 1 (CID), priority = 2 (int32), cancel = 3, wantType = 4 (0 block, 1 have), sendDontHave = 5 }
/// Block    { prefix = 1 (CID without digest), data = 2 }     Presence { cid = 1, type = 2 (0 have, 1 don't have) }
/// </code>
/// Counts are limited while reading, before anything is kept. Wants, presences and blocks that name no <see cref="Block"/> count, and are
/// left out, except that a want is answered: whoever asks for another kind of CID learns that it is not here.
/// </remarks>
internal static class BitswapCodec
{
    private static readonly byte[] RawPrefix = [1, (byte)Multicodec.Raw, (byte)Multicodec.Sha2With256Bits, 32];

    /// <summary>Reads a stranger's message.</summary>
    /// <returns><see cref="EndReason.None"/>, <see cref="EndReason.MalformedMessage"/>, or <see cref="EndReason.TooManyRequests"/>
    /// for more entries than allowed.</returns>
    public static EndReason TryRead(ReadOnlySpan<byte> bytes, BitswapOptions options, out BitswapMessage? message)
    {
        message = null;
        List<WantEntry> wants = [];
        List<BlockPresence> presences = [];
        List<Block> blocks = [];
        (bool isFull, int presenceCount, int blockCount) = (false, 0, 0);
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadTag(out int field, out int type))
            {
                return EndReason.MalformedMessage;
            }

            if (type != ProtobufReader.Bytes || field is not (1 or 3 or 4))
            {
                if (!reader.TrySkip(type))
                {
                    return EndReason.MalformedMessage;
                }

                continue;
            }

            if (!reader.TryReadBytes(out ReadOnlySpan<byte> value))
            {
                return EndReason.MalformedMessage;
            }

            EndReason reason = field switch
            {
                1 => ReadWantlist(value, options.MaxEntriesPerMessage, wants, ref isFull),
                3 => ++blockCount > options.MaxBlocksPerMessage ? EndReason.TooManyRequests : ReadBlock(value, blocks),
                _ => ++presenceCount > options.MaxEntriesPerMessage ? EndReason.TooManyRequests : ReadPresence(value, presences),
            };
            if (reason != EndReason.None)
            {
                return reason;
            }
        }

        message = new BitswapMessage { IsFull = isFull, Wants = wants, Blocks = blocks, Presences = presences };
        return EndReason.None;
    }

    /// <summary>Writes a message.</summary>
    public static ReadOnlyMemory<byte> Write(BitswapMessage message)
    {
        var output = new ArrayBufferWriter<byte>(256 + message.Blocks.Sum(b => b.Size + 32) + (message.Wants.Count * 52));
        if (message.Wants.Count > 0 || message.IsFull)
        {
            WriteWantlist(output, message);
        }

        foreach (Block block in message.Blocks)
        {
            int length = 2 + RawPrefix.Length + 1 + Uvarint.GetLength((ulong)block.Size) + block.Size;
            WriteHead(output, 3, length);
            WriteBytes(output, 1, RawPrefix);
            WriteBytes(output, 2, block.Content.Span);
        }

        foreach (BlockPresence presence in message.Presences)
        {
            WriteHead(output, 4, 2 + presence.Cid.Bytes.Length + 2);
            WriteBytes(output, 1, presence.Cid.Bytes);
            WriteVarint(output, 2, presence.Has ? 0u : 1u);
        }

        return output.WrittenMemory;
    }

    private static EndReason ReadWantlist(ReadOnlySpan<byte> bytes, int maxEntries, List<WantEntry> wants, ref bool isFull)
    {
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadTag(out int field, out int type))
            {
                return EndReason.MalformedMessage;
            }

            if (field == 1 && type == ProtobufReader.Bytes)
            {
                if (wants.Count == maxEntries)
                {
                    return EndReason.TooManyRequests;
                }

                if (!reader.TryReadBytes(out ReadOnlySpan<byte> value) || !TryReadEntry(value, out WantEntry entry))
                {
                    return EndReason.MalformedMessage;
                }

                wants.Add(entry);
            }
            else if (field == 2 && type == ProtobufReader.Varint && reader.TryReadVarint(out ulong full))
            {
                isFull = full != 0;
            }
            else if (!reader.TrySkip(type))
            {
                return EndReason.MalformedMessage;
            }
        }

        return EndReason.None;
    }

    private static bool TryReadEntry(ReadOnlySpan<byte> bytes, out WantEntry entry)
    {
        entry = default;
        Span<ulong> numbers = stackalloc ulong[6];
        if (!TryReadFields(bytes, out ReadOnlySpan<byte> name, numbers) || !Cid.TryFromBytes(name, out Cid? cid))
        {
            return false;
        }

        entry = new WantEntry(cid, (int)numbers[2], numbers[3] != 0, numbers[4] == 1, numbers[5] != 0);
        return true;
    }

    private static EndReason ReadPresence(ReadOnlySpan<byte> bytes, List<BlockPresence> presences)
    {
        Span<ulong> numbers = stackalloc ulong[6];
        if (!TryReadFields(bytes, out ReadOnlySpan<byte> name, numbers) || !Cid.TryFromBytes(name, out Cid? cid))
        {
            return EndReason.MalformedMessage;
        }

        if (Block.IsName(cid))
        {
            presences.Add(new BlockPresence(cid, numbers[2] == 0));
        }

        return EndReason.None;
    }

    /// <summary>The bytes of field 1, and the numbers of fields 2 to 5.</summary>
    private static bool TryReadFields(ReadOnlySpan<byte> bytes, out ReadOnlySpan<byte> name, scoped Span<ulong> numbers)
    {
        name = default;
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadTag(out int field, out int type))
            {
                return false;
            }

            bool read = field == 1 && type == ProtobufReader.Bytes ? reader.TryReadBytes(out name)
                : field is >= 2 and <= 5 && type == ProtobufReader.Varint ? reader.TryReadVarint(out numbers[field])
                : reader.TrySkip(type);
            if (!read)
            {
                return false;
            }
        }

        return true;
    }

    private static EndReason ReadBlock(ReadOnlySpan<byte> bytes, List<Block> blocks)
    {
        ReadOnlySpan<byte> prefix = default;
        ReadOnlySpan<byte> data = default;
        var reader = new ProtobufReader(bytes);
        while (!reader.IsAtEnd)
        {
            if (!reader.TryReadTag(out int field, out int type))
            {
                return EndReason.MalformedMessage;
            }

            bool read = type != ProtobufReader.Bytes ? reader.TrySkip(type)
                : field == 1 ? reader.TryReadBytes(out prefix)
                : field == 2 ? reader.TryReadBytes(out data)
                : reader.TrySkip(type);
            if (!read)
            {
                return EndReason.MalformedMessage;
            }
        }

        if (data.Length > Block.MaxBytes)
        {
            return EndReason.MessageTooLarge;
        }

        if (prefix.SequenceEqual(RawPrefix))
        {
            blocks.Add(Block.Create(data.ToArray())); // the buffer it lies in is read into again
        }

        return EndReason.None;
    }

    private static void WriteWantlist(ArrayBufferWriter<byte> output, BitswapMessage message)
    {
        var list = new ArrayBufferWriter<byte>(message.Wants.Count * 52 + 2);
        foreach (WantEntry want in message.Wants)
        {
            int priority = want.Priority > 0 ? 1 + Uvarint.GetLength((ulong)want.Priority) : 0;
            WriteHead(
                list, 1, 2 + want.Cid.Bytes.Length + priority + (want.IsCancel ? 2 : 0) + (want.WantsHave ? 2 : 0) + (want.SendDontHave ? 2 : 0));
            WriteBytes(list, 1, want.Cid.Bytes);
            WriteVarint(list, 2, (uint)Math.Max(want.Priority, 0), omitZero: true);
            WriteVarint(list, 3, want.IsCancel ? 1u : 0, omitZero: true);
            WriteVarint(list, 4, want.WantsHave ? 1u : 0, omitZero: true);
            WriteVarint(list, 5, want.SendDontHave ? 1u : 0, omitZero: true);
        }

        WriteVarint(list, 2, message.IsFull ? 1u : 0, omitZero: true);
        WriteBytes(output, 1, list.WrittenSpan);
    }

    private static void WriteHead(ArrayBufferWriter<byte> output, int field, int length)
    {
        Uvarint.Write(output, (ulong)((field << 3) | ProtobufReader.Bytes));
        Uvarint.Write(output, (ulong)length);
    }

    private static void WriteBytes(ArrayBufferWriter<byte> output, int field, ReadOnlySpan<byte> bytes)
    {
        WriteHead(output, field, bytes.Length);
        output.Write(bytes);
    }

    private static void WriteVarint(ArrayBufferWriter<byte> output, int field, uint value, bool omitZero = false)
    {
        if (value != 0 || !omitZero)
        {
            Uvarint.Write(output, (ulong)(field << 3));
            Uvarint.Write(output, value);
        }
    }
}
