using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Tests.Security;

/// <summary>A link to itself that completes at once, on the caller's thread: what a channel allocates is the channel's own.</summary>
internal sealed class SyncLink(int capacity) : ILink
{
    private readonly byte[] _bytes = new byte[capacity];
    private int _start;
    private int _end;

    public int WriteCount { get; private set; }

    public int LargestWrite { get; private set; }

    public bool Aborted { get; private set; }

    /// <summary>Most bytes that a read returns; small ones cut frames at every place.</summary>
    public int MaxReadBytes { get; set; } = int.MaxValue;

    public Span<byte> Unread => _bytes.AsSpan(_start, _end - _start);

    public ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int count = Math.Min(Math.Min(buffer.Length, MaxReadBytes), _end - _start);
        _bytes.AsSpan(_start, count).CopyTo(buffer.Span);
        _start += count;
        return new ValueTask<int>(count); // 0, the end of the link, when nothing is there
    }

    public ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        if (_start == _end)
        {
            _start = _end = 0;
        }

        bytes.Span.CopyTo(_bytes.AsSpan(_end));
        _end += bytes.Length;
        WriteCount++;
        LargestWrite = Math.Max(LargestWrite, bytes.Length);
        return ValueTask.CompletedTask;
    }

    public void Abort() => Aborted = true;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
