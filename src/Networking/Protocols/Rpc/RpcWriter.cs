using System.Buffers;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Collects the frames of many calls into few writes of one stream.</summary>
/// <remarks>
/// Whoever posts copies a short frame into the batch that is being filled; long bodies wait in a queue and are copied a part at a time, so
/// that no call holds up another by more than a part, and so that memory can be taken back at any moment. One batch is filled while the
/// stream takes the other. Queued are at most the calls that the two ends allow, <see cref="BatchBytes"/>, and <c>maxControlBytes</c>.
/// </remarks>
internal sealed class RpcWriter(PeerStream stream, int maxControlBytes)
{
    /// <summary>What one write of the stream carries when much is waiting: two parts and their headers.</summary>
    public const int BatchBytes = 2 * (RpcFrame.MaxChunkBytes + RpcFrame.HeaderBytes);

    private const int FirstBatchBytes = 4096;
    private readonly Lock _gate = new();
    private readonly RpcSendQueue _fresh = new(); // not begun: they keep their order, since call ids must rise
    private readonly RpcSendQueue _begun = new(); // take turns
    private readonly List<RpcSend> _sent = [];
    private readonly RpcSignal _signal = new();
    private byte[] _filling = [];
    private byte[] _writing = [];
    private int _length;
    private bool _waiting;
    private bool _closed;

    /// <summary>Adds a request or response. Wake the loop afterwards.</summary>
    /// <returns>True when it left at once: <see cref="RpcSend.IsSent"/>, and <see cref="RpcSend.OnSent"/> will not be called. False too when closed.</returns>
    public bool Post(RpcSend send)
    {
        lock (_gate)
        {
            if (_closed)
            {
                return false;
            }

            if (_fresh.Count > 0 || _length + send.NextBytes > RpcFrame.MaxChunkBytes)
            {
                _fresh.Enqueue(send);
                return false;
            }

            Append(send);
            if (!send.IsSent)
            {
                _begun.Enqueue(send);
            }

            return send.IsSent;
        }
    }

    /// <summary>Adds a frame that is sent before any queued body. Wake the loop afterwards.</summary>
    /// <returns>False when the remote has left so many unread that it is to be cut off.</returns>
    public bool PostControl(in RpcFrame frame, ReadOnlySpan<byte> body)
    {
        lock (_gate)
        {
            int bytes = RpcFrame.HeaderBytes + body.Length;
            if (_closed)
            {
                return true;
            }

            if (_length + bytes > BatchBytes + maxControlBytes)
            {
                return false;
            }

            Span<byte> destination = Room(bytes);
            frame.Write(destination);
            body.CopyTo(destination[RpcFrame.HeaderBytes..]);
            return true;
        }
    }

    /// <summary>Takes a queued body back: its memory is not touched afterwards.</summary>
    /// <returns>True when it was queued.</returns>
    public bool Remove(RpcSend send)
    {
        lock (_gate)
        {
            bool queued = send.Queue is not null && (send.Queue == _fresh || send.Queue == _begun);
            if (queued)
            {
                send.Queue!.Remove(send);
            }

            return queued;
        }
    }

    /// <summary>Lets the loop write what was posted. Hold no lock.</summary>
    /// <param name="withOthers">Others are likely to post soon: a thread of the pool writes all together. Else it is written on this thread.</param>
    public void Wake(bool withOthers = false)
    {
        lock (_gate)
        {
            if (!_waiting || (_length == 0 && _fresh.Count == 0 && _begun.Count == 0 && !_closed))
            {
                return;
            }

            _waiting = false;
        }

        if (withOthers)
        {
            _signal.SetLater();
        }
        else
        {
            _signal.Set();
        }
    }

    /// <summary>Writes batches until closed.</summary>
    /// <exception cref="IOException">The stream broke.</exception>
    public async Task RunAsync()
    {
        while (true)
        {
            if (TryTakeBatch(out ReadOnlyMemory<byte> batch))
            {
                TellSent();
                await stream.WriteAsync(batch, CancellationToken.None).ConfigureAwait(false);
            }
            else if (_closed)
            {
                return;
            }
            else
            {
                await _signal.WaitAsync().ConfigureAwait(false);
            }
        }
    }

    /// <summary>Ends the loop; what is queued is told as sent, since its memory is free.</summary>
    public void Close()
    {
        List<RpcSend> dropped = [];
        lock (_gate)
        {
            _closed = true;
            _length = 0;
            while ((_fresh.Dequeue() ?? _begun.Dequeue()) is { } send)
            {
                dropped.Add(send);
            }
        }

        dropped.ForEach(static send => send.OnSent());
        Wake();
    }

    /// <summary>Gives the buffers back. The loop has ended.</summary>
    public void ReturnBuffers()
    {
        lock (_gate)
        {
            GiveBack(ref _filling);
            GiveBack(ref _writing);
        }
    }

    private bool TryTakeBatch(out ReadOnlyMemory<byte> batch)
    {
        lock (_gate)
        {
            FillFrom(_fresh, BatchBytes / 2);
            FillFrom(_begun, BatchBytes);
            FillFrom(_fresh, BatchBytes);
            batch = _writing.AsMemory(0, 0);
            if (_length == 0 || _closed)
            {
                GiveBack(ref _filling);
                GiveBack(ref _writing);
                _waiting = !_closed;
                return false;
            }

            (_filling, _writing) = (_writing, _filling);
            batch = _writing.AsMemory(0, _length);
            _length = 0;
            return true;
        }
    }

    private void FillFrom(RpcSendQueue queue, int limit)
    {
        while (_length < limit && queue.Count > 0)
        {
            RpcSend send = queue.Dequeue()!;
            Append(send);
            if (send.IsSent)
            {
                _sent.Add(send);
            }
            else
            {
                _begun.Enqueue(send);
            }
        }
    }

    private void Append(RpcSend send)
    {
        int bytes = send.NextBytes;
        send.WriteNext(Room(bytes)[..bytes]);
    }

    private void TellSent()
    {
        foreach (RpcSend send in _sent)
        {
            send.OnSent();
        }

        _sent.Clear();
    }

    private Span<byte> Room(int bytes)
    {
        if (_filling.Length < _length + bytes)
        {
            byte[] larger = ArrayPool<byte>.Shared.Rent(Math.Max(FirstBatchBytes, _length + bytes));
            _filling.AsSpan(0, _length).CopyTo(larger);
            GiveBack(ref _filling);
            _filling = larger;
        }

        Span<byte> room = _filling.AsSpan(_length);
        _length += bytes;
        return room;
    }

    private static void GiveBack(ref byte[] buffer)
    {
        if (buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(buffer);
            buffer = [];
        }
    }
}
