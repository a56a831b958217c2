using System.Collections.Concurrent;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.TestKit;

/// <summary>One node of a <see cref="Fabric"/>. Disposing it is a crash: its streams break, others can reach it no more.</summary>
public sealed class FabricNode : IPeerStreams, IAsyncDisposable
{
    private readonly Fabric _fabric;
    private readonly ConcurrentDictionary<ProtocolId, StreamHandler> _handlers = new();
    private readonly ConcurrentDictionary<Task, byte> _running = new();
    private readonly ConcurrentQueue<(PeerId Peer, EndReason Reason)> _penalties = new();
    private readonly Queue<(PeerId Peer, bool Up)> _news = new(); // guarded by itself
    private readonly CancellationTokenSource _stopping = new();
    private bool _telling;

    internal FabricNode(Fabric fabric, PeerId peer)
    {
        _fabric = fabric;
        LocalPeer = peer;
    }

    /// <inheritdoc/>
    public event Action<PeerId>? PeerConnected;

    /// <inheritdoc/>
    public event Action<PeerId>? PeerDisconnected;

    /// <summary>Somebody was penalised at this node.</summary>
    public event Action<PeerId, EndReason>? Penalized;

    /// <inheritdoc/>
    public PeerId LocalPeer { get; }

    /// <inheritdoc/>
    public IReadOnlyCollection<PeerId> ConnectedPeers => _fabric.ConnectedTo(LocalPeer);

    /// <summary>Who was penalised at this node and why, oldest first.</summary>
    public IReadOnlyCollection<(PeerId Peer, EndReason Reason)> Penalties => _penalties;

    /// <summary>Exceptions that handlers of this node ended with, other than those of broken streams and stopping.</summary>
    public ConcurrentQueue<Exception> HandlerFailures { get; } = new();

    /// <summary>The node was disposed.</summary>
    public bool IsStopped => _stopping.IsCancellationRequested;

    /// <inheritdoc/>
    public ValueTask<PeerStream> OpenStreamAsync(PeerId peer, ProtocolId protocol, CancellationToken cancellationToken) =>
        _fabric.OpenAsync(this, peer, protocol, cancellationToken);

    /// <inheritdoc/>
    public IDisposable Handle(ProtocolId protocol, StreamHandler handler)
    {
        if (!_handlers.TryAdd(protocol, handler))
        {
            throw new InvalidOperationException($"{protocol} has a handler already");
        }

        return new Registration(this, protocol);
    }

    /// <inheritdoc/>
    public void Penalize(PeerId peer, EndReason reason)
    {
        _penalties.Enqueue((peer, reason));
        Penalized?.Invoke(peer, reason);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (!IsStopped)
        {
            await _stopping.CancelAsync();
            _fabric.Remove(this);
            await Task.WhenAll(_running.Keys).LimitAsync($"the stream handlers of {LocalPeer.ToShortString()} to end");
        }
    }

    internal StreamHandler? HandlerOf(ProtocolId protocol) => _handlers.GetValueOrDefault(protocol);

    internal void Serve(StreamHandler handler, FabricStream stream)
    {
        Task task = Task.Run(() => ServeAsync(handler, stream));
        _running.TryAdd(task, 0);
        _ = task.ContinueWith(done => _running.TryRemove(done, out _), TaskScheduler.Default);
    }

    /// <summary>Tells the listeners in order, one thread at a time, holding no lock while they run.</summary>
    internal void Tell(PeerId peer, bool up)
    {
        lock (_news)
        {
            _news.Enqueue((peer, up));
            if (_telling)
            {
                return;
            }

            _telling = true;
        }

        while (TryNextNews(out (PeerId Peer, bool Up) next))
        {
            (next.Up ? PeerConnected : PeerDisconnected)?.Invoke(next.Peer);
        }
    }

    private bool TryNextNews(out (PeerId Peer, bool Up) next)
    {
        lock (_news)
        {
            _telling = _news.TryDequeue(out next);
            return _telling;
        }
    }

    private async Task ServeAsync(StreamHandler handler, FabricStream stream)
    {
        try
        {
            await handler(stream, _stopping.Token);
        }
        catch (Exception error)
        {
            if (error is not (OperationCanceledException or IOException or ProtocolViolationException))
            {
                HandlerFailures.Enqueue(error);
            }

            stream.Reset(error is ProtocolViolationException violation ? violation.Reason : EndReason.ClosedLocally);
        }
        finally
        {
            await stream.DisposeAsync();
        }
    }

    private sealed class Registration(FabricNode node, ProtocolId protocol) : IDisposable
    {
        public void Dispose() => node._handlers.TryRemove(protocol, out _);
    }
}
