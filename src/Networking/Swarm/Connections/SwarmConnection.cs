using System.Diagnostics.CodeAnalysis;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>A secured, muxed connection to one peer.</summary>
/// <remarks>
/// <see cref="RunAsync"/> is its life: it accepts streams until the session is over or <see cref="Close"/> was called,
/// then ends what is left in the order of the house (refuse, say goodbye, await, dispose, give back). Safe for several
/// threads.
/// </remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "FinishAsync, which every connection ends in, is its disposal.")]
internal sealed class SwarmConnection
{
    private readonly IMuxedSession _session;
    private readonly MeteredLink _link;
    private readonly ResourceGate.ConnectionTicket _ticket;
    private readonly StreamServer _server;
    private readonly TaskGroup _streams;
    private readonly StreamAnnouncer _announcer;
    private readonly CancellationTokenSource _ending = new();
    private readonly CancellationTokenSource _superseded = new(); // no timer behind it: needs no disposal
    private readonly TaskCompletionSource<EndReason> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _closeReason;
    private long _measuredTicks;
    private int _openStreams;
    private volatile bool _isFull;

    /// <param name="id">Grows with each connection of the process.</param>
    /// <param name="upgraded">The result of the handshakes; owned.</param>
    /// <param name="ticket">Its count, bound to the peer; owned.</param>
    /// <param name="server">Serves inbound streams.</param>
    public SwarmConnection(long id, UpgradedLink upgraded, ResourceGate.ConnectionTicket ticket, StreamServer server)
    {
        Id = id;
        Upgraded = upgraded;
        _session = upgraded.Session;
        _link = upgraded.Link;
        _ticket = ticket;
        _server = server;
        _streams = new TaskGroup(e => SwarmLog.Unexpected(server.Log, e));
        _announcer = new StreamAnnouncer(
            server.Time, stream => _streams.TryRun(() => stream.AnnounceAsync(_ending.Token)));
        OpenedAt = server.Time.GetUtcNow();
    }

    /// <summary>Number within this process, growing.</summary>
    public long Id { get; }

    /// <summary>Who is at the other end.</summary>
    public PeerId RemotePeer => Upgraded.RemotePeer;

    /// <summary>The other end as our system sees it.</summary>
    public Multiaddr RemoteAddress => Upgraded.Raw.RemoteAddress;

    /// <summary>Our end.</summary>
    public Multiaddr LocalAddress => Upgraded.Raw.LocalAddress;

    /// <summary>Who dialled.</summary>
    public ConnectionDirection Direction => Upgraded.Terms.Direction;

    /// <summary>Our side in the handshakes.</summary>
    public ConnectionRole Role => Upgraded.Terms.Role;

    /// <summary>How it came about.</summary>
    public ConnectionPath Path => Upgraded.Terms.PathTo(RemotePeer);

    /// <summary>It runs through a relay.</summary>
    public bool IsRelayed => Path == ConnectionPath.Relayed;

    /// <summary>What the relay lets pass; null for no limit.</summary>
    public LinkLimit? Limit => Upgraded.Raw.Limit;

    /// <summary>The remote saw the port that we listen on, so that the address it observed is worth knowing.</summary>
    public bool FromListenPort => Upgraded.Raw.FromListenPort;

    /// <summary>When it came up.</summary>
    public DateTimeOffset OpenedAt { get; }

    /// <summary>Where the remote sees us; null before identify.</summary>
    public Multiaddr? ObservedAddress { get; set; }

    /// <summary>Takes no more streams.</summary>
    public bool IsClosing => _isFull || _ending.IsCancellationRequested || _session.Completion.IsCompleted;

    /// <summary>Ends, never faults, when everything of the connection has ended.</summary>
    public Task<EndReason> Ended => _ended.Task;

    /// <summary>The last measured round trip: the session's pings, or ours.</summary>
    public TimeSpan? RoundTripTime =>
        _session.RoundTripTime ?? (Volatile.Read(ref _measuredTicks) is > 0 and var ticks ? new TimeSpan(ticks) : null);

    private UpgradedLink Upgraded { get; }

    /// <summary>The connection at this moment.</summary>
    public ConnectionInfo ToInfo() => new()
    {
        Id = Id,
        Peer = RemotePeer,
        Direction = Direction,
        Role = Role,
        LocalAddress = LocalAddress,
        RemoteAddress = RemoteAddress,
        Path = Path,
        Limit = Limit,
        OpenedAt = OpenedAt,
        BytesIn = _link.BytesIn,
        BytesOut = _link.BytesOut,
        OpenStreamCount = OpenStreamCount,
        RoundTripTime = RoundTripTime,
    };

    /// <summary>Fires when a better connection with the same peer is up.</summary>
    public CancellationToken Superseded => _superseded.Token;

    /// <summary>Streams open, both directions.</summary>
    public int OpenStreamCount => Volatile.Read(ref _openStreams);

    /// <summary>Tells the users of this connection that a better one is up. Harmless when repeated.</summary>
    public void Supersede() => _superseded.Cancel();

    /// <summary>Notes a measured round trip.</summary>
    public void Measured(TimeSpan roundTrip) => Volatile.Write(ref _measuredTicks, roundTrip.Ticks);

