namespace P2PLearn.Networking.Muxing;

/// <summary>One stream of a <see cref="IMuxedSession"/>, before a protocol was negotiated on it.</summary>
/// <remarks>One reader and one writer at a time. Broken streams throw <see cref="IOException"/>.</remarks>
public abstract class MuxedStream : IAsyncDisposable
{
    /// <summary>The stream's id within its session.</summary>
    public abstract uint Id { get; }

    /// <summary>Why the stream ended; <see cref="EndReason.None"/> while it is open.</summary>
    public abstract EndReason EndReason { get; }

    /// <summary>Reads at least one byte; 0 after the remote's FIN.</summary>
    public abstract ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Writes all bytes, waiting for the remote's window; they are copied or sent when the task ends.</summary>
    public abstract ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Sends FIN after what was written. Reading goes on.</summary>
    public abstract ValueTask CloseWriteAsync(CancellationToken cancellationToken);

    /// <summary>Ends both directions at once. Harmless when repeated.</summary>
    public abstract void Reset(EndReason reason);

    /// <inheritdoc/>
    public abstract ValueTask DisposeAsync();
}
