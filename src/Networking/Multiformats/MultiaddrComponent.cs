namespace P2PLearn.Networking.Multiformats;

/// <summary>One part of an address: a protocol and its value.</summary>
public sealed class MultiaddrComponent
{
    private readonly byte[] _value;

    internal MultiaddrComponent(MultiaddrProtocol protocol, byte[] value)
    {
        Protocol = protocol;
        _value = value;
    }

    /// <summary>The protocol.</summary>
    public MultiaddrProtocol Protocol { get; }

    /// <summary>The value's bytes, without a length; empty for protocols without a value.</summary>
    public ReadOnlySpan<byte> Bytes => _value;

    /// <summary>The value as a person reads it (paths not percent-encoded); null for protocols without a value.</summary>
    public string? Value => Protocol.Kind is MultiaddrValueKind.FilePath or MultiaddrValueKind.HttpPath
        ? System.Text.Encoding.UTF8.GetString(_value)
        : EscapedValue;

    /// <summary>The value as it stands in the text of an address.</summary>
    internal string? EscapedValue => MultiaddrValue.Format(Protocol.Kind, _value);

    internal bool Same(MultiaddrComponent other) => Protocol == other.Protocol && Bytes.SequenceEqual(other.Bytes);

    /// <inheritdoc/>
    public override string ToString() => EscapedValue is { } value ? $"/{Protocol.Name}/{value}" : $"/{Protocol.Name}";
}
