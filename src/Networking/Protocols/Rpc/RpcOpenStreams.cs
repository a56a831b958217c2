using System.Collections.Concurrent;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Everything of an endpoint that lives on a stream, so that closing can end it all and wait for it.</summary>
/// <remarks>Safe for several threads. What is added after <see cref="Stop"/> is stopped at once.</remarks>
internal sealed class RpcOpenStreams
{
    private readonly ConcurrentDictionary<RpcLane, byte> _lanes = new();
    private readonly ConcurrentDictionary<RpcCallStream, byte> _callStreams = new();
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _users = 1; // the endpoint itself, and each task that runs for a stream
    private int _stopped;

    /// <summary>Ends when it is stopped and no task runs any more.</summary>
    public Task Ended => _ended.Task;

    /// <summary>A task begins to run for a stream; it calls <see cref="EndUse"/> last.</summary>
    public void BeginUse() => Interlocked.Increment(ref _users);

    public void EndUse()
    {
        if (Interlocked.Decrement(ref _users) == 0)
        {
            _ended.TrySetResult();
        }
    }

    public void Add(RpcLane lane)
    {
        _lanes.TryAdd(lane, 0);
        if (Volatile.Read(ref _stopped) == 1)
        {
            lane.Stop(EndReason.ClosedLocally);
        }
    }

    public void Add(RpcCallStream stream)
    {
        _callStreams.TryAdd(stream, 0);
        if (Volatile.Read(ref _stopped) == 1)
        {
            stream.Reset(EndReason.ClosedLocally);
        }
    }

    public void Remove(RpcLane lane) => _lanes.TryRemove(lane, out _);

    /// <summary>Breaks a stream that nobody uses, and forgets it.</summary>
    public void Break(RpcCallStream stream, EndReason reason)
    {
        _callStreams.TryRemove(stream, out _);
        stream.Reset(reason);
    }

    /// <summary>Breaks the stream, disposes and forgets it.</summary>
    public ValueTask CloseAsync(RpcCallStream stream, EndReason reason)
    {
        _callStreams.TryRemove(stream, out _);
        return stream.CloseAsync(reason);
    }

    /// <summary>Breaks every stream. Call it once.</summary>
    public void Stop()
    {
        Volatile.Write(ref _stopped, 1);
        foreach (RpcLane lane in _lanes.Keys)
        {
            lane.Stop(EndReason.ClosedLocally);
        }

        foreach (RpcCallStream stream in _callStreams.Keys)
        {
            stream.Reset(EndReason.ClosedLocally);
        }

        EndUse();
    }
}
