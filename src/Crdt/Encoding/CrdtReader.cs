using System.Diagnostics.CodeAnalysis;
using MessagePack;
using DecodeResult = MessagePack.MessagePackPrimitives.DecodeResult;

namespace P2PLearn.Crdt.Encoding;

/// <summary>
/// Reads canonical MessagePack from bytes of a stranger under <see cref="CrdtLimits"/>, without exceptions.
/// </summary>
/// <remarks>
/// The first failure is kept in <see cref="Error"/>; after it the reader is not used again. Canonical means: the
/// shortest form of every integer and length, strict UTF-8, keys strictly ascending (checked by the codecs through
/// <see cref="ElementOrder"/>). A byte string is returned as a slice of the input, so nothing is allocated here but
/// texts, whose bytes have arrived by then.
/// </remarks>
public ref struct CrdtReader
{
    private readonly CrdtLimits _limits;
    private ReadOnlySpan<byte> _rest;
    private int _depth;
    private bool _readingKey;

    /// <summary>Starts at the first byte of <paramref name="bytes"/>.</summary>
    /// <param name="bytes">Untrusted; borrowed while the reader and its slices live.</param>
    /// <param name="limits">What is accepted.</param>
    public CrdtReader(ReadOnlySpan<byte> bytes, CrdtLimits limits)
    {
        ArgumentNullException.ThrowIfNull(limits);
        _limits = limits;
        _rest = bytes;
        if (bytes.Length > limits.MaxTotalBytes)
        {
            Fail(DecodeError.TooLarge);
            _rest = default;
        }
    }

    /// <summary>The first thing that was wrong.</summary>
    public DecodeError Error { get; private set; }

    /// <summary>Records a failure unless one is recorded already.</summary>
    /// <returns>False, so that a codec can end with <c>return reader.Fail(…)</c>.</returns>
    public bool Fail(DecodeError error)
    {
        if (Error == DecodeError.None)
        {
            Error = error;
        }

        return false;
    }

    /// <summary>Reads an unsigned integer in its shortest form.</summary>
    public bool TryReadUInt64(out ulong value)
    {
        value = 0;
        if (!TryPeek(out byte code))
        {
            return false;
        }

        if (code is >= MessagePackCode.Int8 and <= MessagePackCode.Int64 or >= MessagePackCode.MinNegativeFixInt)
        {
            return Fail(DecodeError.NotCanonical); // a signed form: too long for what it says, or negative
        }

        DecodeResult result = MessagePackPrimitives.TryReadUInt64(_rest, out value, out int size);
        return Accepts(result) && Advance(size, UIntBytes(value));
    }

    /// <summary>Reads an unsigned integer of at most 32 bits.</summary>
    public bool TryReadUInt32(out uint value)
    {
        bool read = TryReadUInt64(out ulong wide) && (wide <= uint.MaxValue || Fail(DecodeError.InvalidValue));
        value = read ? (uint)wide : 0;
        return read;
    }

    /// <summary>Reads an unsigned integer of at most 8 bits.</summary>
    public bool TryReadByte(out byte value)
    {
        bool read = TryReadUInt64(out ulong wide) && (wide <= byte.MaxValue || Fail(DecodeError.InvalidValue));
        value = read ? (byte)wide : (byte)0;
        return read;
    }

    /// <summary>Takes a nil if one is next.</summary>
    /// <returns>Whether there was one; false is no failure.</returns>
    public bool TakeNil()
    {
        bool isNil = Error == DecodeError.None && !_rest.IsEmpty && _rest[0] == MessagePackCode.Nil;
        if (isNil)
        {
            _rest = _rest[1..];
        }

        return isNil;
    }

    /// <summary>Reads a byte string within the limit of its role (key or value).</summary>
    /// <param name="bytes">A slice of the input.</param>
    public bool TryReadBytes(out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (!TryPeek(out byte code)
            || code is < MessagePackCode.Bin8 or > MessagePackCode.Bin32)
        {
            return Fail(DecodeError.WrongType);
        }

        DecodeResult result = MessagePackPrimitives.TryReadBinHeader(_rest, out uint length, out int size);
        return Accepts(result)
            && Advance(size, HeaderBytes(length, fixedMax: -1, hasByteForm: true))
            && TryTake(length, out bytes);
    }

    /// <summary>Reads a byte string of exactly <paramref name="length"/> bytes.</summary>
    /// <param name="length">The length the format says.</param>
    /// <param name="bytes">A slice of the input.</param>
    public bool TryReadFixedBytes(int length, out ReadOnlySpan<byte> bytes) =>
        TryReadBytes(out bytes) && (bytes.Length == length || Fail(DecodeError.InvalidValue));

    /// <summary>Reads a text in strict UTF-8 within the limit of its role (key or value).</summary>
    public bool TryReadText([NotNullWhen(true)] out string? text)
    {
        text = null;
        DecodeResult result = MessagePackPrimitives.TryReadStringHeader(_rest, out uint length, out int size);
        if (!Accepts(result)
            || !Advance(size, HeaderBytes(length, fixedMax: 31, hasByteForm: true))
            || !TryTake(length, out ReadOnlySpan<byte> utf8))
        {
            return false;
        }

        if (!System.Text.Unicode.Utf8.IsValid(utf8))
        {
            return Fail(DecodeError.NotCanonical);
        }

        text = System.Text.Encoding.UTF8.GetString(utf8);
        return true;
    }

    /// <summary>Enters an array of any length up to the limit; <see cref="End"/> leaves it.</summary>
    public bool TryBeginArray(out int count)
    {
        DecodeResult result = MessagePackPrimitives.TryReadArrayHeader(_rest, out uint announced, out int size);
        return TryBegin(result, announced, size, bytesPerEntry: 1, out count);
    }

    /// <summary>
    /// Enters an array that must have <paramref name="length"/> elements; <see cref="End"/> leaves it.
    /// </summary>
    public bool TryBeginTuple(int length) =>
        TryBeginArray(out int count) && (count == length || Fail(DecodeError.WrongType));

    /// <summary>Enters a map of any length up to the limit; <see cref="End"/> leaves it.</summary>
    public bool TryBeginMap(out int count)
    {
        DecodeResult result = MessagePackPrimitives.TryReadMapHeader(_rest, out uint announced, out int size);
        return TryBegin(result, announced, size, bytesPerEntry: 2, out count);
    }

    /// <summary>Leaves the innermost array or map.</summary>
    /// <returns>True, so that it can end a chain of reads.</returns>
    public bool End()
    {
        _depth--;
        return true;
    }

    /// <summary>
    /// Reads an element in the role of a key: <see cref="CrdtLimits.MaxKeyBytes"/> instead of the value's limit.
    /// </summary>
    public bool TryReadKey<T>(IElementCodec<T> codec, [MaybeNullWhen(false)] out T key)
    {
        ArgumentNullException.ThrowIfNull(codec);
        bool outer = _readingKey;
        _readingKey = true;
        bool read = codec.TryRead(ref this, out key);
        _readingKey = outer;
        return read;
    }

    /// <summary>Checks that nothing follows the value.</summary>
    public bool TryFinish() => Error == DecodeError.None && (_rest.IsEmpty || Fail(DecodeError.TrailingBytes));

    private static int UIntBytes(ulong value) => value switch
    {
        < 0x80 => 1,
        <= byte.MaxValue => 2,
        <= ushort.MaxValue => 3,
        <= uint.MaxValue => 5,
        _ => 9,
    };

    private static int HeaderBytes(uint length, int fixedMax, bool hasByteForm) => length switch
    {
        _ when length <= fixedMax => 1,
        <= byte.MaxValue when hasByteForm => 2,
        <= ushort.MaxValue => 3,
        _ => 5,
    };

    private bool TryBegin(DecodeResult result, uint announced, int size, int bytesPerEntry, out int count)
    {
        count = 0;
        if (!Accepts(result) || !Advance(size, HeaderBytes(announced, fixedMax: 15, hasByteForm: false)))
        {
            return false;
        }

        if (announced > _limits.MaxEntries)
        {
            return Fail(DecodeError.TooManyEntries);
        }

        // No entry is shorter than a byte, so what cannot have arrived is refused before its first entry is read.
        if (announced * (long)bytesPerEntry > _rest.Length)
        {
            return Fail(DecodeError.Truncated);
        }

        count = (int)announced;
        return ++_depth <= _limits.MaxDepth || Fail(DecodeError.TooDeep);
    }

    private bool TryTake(uint length, out ReadOnlySpan<byte> bytes)
    {
        bytes = default;
        if (length > (_readingKey ? _limits.MaxKeyBytes : _limits.MaxValueBytes))
        {
            return Fail(_readingKey ? DecodeError.KeyTooLong : DecodeError.ValueTooLong);
        }

        if (length > _rest.Length)
        {
            return Fail(DecodeError.Truncated);
        }

        bytes = _rest[..(int)length];
        _rest = _rest[(int)length..];
        return true;
    }

    private bool TryPeek(out byte code)
    {
        bool any = Error == DecodeError.None && !_rest.IsEmpty;
        code = any ? _rest[0] : (byte)0;
        return any || Fail(DecodeError.Truncated);
    }

    private bool Advance(int size, int canonicalSize)
    {
        _rest = _rest[size..];
        return size == canonicalSize || Fail(DecodeError.NotCanonical);
    }

    private bool Accepts(DecodeResult result) => Error == DecodeError.None && result switch
    {
        DecodeResult.Success => true,
        DecodeResult.TokenMismatch => Fail(DecodeError.WrongType),
        _ => Fail(DecodeError.Truncated),
    };
}
