using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Rpc;

/// <summary>Remote procedure calls over kept streams, <c>/p2plearn/rpc/1.0.0</c>: unary and streamed, both ways between any two peers.</summary>
/// <remarks>
/// Unary calls to one peer share one stream, the lane, in parts of at most 64 KiB, so that many small ones cost few writes and a long one holds
/// up nobody. A streamed call has a stream of its own from a small pool: its back-pressure is the muxer's, and its bodies are written from and
/// read into the memory of the two programs. Wire format: <c>docs/wire.md</c>, RPC. Safe for several threads.
/// </remarks>
public sealed class RpcEndpoint : IAsyncDisposable
{
    /// <summary>The protocol of all streams.</summary>
    public static readonly ProtocolId Protocol = new("/p2plearn/rpc/1.0.0");

    private readonly IPeerStreams _streams;
    private readonly RpcOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly RpcServer _server;
    private readonly RpcOpenStreams _open = new();
    private readonly IDisposable _registration;
    private readonly ConcurrentDictionary<PeerId, RpcPeer> _peers = new();
    private readonly CancellationTokenSource _stopping = new();
    private int _disposed;

    /// <summary>Starts to serve the protocol on <paramref name="streams"/>.</summary>
    /// <param name="streams">How peers are reached; not owned.</param>
    /// <param name="options">Limits and times.</param>
    /// <param name="time">The clock of all deadlines.</param>
    /// <param name="loggers">Where broken rules and failed handlers are told; null: nowhere.</param>
    /// <exception cref="ArgumentOutOfRangeException">A limit that cannot work.</exception>
    public RpcEndpoint(IPeerStreams streams, RpcOptions options, TimeProvider time, ILoggerFactory? loggers = null)
    {
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(options);
        options.Validate();
        _streams = streams;
        _options = options;
        _time = time;
        _logger = (loggers ?? NullLoggerFactory.Instance).CreateLogger<RpcEndpoint>();
        _server = new RpcServer(options, time, _logger);
        _streams.PeerDisconnected += OnDisconnected;
        _registration = streams.Handle(Protocol, new RpcInbound(_server, _open, Report).ServeAsync);
    }

    /// <summary>Unary and streamed calls that are served now.</summary>
    public int ServedCallCount => _server.ServedCalls;

    /// <summary>Answers unary calls of a method.</summary>
    /// <exception cref="ArgumentException">Not a method name: visible ASCII of limited length.</exception>
    /// <exception cref="InvalidOperationException">The method has a handler already.</exception>
    public void Map(string method, RpcUnaryHandler handler, RpcMethodOptions? options = null) =>
        _server.Map(new RpcMethod(method, handler, null, options ?? new RpcMethodOptions()));

    /// <summary>Serves streamed calls of a method.</summary>
    /// <exception cref="ArgumentException">Not a method name: visible ASCII of limited length.</exception>
    /// <exception cref="InvalidOperationException">The method has a handler already.</exception>
    public void MapStream(string method, RpcStreamHandler handler, RpcMethodOptions? options = null) =>
        _server.Map(new RpcMethod(method, null, handler, options ?? new RpcMethodOptions()));

    /// <summary>Calls a unary method with the default options.</summary>
    /// <inheritdoc cref="CallAsync(PeerId, string, ReadOnlyMemory{byte}, RpcCallOptions, CancellationToken)"/>
    public ValueTask<RpcPayload> CallAsync(PeerId peer, string method, ReadOnlyMemory<byte> request, CancellationToken cancellationToken) =>
        CallAsync(peer, method, request, default, cancellationToken);

