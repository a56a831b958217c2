using P2PLearn.Networking.Identity;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>What we keep towards one peer: the lane of our unary calls, and idle streams for streamed ones.</summary>
internal sealed class RpcPeer(PeerId peer, RpcOptions options, Func<PeerId, Task<ClientLane>> openLane)
{
    private readonly Lock _gate = new();
    private readonly Stack<RpcCallStream> _idle = new();
    private ClientLane? _lane;
    private Task<ClientLane>? _opening;
    private bool _isClosed;

    /// <summary>The lane, when there is one that takes calls.</summary>
    public ClientLane? Lane => Volatile.Read(ref _lane) is { TakesCalls: true } lane ? lane : null;

    /// <summary>The lane; opens one when there is none. Many callers share one opening, which no caller's token ends.</summary>
    public Task<ClientLane> GetLaneAsync()
    {
        lock (_gate)
        {
            if (Lane is { } lane)
            {
                return Task.FromResult(lane);
            }

            if (_opening is null || _opening.IsCompleted)
            {
                _opening = OpenAsync();
            }

            return _opening;
        }
    }

    /// <summary>An idle stream that is still good, or null.</summary>
    public RpcCallStream? TakeIdle(List<RpcCallStream> dead)
    {
        lock (_gate)
        {
            while (_idle.TryPop(out RpcCallStream? stream))
            {
                if (!stream.HasAhead && !stream.IsSuperseded)
                {
                    return stream;
                }

                dead.Add(stream); // it ended, said something between two calls, or there is a better connection
            }

            return null;
        }
    }

    /// <summary>Keeps a stream for the next call.</summary>
    /// <returns>False when enough are kept.</returns>
    public bool Keep(RpcCallStream stream)
    {
        lock (_gate)
        {
            if (_isClosed || _idle.Count >= options.MaxIdleStreamsPerPeer || stream.HasAhead || stream.IsSuperseded)
            {
                return false;
            }

            stream.OnAhead = null;
            _idle.Push(stream);
            return true;
        }
    }

    /// <summary>A better connection is up: hands out what was kept on the one before, to be closed.</summary>
    public IReadOnlyList<RpcCallStream> TakeSuperseded()
    {
        lock (_gate)
        {
            RpcCallStream[] all = [.. _idle.Reverse()];
            _idle.Clear();
            foreach (RpcCallStream stream in all.Where(s => !s.IsSuperseded))
            {
                _idle.Push(stream);
            }

            return [.. all.Where(s => s.IsSuperseded)];
        }
    }

    /// <summary>The connection is gone: hands out what was kept, to be closed.</summary>
    public IReadOnlyList<RpcCallStream> Close()
    {
        lock (_gate)
        {
            _isClosed = true;
            RpcCallStream[] idle = [.. _idle];
            _idle.Clear();
            return idle;
        }
    }

    private async Task<ClientLane> OpenAsync()
    {
        ClientLane lane = await openLane(peer).ConfigureAwait(false);
        Volatile.Write(ref _lane, lane);
        return lane;
    }
}
