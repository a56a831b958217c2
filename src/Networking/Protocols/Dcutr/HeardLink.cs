using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>A raw link that can be listened to before it is known who speaks first; no byte is lost.</summary>
/// <remarks>The first read begins with <see cref="HearAsync"/> and is handed to whoever reads next. Owns the link.</remarks>
internal sealed class HeardLink(ITransportLink inner) : ITransportLink
{
    private const int BufferBytes = 1024; // a proposal and the first handshake message are 53

    private readonly byte[] _buffer = new byte[BufferBytes];
    private Task<int>? _first;
    private int _offset;

    /// <inheritdoc/>
    public Multiaddr LocalAddress => inner.LocalAddress;

    /// <inheritdoc/>
    public Multiaddr RemoteAddress => inner.RemoteAddress;

    /// <inheritdoc/>
    public IPAddress? RemoteIp => inner.RemoteIp;

    /// <inheritdoc/>
    public bool FromListenPort => inner.FromListenPort;

    /// <inheritdoc/>
    public LinkLimit? Limit => inner.Limit;

    /// <summary>Waits for the remote to say something. Call it once, before anything is read.</summary>
    /// <returns>False when the time was over first; what is said later is read in the ordinary way.</returns>
    /// <exception cref="IOException">The link broke, or the remote closed it.</exception>
    /// <exception cref="OperationCanceledException">The token fired; the link still works.</exception>
    public async Task<bool> HearAsync(TimeSpan limit, TimeProvider time, CancellationToken cancellationToken)
    {
        _first = inner.ReadAsync(_buffer, CancellationToken.None).AsTask();
        try
        {
            return await _first.WaitAsync(limit, time, cancellationToken).ConfigureAwait(false) > 0
                ? true
                : throw new IOException("the link was closed before anybody spoke");
        }
        catch (TimeoutException)
        {
            return false;
        }
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _first is null ? inner.ReadAsync(buffer, cancellationToken) : ReadFirstAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        inner.WriteAsync(bytes, cancellationToken);

    /// <inheritdoc/>
    public void Abort() => inner.Abort();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private async ValueTask<int> ReadFirstAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int heard = await _first!.WaitAsync(cancellationToken).ConfigureAwait(false);
        int count = Math.Min(heard - _offset, buffer.Length);
        _buffer.AsSpan(_offset, count).CopyTo(buffer.Span);
        _offset += count;
        if (_offset == heard)
        {
            _first = null;
        }

        return count;
    }
}
