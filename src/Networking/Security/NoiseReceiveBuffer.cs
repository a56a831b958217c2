using System.Buffers;
using System.Runtime.CompilerServices;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Security;

/// <summary>Bytes read from the link and not yet taken: whole messages are handed out in place.</summary>
/// <remarks>
/// One pooled array, [taken | unread | free]. Starts small, since most connections idle; doubles when a read fills it, up to the limit,
/// so that bulk transfers take few system calls. Owned by one reader.
/// </remarks>
internal sealed class NoiseReceiveBuffer(int maxBytes) : IDisposable
{
    private const int FirstBytes = 4096;

    private byte[] _array = ArrayPool<byte>.Shared.Rent(FirstBytes);
    private int _start;
    private int _end;
    private bool _wasFilled;

    /// <summary>Bytes waiting.</summary>
    public int UnreadBytes => _end - _start;

    /// <summary>Reads the length of the message that waits or arrives next.</summary>
    /// <returns>False while its header is not there.</returns>
    public bool TryPeekLength(out int messageBytes) =>
        NoiseFrame.TryReadHeader(_array.AsSpan(_start, UnreadBytes), out messageBytes);

    /// <summary>Whether a whole message waits, and how long it is.</summary>
    public bool TryPeekMessage(out int messageBytes) =>
        TryPeekLength(out messageBytes) && UnreadBytes >= NoiseFrame.HeaderBytes + messageBytes;

    /// <summary>Takes the message that <see cref="TryPeekMessage"/> found. Valid, and writable, until the next <see cref="FillAsync"/>.</summary>
    public Memory<byte> Take(int messageBytes)
    {
        Memory<byte> message = _array.AsMemory(_start + NoiseFrame.HeaderBytes, messageBytes);
        _start += NoiseFrame.HeaderBytes + messageBytes;
        return message;
    }

    /// <summary>Waits for more bytes.</summary>
    /// <returns>False at the end of the link.</returns>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<bool> FillAsync(ILink link, CancellationToken cancellationToken)
    {
        MakeRoom();
        int free = _array.Length - _end;
        int count = await link.ReadAsync(_array.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _end += count;
        _wasFilled = count == free;
        return count > 0;
    }

    public void Dispose()
    {
        byte[] array = Interlocked.Exchange(ref _array, []);
        if (array.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(array, clearArray: true); // plaintexts were opened in place
        }
    }

    private void MakeRoom()
    {
        int needed = TryPeekLength(out int length) ? NoiseFrame.HeaderBytes + length : NoiseFrame.HeaderBytes;
        int wanted = _wasFilled ? Math.Min(_array.Length * 2, maxBytes) : 0;
        _wasFilled = false;
        if (Math.Max(needed, wanted) > _array.Length)
        {
            MoveTo(ArrayPool<byte>.Shared.Rent(Math.Max(needed, wanted)));
        }
        else if (_start > 0 && (UnreadBytes == 0 || _array.Length - _start < needed || _array.Length - _end < _array.Length / 4))
        {
            MoveTo(_array);
        }
    }

    private void MoveTo(byte[] target)
    {
        _array.AsSpan(_start, UnreadBytes).CopyTo(target);
        _end = UnreadBytes;
        _start = 0;
        if (target != _array)
        {
            ArrayPool<byte>.Shared.Return(_array, clearArray: true);
            _array = target;
        }
    }
}
