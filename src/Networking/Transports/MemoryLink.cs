using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace P2PLearn.Networking.Transports;

/// <summary>One end of a link within the process: what one end writes the other reads, through bounded buffers.</summary>
/// <remarks>
/// For tests and for many nodes in one process. Behaves as a socket does: disposing sends end-of-stream after what was written and makes
/// the other side's writes fail; <see cref="Abort"/> breaks both directions at once, whatever is still buffered.
/// </remarks>
public sealed class MemoryLink : ILink
{
    /// <summary>Bytes that a direction holds before its writer waits, unless told otherwise.</summary>
    public const int DefaultBufferBytes = 256 * 1024;

    private readonly Direction _incoming;
    private readonly Direction _outgoing;

    private MemoryLink(Direction incoming, Direction outgoing)
    {
        _incoming = incoming;
        _outgoing = outgoing;
    }

    /// <summary>Creates the two ends of a link.</summary>
    /// <param name="bufferBytes">Bytes that each direction holds before its writer waits; at least 1.</param>
    public static (MemoryLink First, MemoryLink Second) CreatePair(int bufferBytes = DefaultBufferBytes)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bufferBytes, 1);
        var forth = new Direction(bufferBytes);
        var back = new Direction(bufferBytes);
        return (new MemoryLink(back, forth), new MemoryLink(forth, back));
    }

    /// <inheritdoc/>
    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) =>
        _incoming.ReadAsync(buffer, cancellationToken);

    /// <inheritdoc/>
    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) =>
        _outgoing.WriteAsync(bytes, cancellationToken);

    /// <summary>Half-closes: the other side reads end-of-stream after what was written; reading goes on.</summary>
    public void CompleteWriting() => _outgoing.Finish();

    /// <inheritdoc/>
    public void Abort()
    {
        _incoming.Break();
        _outgoing.Break();
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        _incoming.Break();
        _outgoing.Finish();
        return ValueTask.CompletedTask;
    }

    /// <summary>The bytes on their way to one end.</summary>
    /// <remarks>Breaking wakes the waiting side by a cancellation, never by completing the other side's reader under its hands.</remarks>
    private sealed class Direction(int bufferBytes)
    {
        private readonly Pipe _pipe = new(new PipeOptions(
            pauseWriterThreshold: bufferBytes,
            resumeWriterThreshold: Math.Max(1, bufferBytes / 2),
            minimumSegmentSize: Math.Clamp(bufferBytes, 16, 64 * 1024),
            useSynchronizationContext: false));

        private volatile bool _broken;

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
        public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
        {
            ThrowIfBroken();
            ReadResult result = await _pipe.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
            ThrowIfBroken();
            int count = (int)Math.Min(buffer.Length, result.Buffer.Length);
            ReadOnlySequence<byte> taken = result.Buffer.Slice(0, count);
            taken.CopyTo(buffer.Span);
            _pipe.Reader.AdvanceTo(taken.End); // from here on the sequence may not be touched, not even its length
            return count;
        }

        [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
        public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
        {
            while (bytes.Length > 0)
            {
                ThrowIfBroken();
                int count = Math.Min(bytes.Length, bufferBytes);
                try
                {
                    await _pipe.Writer.WriteAsync(bytes[..count], cancellationToken).ConfigureAwait(false);
                }
                catch (InvalidOperationException)
                {
                    throw new IOException("the link is closed"); // the pipe's word for a completed writer
                }

                bytes = bytes[count..];
            }

            ThrowIfBroken();
        }

        public void Finish()
        {
            _pipe.Writer.Complete();
            _pipe.Writer.CancelPendingFlush();
        }

        public void Break()
        {
            _broken = true;
            _pipe.Reader.CancelPendingRead();
            _pipe.Writer.CancelPendingFlush();
        }

        private void ThrowIfBroken()
        {
            if (_broken)
            {
                throw new IOException("the link was broken");
            }
        }
    }
}
