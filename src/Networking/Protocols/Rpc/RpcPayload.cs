namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>The bytes of an answer: pooled memory that whoever holds the payload disposes.</summary>
/// <remarks>
/// A caller owns what <see cref="RpcEndpoint.CallAsync(Identity.PeerId, string, ReadOnlyMemory{byte}, CancellationToken)"/> returns and disposes it once it has read it. A handler gives up
/// what it returns; the endpoint disposes it when it is sent. Copies of the struct share the memory; disposing any of them ends all, and a
/// second disposal does nothing.
/// </remarks>
public readonly struct RpcPayload : IDisposable, IEquatable<RpcPayload>
{
    private readonly ReadOnlyMemory<byte> _bytes;
    private readonly RpcBuffer? _owner;
    private readonly int _version;

    private RpcPayload(ReadOnlyMemory<byte> bytes)
    {
        _bytes = bytes;
    }

    internal RpcPayload(RpcBuffer owner)
    {
        _owner = owner;
        _version = owner.Version;
    }

    /// <summary>No bytes, nothing to dispose.</summary>
    public static RpcPayload Empty => default;

    /// <summary>Length in bytes.</summary>
    public int Length => Memory.Length;

    /// <summary>The bytes, until the payload is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The payload was disposed.</exception>
    public ReadOnlyMemory<byte> Memory => _owner is null ? _bytes : Owned().Memory;

    /// <summary>The bytes, until the payload is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The payload was disposed.</exception>
    public ReadOnlySpan<byte> Span => _owner is null ? _bytes.Span : Owned().Span;

    /// <summary>The bytes of a rented payload, for its maker to fill.</summary>
    /// <exception cref="InvalidOperationException">The payload wraps somebody else's memory.</exception>
    public Memory<byte> Writable =>
        _owner is null ? throw new InvalidOperationException("only a rented payload can be written") : Owned().Memory;

    /// <summary>Pooled memory of exactly this length; its content is arbitrary.</summary>
    public static RpcPayload Rent(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new RpcPayload(RpcBuffer.Rent(length));
    }

    /// <summary>A pooled copy.</summary>
    public static RpcPayload Copy(ReadOnlySpan<byte> bytes)
    {
        RpcPayload payload = Rent(bytes.Length);
        bytes.CopyTo(payload.Writable.Span);
        return payload;
    }

    /// <summary>The memory itself: it must stay as it is until the call has ended. A handler may wrap its request's body.</summary>
    public static RpcPayload Wrap(ReadOnlyMemory<byte> bytes) => new(bytes);

    /// <inheritdoc/>
    public void Dispose() => _owner?.Release(_version);

    /// <inheritdoc/>
    public bool Equals(RpcPayload other) => _owner == other._owner && _version == other._version && _bytes.Equals(other._bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RpcPayload other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_owner, _version, _bytes);

    /// <summary>The same memory.</summary>
    public static bool operator ==(RpcPayload left, RpcPayload right) => left.Equals(right);

    /// <summary>Not the same memory.</summary>
    public static bool operator !=(RpcPayload left, RpcPayload right) => !left.Equals(right);

    private RpcBuffer Owned()
    {
        ObjectDisposedException.ThrowIf(_owner!.Version != _version, typeof(RpcPayload));
        return _owner;
    }
}