    /// <summary>Calls a unary method.</summary>
    /// <param name="peer">Who is to answer.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="request">The request; it must stay as it is until the task ends.</param>
    /// <param name="options">Time and limit of this call.</param>
    /// <param name="cancellationToken">Gives the call up; the peer is told.</param>
    /// <returns>The answer, which the caller disposes. Await it once.</returns>
    /// <exception cref="RpcException">Any other end than an answer.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public ValueTask<RpcPayload> CallAsync(
        PeerId peer, string method, ReadOnlyMemory<byte> request, RpcCallOptions options, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested)
        {
            return ValueTask.FromCanceled<RpcPayload>(cancellationToken);
        }

        long due = RpcDeadlines.DueIn(_time, options.Timeout ?? _options.DefaultTimeout);
        int maxResponseBytes = options.MaxResponseBytes ?? _options.MaxResponseBytes;
        return _peers.TryGetValue(peer, out RpcPeer? known) && known.Lane is { } lane
            && TryCall(lane, method, request, due, maxResponseBytes, cancellationToken) is { } call
            ? call.Task
            : CallSlowlyAsync(peer, method, request, due, maxResponseBytes, cancellationToken);
    }

    /// <summary>Begins a streamed call.</summary>
    /// <param name="peer">Who is to serve it.</param>
    /// <param name="method">The method's name.</param>
    /// <param name="options">Time of the whole call, and longest single message accepted.</param>
    /// <param name="cancellationToken">Ends the opening only.</param>
    /// <returns>The call, which the caller disposes.</returns>
    /// <exception cref="RpcException">Unavailable: the peer cannot be reached. PermissionDenied: it does not admit us. DeadlineExceeded: its time was over.</exception>
    /// <exception cref="OperationCanceledException">The token fired.</exception>
    public async ValueTask<RpcCall> OpenAsync(PeerId peer, string method, RpcCallOptions options, CancellationToken cancellationToken)
    {
        _server.CheckName(method);
        TimeSpan timeout = options.Timeout ?? _options.DefaultTimeout;
        long due = RpcDeadlines.DueIn(_time, timeout);
        RpcPeer known = PeerOf(peer);
        List<RpcCallStream> dead = [];
        RpcCallStream? stream = known.TakeIdle(dead);
        foreach (RpcCallStream old in dead)
        {
            await _open.CloseAsync(old, EndReason.ClosedByRemote).ConfigureAwait(false);
        }

        stream ??= await OpenCallStreamAsync(peer, RpcDeadlines.LeftUntil(_time, due), cancellationToken).ConfigureAwait(false);
        return await BeginAsync(known, stream, method, options, due).ConfigureAwait(false);
    }

    /// <summary>Stops serving and calling: open calls fail, handlers are cancelled and awaited for a while. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 1)
        {
            return;
        }

        _registration.Dispose();
        _streams.PeerDisconnected -= OnDisconnected;
        await _stopping.CancelAsync().ConfigureAwait(false);
        _open.Stop();
        try
        {
            await _open.Ended.WaitAsync(_options.ShutdownTimeout, _time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            _logger.HandlersOutlived(_options.ShutdownTimeout.TotalSeconds);
        }
    }

    /// <summary>What a failed opening means to a caller.</summary>
    private static RpcException Unavailable(PeerId peer, Exception error) => error switch
    {
        PeerUnreachableException { Reason: EndReason.NotAdmitted } => new RpcException(RpcStatus.PermissionDenied, error.Message, error),
        _ => new RpcException(RpcStatus.Unavailable, $"{peer.ToShortString()} cannot be reached: {error.Message}", error),
    };

    private static ClientCall? TryCall(
        ClientLane lane, string method, ReadOnlyMemory<byte> request, long due, int maxResponseBytes, CancellationToken cancellationToken)
    {
        ClientCall call = ClientCall.Rent(lane, method, request, due, maxResponseBytes);
        bool taken = false;
        try
        {
            taken = lane.TryCall(call, cancellationToken);
            return taken ? call : null;
        }
        finally
        {
            if (!taken)
            {
                call.Discard();
            }
        }
    }

    private async ValueTask<RpcPayload> CallSlowlyAsync(
        PeerId peer, string method, ReadOnlyMemory<byte> request, long due, int maxResponseBytes, CancellationToken cancellationToken)
    {
        _server.CheckName(method);
        for (int attempt = 0; attempt < 3; attempt++)
        {
            ClientLane lane = await WithinAsync(PeerOf(peer).GetLaneAsync(), due, cancellationToken).ConfigureAwait(false);
            if (TryCall(lane, method, request, due, maxResponseBytes, cancellationToken) is { } call)
            {
                return await call.Task.ConfigureAwait(false);
            }
        }

        throw new RpcException(RpcStatus.Unavailable, $"{peer.ToShortString()} closes every stream at once");
    }

    /// <summary>Awaits an opening that others may share.</summary>
    private async Task<T> WithinAsync<T>(Task<T> opening, long due, CancellationToken cancellationToken)
    {
        TimeSpan left = RpcDeadlines.LeftUntil(_time, due) ?? Timeout.InfiniteTimeSpan;
        try
        {
            return await opening.WaitAsync(left, _time, cancellationToken).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            throw new RpcException(RpcStatus.DeadlineExceeded, "the call's time was over before the peer was reached");
        }
    }

    private async Task<ClientLane> OpenLaneAsync(PeerId peer)
    {
        PeerStream stream = await OpenStreamAsync(peer, null, CancellationToken.None).ConfigureAwait(false);
        var lane = new ClientLane(stream, new RpcFrameReader(stream, _options.MaxMethodNameBytes), _options, _time);
        _open.BeginUse();
        _open.Add(lane);
        _ = Task.Run(() => RunLaneAsync(lane, stream)); // disposal waits for the end of its use
        return lane;
    }

    private async Task<RpcCallStream> OpenCallStreamAsync(PeerId peer, TimeSpan? left, CancellationToken cancellationToken)
    {
        PeerStream stream = await OpenStreamAsync(peer, left, cancellationToken).ConfigureAwait(false);
        var callStream = new RpcCallStream(stream, new RpcFrameReader(stream, _options.MaxMethodNameBytes));
        _open.Add(callStream);
        callStream.LookAhead();
        callStream.WhenSuperseded(() => BreakSuperseded(peer));
        return callStream;
    }

    private async Task<PeerStream> OpenStreamAsync(PeerId peer, TimeSpan? left, CancellationToken cancellationToken)
    {
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) == 1, this);
        bool callEndsFirst = left < _options.OpenTimeout;
        using var limit = new CancellationTokenSource(callEndsFirst ? left!.Value : _options.OpenTimeout, _time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _stopping.Token, cancellationToken);
        try
        {
            return await _streams.OpenStreamAsync(peer, Protocol, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            throw new OperationCanceledException(cancellationToken);
        }
        catch (OperationCanceledException error)
        {
            RpcStatus status = callEndsFirst && limit.IsCancellationRequested ? RpcStatus.DeadlineExceeded : RpcStatus.Unavailable;
            throw new RpcException(status, $"{peer.ToShortString()} was not reached in time", error);
        }
        catch (IOException error)
        {
            if (_peers.TryGetValue(peer, out RpcPeer? known) && known.Lane is null)
            {
                _peers.TryRemove(new KeyValuePair<PeerId, RpcPeer>(peer, known)); // callers may try any number of ids
            }

            throw Unavailable(peer, error);
        }
    }

    private async Task<RpcCall> BeginAsync(RpcPeer known, RpcCallStream stream, string method, RpcCallOptions options, long due)
    {
        TimeSpan? left = RpcDeadlines.LeftUntil(_time, due);
        var limits = new RpcCallLimits(
            options.MaxResponseBytes ?? _options.MaxResponseBytes, long.MaxValue, left ?? Timeout.InfiniteTimeSpan);
        var call = new RpcCall(stream, method, limits, _time, (ended, failure) => ReleaseAsync(known, ended, failure));
        try
        {
            await stream.WriteOpenAsync(method, RpcFrame.ToTimeoutMs(left)).ConfigureAwait(false);
            return call;
        }
        catch (IOException error)
        {
            await call.DisposeAsync().ConfigureAwait(false);
            throw Unavailable(stream.Peer, error);
        }
    }

    private async ValueTask ReleaseAsync(RpcPeer known, RpcCall call, Exception? failure)
    {
        if (failure?.InnerException is ProtocolViolationException violation)
        {
            Report(call.Peer, violation);
        }

        if (!call.IsComplete || !known.Keep(call.Stream))
        {
            await _open.CloseAsync(call.Stream, EndReason.ClosedLocally).ConfigureAwait(false);
        }
    }

    private async Task RunLaneAsync(ClientLane lane, PeerStream stream)
    {
        using CancellationTokenRegistration better = stream.Superseded.UnsafeRegister(
            static lane => ((ClientLane)lane!).Supersede(), lane);
        try
        {
            await lane.RunAsync().ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            Report(lane.Peer, violation);
        }
        finally
        {
            _open.Remove(lane);
            await stream.DisposeAsync().ConfigureAwait(false);
            _open.EndUse();
        }
    }

    private void Report(PeerId peer, ProtocolViolationException violation)
    {
        _logger.ViolationSeen(peer, violation.Reason, violation.Message);
        _streams.Penalize(peer, violation.Reason);
    }

    private RpcPeer PeerOf(PeerId peer) => _peers.GetOrAdd(peer, static (id, self) => new RpcPeer(id, self._options, self.OpenLaneAsync), this);

    /// <summary>Idle streams would keep the connection that is to be closed busy until its grace is over.</summary>
    private void BreakSuperseded(PeerId peer)
    {
        if (_peers.TryGetValue(peer, out RpcPeer? known))
        {
            foreach (RpcCallStream stream in known.TakeSuperseded())
            {
                _open.Break(stream, EndReason.Superseded);
            }
        }
    }

    private void OnDisconnected(PeerId peer)
    {
        if (_peers.TryRemove(peer, out RpcPeer? gone))
        {
            foreach (RpcCallStream stream in gone.Close())
            {
                _open.Break(stream, EndReason.LinkLost);
            }
        }
    }
}
