namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>Walks over the fields of a protobuf message without building anything, so that limits are checked first.</summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> bytes)
{
    public const int Varint = 0;
    public const int Bytes = 2;
    private const int MaxVarintBytes = 10; // a negative int32 takes ten
    private readonly ReadOnlySpan<byte> _bytes = bytes;

    public int Position { get; private set; }

    public readonly bool IsAtEnd => Position == _bytes.Length;

    public bool TryReadTag(out int field, out int wireType)
    {
        bool read = TryReadVarint(out ulong tag) && tag >> 3 is > 0 and < 1 << 29;
        (field, wireType) = read ? ((int)(tag >> 3), (int)(tag & 7)) : (0, 0);
        return read;
    }

    public bool TryReadVarint(out ulong value)
    {
        value = 0;
        for (int i = 0; i < MaxVarintBytes && Position < _bytes.Length; i++)
        {
            byte next = _bytes[Position++];
            value |= (ulong)(next & 0x7f) << (7 * i);
            if (next < 0x80)
            {
                return true;
            }
        }

        return false;
    }

    public bool TryReadBytes(out ReadOnlySpan<byte> value)
    {
        value = default;
        if (!TryReadVarint(out ulong length) || length > (ulong)(_bytes.Length - Position))
        {
            return false;
        }

        value = _bytes.Slice(Position, (int)length);
        Position += (int)length;
        return true;
    }

    public bool TrySkip(int wireType)
    {
        int fixedBytes = wireType switch { 1 => 8, 5 => 4, _ => 0 };
        if (fixedBytes == 0)
        {
            return wireType == Varint ? TryReadVarint(out _) : wireType == Bytes && TryReadBytes(out _);
        }

        bool fits = _bytes.Length - Position >= fixedBytes;
        Position += fits ? fixedBytes : 0;
        return fits;
    }
}
