using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>A circuit through a relay as a raw link: the rest of a hop or stop stream, after its OK.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2: after OK the stream is the connection. Owns the stream. Reads and writes are the
/// stream's own: nothing is copied or allocated here, but for bytes that came together with the OK.
/// </remarks>
/// <param name="stream">After the OK; owned.</param>
/// <param name="pushedBack">What was read past the OK; read again first.</param>
/// <param name="localAddress">Our end.</param>
/// <param name="remoteAddress">The way through the relay, without the id of who is behind it.</param>
/// <param name="limit">What the relay grants.</param>
internal sealed class CircuitLink(
    PeerStream stream, ReadOnlyMemory<byte> pushedBack, Multiaddr localAddress, Multiaddr remoteAddress, LinkLimit? limit)
    : ITransportLink
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private ReadOnlyMemory<byte> _pushedBack = pushedBack;
    private int _disposed;

    /// <summary>Ends, never faults, when the link was disposed or aborted.</summary>
    public Task Ended => _ended.Task;

    /// <inheritdoc/>
    public Multiaddr LocalAddress => localAddress;

    /// <inheritdoc/>
    public Multiaddr RemoteAddress => remoteAddress;

    /// <summary>None: the relay's would make one IP of all who come through it.</summary>
    public IPAddress? RemoteIp => null;

    /// <summary>Never: the remote sees the relay, not us.</summary>
    public bool FromListenPort => false;

    /// <inheritdoc/>
    public LinkLimit? Limit => limit;

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _pushedBack.IsEmpty
            ? stream.ReadAsync(buffer, cancellationToken)
            : ValueTask.FromResult(TakeBack(buffer.Span));

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        stream.WriteAsync(bytes, cancellationToken);

    /// <summary>Resets the stream, so that the relay frees the circuit at once.</summary>
    public void Abort()
    {
        stream.Reset(EndReason.ClosedLocally);
        _ended.TrySetResult();
    }

    /// <summary>Half-closes, so that what was written still arrives.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        try
        {
            await stream.CloseWriteAsync(CancellationToken.None).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // The remote or the relay was first.
        }

        await stream.DisposeAsync().ConfigureAwait(false);
        _ended.TrySetResult();
    }

    private int TakeBack(Span<byte> buffer)
    {
        int count = Math.Min(buffer.Length, _pushedBack.Length);
        _pushedBack.Span[..count].CopyTo(buffer);
        _pushedBack = _pushedBack[count..];
        return count;
    }
}
