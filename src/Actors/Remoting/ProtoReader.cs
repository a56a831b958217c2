namespace P2PLearn.Actors.Remoting;

/// <summary>A strict, allocation-free reader of the protobuf wire format.</summary>
/// <remarks>
/// Source: Protocol Buffers, Encoding. Stricter than a protobuf parser on purpose, because a parser merges or overwrites repeated occurrences of
/// a field and drops high bits, which would let a frame mean one thing here and another in Akka: tags beyond 32 bits, groups, field number 0
/// and lengths beyond the input are malformed, and the callers refuse fields they do not know and second occurrences.
/// </remarks>
internal ref struct ProtoReader(ReadOnlySpan<byte> bytes)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>True once something was not well-formed; nothing is read after that.</summary>
    public bool Malformed { get; private set; }

    /// <summary>Reads the next field.</summary>
    /// <returns>False at the end or when malformed.</returns>
    public bool TryRead(out ProtoField field)
    {
        field = default;
        if (_rest.IsEmpty || Malformed)
        {
            return false;
        }

        if (!TryReadVarint(out ulong tag) || tag > uint.MaxValue || tag >> 3 == 0)
        {
            return Fail();
        }

        return (tag & 7) switch
        {
            0 => TryReadVarint(out ulong value) ? Give(out field, new ProtoField((uint)tag, value, default)) : Fail(),
            1 => TryTake(8, out ReadOnlySpan<byte> eight) ? Give(out field, new ProtoField((uint)tag, 0, eight)) : Fail(),
            2 => TryReadVarint(out ulong length) && length <= (ulong)_rest.Length && TryTake((int)length, out ReadOnlySpan<byte> body)
                ? Give(out field, new ProtoField((uint)tag, 0, body))
                : Fail(),
            5 => TryTake(4, out ReadOnlySpan<byte> four) ? Give(out field, new ProtoField((uint)tag, 0, four)) : Fail(),
            _ => Fail(), // 3 and 4 are groups, 6 and 7 do not exist
        };
    }

    private static bool Give(out ProtoField field, ProtoField value)
    {
        field = value;
        return true;
    }

    private bool Fail()
    {
        Malformed = true;
        return false;
    }

    private bool TryTake(int count, out ReadOnlySpan<byte> taken)
    {
        taken = default;
        if (_rest.Length < count)
        {
            return false;
        }

        taken = _rest[..count];
        _rest = _rest[count..];
        return true;
    }

    private bool TryReadVarint(out ulong value)
    {
        value = 0;
        for (int i = 0; i < 10 && i < _rest.Length; i++)
        {
            byte b = _rest[i];
            if (i == 9 && b > 1) // the tenth byte holds one bit
            {
                return false;
            }

            value |= (ulong)(b & 0x7f) << (7 * i);
            if (b < 0x80)
            {
                _rest = _rest[(i + 1)..];
                return true;
            }
        }

        return false;
    }
}

/// <summary>One field: its tag (number and wire type), and its value by wire type.</summary>
/// <param name="tag">Field number × 8 + wire type.</param>
/// <param name="value">The varint of wire type 0.</param>
/// <param name="bytes">The bytes of wire types 1, 2 and 5.</param>
internal readonly ref struct ProtoField(uint tag, ulong value, ReadOnlySpan<byte> bytes)
{
    public uint Tag { get; } = tag;

    public ulong Value { get; } = value;

    public ReadOnlySpan<byte> Bytes { get; } = bytes;
}

/// <summary>Remembers which of the first 31 field numbers came, to refuse second occurrences.</summary>
internal struct SeenFields
{
    private uint _seen;

    /// <summary>False when the field came before.</summary>
    public bool TryAdd(uint tag)
    {
        uint bit = 1u << (int)((tag >> 3) & 31);
        bool fresh = (_seen & bit) == 0;
        _seen |= bit;
        return fresh;
    }
}
