using System.Runtime.CompilerServices;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Counts the raw bytes of a connection, handshake and encryption included.</summary>
/// <param name="inner">The raw link; owned.</param>
/// <param name="totals">Where the bytes of all connections add up.</param>
internal sealed class MeteredLink(ILink inner, SwarmMetrics totals) : ILink
{
    private long _bytesIn;
    private long _bytesOut;

    /// <summary>Bytes read.</summary>
    public long BytesIn => Volatile.Read(ref _bytesIn);

    /// <summary>Bytes written.</summary>
    public long BytesOut => Volatile.Read(ref _bytesOut);

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int read = await inner.ReadAsync(buffer, cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _bytesIn, read);
        totals.AddBytesIn(read);
        return read;
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        await inner.WriteAsync(bytes, cancellationToken).ConfigureAwait(false);
        Interlocked.Add(ref _bytesOut, bytes.Length);
        totals.AddBytesOut(bytes.Length);
    }

    /// <inheritdoc/>
    public void Abort() => inner.Abort();

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
