using System.Threading.Tasks.Sources;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>A link that allocates nothing in any build, so that what is measured over it is the session's own.</summary>
internal sealed class RingLink(RingLink.Direction incoming, RingLink.Direction outgoing) : ILink
{
    public static (ILink First, ILink Second) CreatePair()
    {
        Direction forth = new();
        Direction back = new();
        return (new RingLink(back, forth), new RingLink(forth, back));
    }

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken) => incoming.ReadAsync(buffer);

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken) => outgoing.WriteAsync(bytes);

    public void Abort()
    {
        incoming.Close();
        outgoing.Close();
    }

    public ValueTask DisposeAsync()
    {
        Abort();
        return ValueTask.CompletedTask;
    }

    /// <summary>One direction without a buffer: a write is done when reads have taken all of it.</summary>
    internal sealed class Direction : IValueTaskSource<int>, IValueTaskSource
    {
        private readonly Lock _gate = new();
        private ManualResetValueTaskSourceCore<int> _read = new() { RunContinuationsAsynchronously = true };
        private ManualResetValueTaskSourceCore<int> _written = new() { RunContinuationsAsynchronously = true };
        private Memory<byte> _reading;
        private ReadOnlyMemory<byte> _writing;
        private bool _isClosed;

        public ValueTask<int> ReadAsync(Memory<byte> buffer)
        {
            lock (_gate)
            {
                if (_writing.IsEmpty && !_isClosed)
                {
                    _read.Reset();
                    _reading = buffer;
                    return new ValueTask<int>(this, _read.Version);
                }

                return new ValueTask<int>(Move(buffer));
            }
        }

        public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes)
        {
            lock (_gate)
            {
                if (_isClosed)
                {
                    return ValueTask.FromException(new IOException("closed"));
                }

                _written.Reset();
                _writing = bytes;
                var task = new ValueTask(this, _written.Version);
                if (!_reading.IsEmpty)
                {
                    Memory<byte> reading = _reading;
                    _reading = default;
                    _read.SetResult(Move(reading));
                }

                return task;
            }
        }

        public void Close()
        {
            lock (_gate)
            {
                _isClosed = true;
                if (!_reading.IsEmpty)
                {
                    _reading = default;
                    _read.SetResult(0);
                }

                if (!_writing.IsEmpty)
                {
                    _writing = default;
                    _written.SetException(new IOException("closed"));
                }
            }
        }

        private int Move(Memory<byte> buffer)
        {
            int count = Math.Min(buffer.Length, _writing.Length);
            _writing[..count].CopyTo(buffer);
            _writing = _writing[count..];
            if (count > 0 && _writing.IsEmpty)
            {
                _written.SetResult(count);
            }

            return count;
        }

        int IValueTaskSource<int>.GetResult(short token) => _read.GetResult(token);

        ValueTaskSourceStatus IValueTaskSource<int>.GetStatus(short token) => _read.GetStatus(token);

        void IValueTaskSource<int>.OnCompleted(
            Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _read.OnCompleted(continuation, state, token, flags);

        void IValueTaskSource.GetResult(short token) => _written.GetResult(token);

        ValueTaskSourceStatus IValueTaskSource.GetStatus(short token) => _written.GetStatus(token);

        void IValueTaskSource.OnCompleted(
            Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
            _written.OnCompleted(continuation, state, token, flags);
    }
}
