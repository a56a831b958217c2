namespace P2PLearn.Crdt.Encoding;

/// <summary>Why bytes were refused. Each says what the sender did wrong; nothing was changed by them.</summary>
public enum DecodeError
{
    /// <summary>The bytes were accepted.</summary>
    None,

    /// <summary>More bytes than <see cref="CrdtLimits.MaxTotalBytes"/>.</summary>
    TooLarge,

    /// <summary>Containers nested deeper than <see cref="CrdtLimits.MaxDepth"/>.</summary>
    TooDeep,

    /// <summary>A container announces more entries than a limit allows.</summary>
    TooManyEntries,

    /// <summary>A key is longer than <see cref="CrdtLimits.MaxKeyBytes"/>.</summary>
    KeyTooLong,

    /// <summary>A value is longer than <see cref="CrdtLimits.MaxValueBytes"/>.</summary>
    ValueTooLong,

    /// <summary>The bytes end before the value does.</summary>
    Truncated,

    /// <summary>Another MessagePack type, or a tuple of another length, than the format says.</summary>
    WrongType,

    /// <summary>A number, a length or a text that has a shorter or another canonical form.</summary>
    NotCanonical,

    /// <summary>Entries that are not strictly ascending: unsorted, or twice the same.</summary>
    OutOfOrder,

    /// <summary>Bytes after the end of the value.</summary>
    TrailingBytes,

    /// <summary>A format version this reader does not know.</summary>
    UnsupportedVersion,

    /// <summary>A value outside what its field allows, such as an empty replica id or a counter of zero.</summary>
    InvalidValue,
}
