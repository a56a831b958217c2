using System.Buffers;
using System.IO.Pipelines;
using System.Runtime.CompilerServices;

namespace P2PLearn.TestKit;

/// <summary>One direction of a stream of the fabric: bounded, breakable, and late where its link is slow.</summary>
internal sealed class FabricPipe(FabricDirection direction, int bufferBytes, TimeProvider time)
{
    private readonly Pipe _pipe = new(new PipeOptions(
        pauseWriterThreshold: bufferBytes,
        resumeWriterThreshold: Math.Max(1, bufferBytes / 2),
        minimumSegmentSize: Math.Clamp(bufferBytes, 16, 64 * 1024),
        useSynchronizationContext: false));

    private readonly TaskCompletionSource _breaking = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Queue<(long End, DateTimeOffset Due)> _schedule = new(); // guarded by itself; empty on links without delay
    private long _written;
    private long _read;
    private volatile bool _broken;
    private volatile bool _finished;

    /// <summary>The writer has finished, or the pipe is broken.</summary>
    public bool IsOver => _broken || _finished;

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        ThrowIfBroken();
        ReadResult result = await _pipe.Reader.ReadAsync(cancellationToken);
        ThrowIfBroken();
        long arrived = result.Buffer.Length;
        if (Next() is { } next)
        {
            await ArriveAsync(next.Due, result.Buffer.Start, cancellationToken);
            arrived = Math.Min(arrived, next.End - _read);
        }

        int count = (int)Math.Min(buffer.Length, arrived);
        ReadOnlySequence<byte> taken = result.Buffer.Slice(0, count);
        taken.CopyTo(buffer.Span);
        _pipe.Reader.AdvanceTo(taken.End); // from here on the sequence may not be touched, not even its length
        _read += count;
        return count;
    }

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        while (bytes.Length > 0)
        {
            ThrowIfBroken();
            int count = Math.Min(bytes.Length, bufferBytes);
            Schedule(count);
            try
            {
                await _pipe.Writer.WriteAsync(bytes[..count], cancellationToken);
            }
            catch (InvalidOperationException)
            {
                throw new IOException("the stream is closed for writing"); // the pipe's word for a completed writer
            }

            bytes = bytes[count..];
        }

        ThrowIfBroken();
    }

    public void Finish()
    {
        _finished = true;
        _pipe.Writer.Complete();
        _pipe.Writer.CancelPendingFlush();
    }

    public void Break()
    {
        _broken = true;
        _breaking.TrySetResult();
        _pipe.Reader.CancelPendingRead();
        _pipe.Writer.CancelPendingFlush();
    }

    private void Schedule(int count)
    {
        _written += count;
        if (direction.Send(count, time.GetUtcNow()) is { } due)
        {
            lock (_schedule)
            {
                _schedule.Enqueue((_written, due));
            }
        }
    }

    private (long End, DateTimeOffset Due)? Next()
    {
        lock (_schedule)
        {
            while (_schedule.TryPeek(out (long End, DateTimeOffset Due) next))
            {
                if (next.End > _read)
                {
                    return next;
                }

                _schedule.Dequeue();
            }

            return null;
        }
    }

    private async ValueTask ArriveAsync(DateTimeOffset due, SequencePosition start, CancellationToken cancellationToken)
    {
        TimeSpan wait = due - time.GetUtcNow();
        if (wait <= TimeSpan.Zero)
        {
            return;
        }

        await Task.WhenAny(Task.Delay(wait, time, cancellationToken), _breaking.Task);
        ThrowIfBroken();
        if (cancellationToken.IsCancellationRequested)
        {
            _pipe.Reader.AdvanceTo(start); // nothing taken: the next read starts over
            throw new OperationCanceledException(cancellationToken);
        }
    }

    private void ThrowIfBroken()
    {
        if (_broken)
        {
            throw new IOException("the stream was reset");
        }
    }
}