    /// <summary>Opens a stream.</summary>
    /// <param name="protocol">The one protocol offered.</param>
    /// <param name="optimistic">Do not wait for the remote's word that it speaks it: send it along with the first
    /// bytes.</param>
    /// <param name="cancellationToken">Ends the wait; the stream is reset then.</param>
    /// <exception cref="IOException">The connection is closing, or a limit is reached.</exception>
    /// <exception cref="ProtocolNotSupportedException">Not optimistic, and the remote does not speak it.</exception>
    public async ValueTask<SwarmStream> OpenStreamAsync(
        ProtocolId protocol, bool optimistic, CancellationToken cancellationToken)
    {
        ResourceLimit limit = _ticket.TryOpenStream(out ResourceGate.StreamTicket? ticket);
        if (ticket is null)
        {
            _server.Metrics.Refused(limit);
            throw new StreamEndedException(EndReason.LimitReached, $"no stream to {RemotePeer}: limit {limit}");
        }

        MuxedStream? muxed = null;
        try
        {
            muxed = await OpenMuxedAsync(cancellationToken).ConfigureAwait(false);
            MuxedStream negotiated = optimistic
                ? _server.Select.Propose(muxed, RemotePeer, protocol)
                : await AgreeAsync(muxed, protocol, cancellationToken).ConfigureAwait(false);
            var stream = new SwarmStream(this, negotiated, ticket, protocol, agreed: !optimistic);
            if (optimistic)
            {
                _announcer.Add(stream);
            }

            return stream;
        }
        catch (Exception e)
        {
            muxed?.Reset(EndReason.ClosedLocally);
            ticket.Dispose();
            if (e is not ProtocolViolationException violation)
            {
                throw;
            }

            Broke(violation);
            throw new StreamEndedException(violation.Reason, violation.Message);
        }
    }

    /// <summary>Begins to close. Harmless when repeated; the first reason counts.</summary>
    public void Close(EndReason reason)
    {
        if (Interlocked.CompareExchange(ref _closeReason, (int)reason, (int)EndReason.None) == (int)EndReason.None)
        {
            _ending.Cancel();
        }
    }

    /// <summary>The life of the connection. Call it once; never throws.</summary>
    public async Task RunAsync()
    {
        try
        {
            while (await _session.AcceptStreamAsync(_ending.Token).ConfigureAwait(false) is { } stream)
            {
                Serve(stream);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or IOException)
        {
            // Closing, from here or from there.
        }

        await FinishAsync().ConfigureAwait(false);
    }

    /// <summary>Drains a stream that its user has left without having heard the remote agree.</summary>
    /// <returns>False when the connection has ended.</returns>
    internal bool FinishLater(SwarmStream stream) => _streams.TryRun(async () =>
    {
        using var limit = new Deadline(_server.Timeouts.StreamNegotiation, _server.Time, _ending.Token);
        await stream.DrainAsync(limit.Token).ConfigureAwait(false);
    });

    internal void StreamOpened() => Interlocked.Increment(ref _openStreams);

    internal void StreamEnded(EndReason reason)
    {
        Interlocked.Decrement(ref _openStreams);
        _server.Metrics.StreamEnded(reason);
    }

    internal void Broke(ProtocolViolationException violation) => _server.Broke(this, violation);

    private async Task<MuxedStream> AgreeAsync(
        MuxedStream muxed, ProtocolId protocol, CancellationToken cancellationToken)
    {
        (_, MuxedStream agreed) = await _server.Select.SelectAsync(muxed, RemotePeer, [protocol], cancellationToken)
            .ConfigureAwait(false);
        return agreed;
    }

    private async ValueTask<MuxedStream> OpenMuxedAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _session.OpenStreamAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (IOException)
        {
            // going away, or out of stream ids: what runs on it may end, what is new needs another connection
            _isFull = true;
            throw;
        }
    }

    private void Serve(MuxedStream muxed)
    {
        ResourceLimit limit = _ticket.TryOpenStream(out ResourceGate.StreamTicket? ticket);
        if (ticket is null)
        {
            _server.Metrics.Refused(limit);
            muxed.Reset(EndReason.LimitReached);
        }
        else if (!_streams.TryRun(() => _server.ServeAsync(this, muxed, ticket, _ending.Token)))
        {
            muxed.Reset(EndReason.ClosedLocally);
            ticket.Dispose();
        }
    }

    private async Task FinishAsync()
    {
        EndReason reason = (EndReason)Volatile.Read(ref _closeReason);
        Close(EndReason.ClosedByRemote); // the handlers' token
        _announcer.Dispose();
        TimeProvider time = _server.Time;
        TimeSpan limit = _server.Timeouts.Close;
        Task goodbye = _session.DisposeAsync().AsTask();
        if (!await EndsInAsync(goodbye, limit, time).ConfigureAwait(false))
        {
            _link.Abort();
            await goodbye.ConfigureAwait(false);
        }

        EndReason ended = await _session.Completion.ConfigureAwait(false);
        await _link.DisposeAsync().ConfigureAwait(false);
        if (!await EndsInAsync(_streams.CloseAsync(), limit, time).ConfigureAwait(false))
        {
            SwarmLog.StreamsLeft(_server.Log, _streams.Count, Id, RemotePeer.ToShortString());
        }

        _ticket.Dispose();
        reason = reason == EndReason.None ? ended : reason;
        _server.Metrics.ConnectionEnded(reason);
        _ended.SetResult(reason);
    }

    private static async Task<bool> EndsInAsync(Task task, TimeSpan limit, TimeProvider time)
    {
        try
        {
            await task.WaitAsync(limit, time).ConfigureAwait(false);
            return true;
        }
        catch (TimeoutException)
        {
            return false;
        }
    }
}
