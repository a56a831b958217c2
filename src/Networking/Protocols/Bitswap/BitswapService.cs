using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>Exchanges blocks with other peers: serves those of a store to whoever wants them, and carries the wants of fetches.</summary>
/// <remarks>
/// Source: IPFS specs, bitswap 1.2.0. Messages go over a stream that the sender opens; answers come over one that the other side opens.
/// What is decided lies in <see cref="ServerEngine"/> and in the fetches; here are streams. Safe for several threads.
/// </remarks>
public sealed class BitswapService : IAsyncDisposable
{
    /// <summary>The protocol.</summary>
    public static readonly ProtocolId Protocol = new("/ipfs/bitswap/1.2.0");

    private readonly IPeerStreams _streams;
    private readonly IBlockStore _store;
    private readonly BitswapOptions _options;
    private readonly TimeProvider _time;
    private readonly ILogger _log;
    private readonly Lock _gate = new();
    private readonly ServerEngine _engine; // under _gate
    private readonly Dictionary<PeerId, PeerLane> _lanes = []; // under _gate
    private readonly Dictionary<PeerId, int> _inbound = []; // streams of each peer, under _gate
    private readonly CancellationTokenSource _closing = new();
    private readonly TaskGroup _tasks;
    private readonly IDisposable _registration;
    private IBitswapSession[] _sessions = []; // replaced under _gate

    /// <summary>Begins to serve.</summary>
    /// <param name="streams">The way to peers; not owned.</param>
    /// <param name="store">What is served; not owned.</param>
    /// <param name="options">Checked here.</param>
    /// <param name="time">The clock of every deadline.</param>
    /// <param name="loggers">Makes the logger.</param>
    /// <exception cref="ArgumentException">An option that cannot work.</exception>
    public BitswapService(IPeerStreams streams, IBlockStore store, BitswapOptions options, TimeProvider time, ILoggerFactory loggers)
    {
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(store);
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        ArgumentNullException.ThrowIfNull(loggers);
        options.Validate();
        (_streams, _store, _options, _time) = (streams, store, options, time);
        _log = loggers.CreateLogger<BitswapService>();
        _engine = new ServerEngine(options, cid => store.TryGetSize(cid, out int bytes) ? bytes : null);
        _tasks = new TaskGroup(e => BitswapLog.Unexpected(_log, e));
        _streams.PeerDisconnected += Disconnected;
        _registration = streams.Handle(Protocol, ServeAsync);
    }

    /// <summary>A block is in the store now: peers that wait for it get it. Fetches call this for what they bring.</summary>
    public void Stored(Cid cid, int size)
    {
        ArgumentNullException.ThrowIfNull(cid);
        lock (_gate)
        {
            _engine.Stored(cid, size);
            Pump();
        }
    }

    /// <summary>Bytes and blocks that a peer got from us since it connected, and how many wants of it are kept.</summary>
    public (long BytesSent, long BlocksSent, int Wants) LedgerOf(PeerId peer)
    {
        lock (_gate)
        {
            return _engine.LedgerOf(peer);
        }
    }

    /// <summary>Stops serving and sending, and waits for what is under way. Harmless when repeated.</summary>
    public async ValueTask DisposeAsync()
    {
        _registration.Dispose();
        _streams.PeerDisconnected -= Disconnected;
        await _closing.CancelAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
        lock (_gate)
        {
            foreach (PeerLane lane in _lanes.Values)
            {
                CloseStream(lane);
            }
        }
    }

    /// <summary>Tells a fetch what comes, until it leaves.</summary>
    internal void Join(IBitswapSession session)
    {
        lock (_gate)
        {
            _sessions = [.. _sessions, session];
        }
    }

    internal void Leave(IBitswapSession session)
    {
        lock (_gate)
        {
            _sessions = [.. _sessions.Where(s => s != session)];
        }
    }

    /// <summary>Sends entries of a wantlist, soon; together with what else goes to the peer.</summary>
    internal void Send(PeerId peer, IReadOnlyList<WantEntry> wants)
    {
        lock (_gate)
        {
            PeerLane lane = LaneOf(peer);
            lane.Add(wants);
            Start(lane);
        }
    }

    private async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        PeerId peer = stream.RemotePeer;
        if (!TryEnter(peer))
        {
            throw new ProtocolViolationException(
                EndReason.TooManyRequests, ViolationScope.Stream, $"more than {_options.MaxStreamsPerPeer} bitswap streams");
        }

        try
        {
            using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _closing.Token);
            await stream.CloseWriteAsync(either.Token).ConfigureAwait(false); // answers go over our own stream
            await ReadAsync(stream, peer, either.Token).ConfigureAwait(false);
        }
        catch (ProtocolViolationException)
        {
            Lied(peer);
            throw;
        }
        finally
        {
            Exit(peer);
        }
    }

    private async Task ReadAsync(PeerStream stream, PeerId peer, CancellationToken cancellationToken)
    {
        using var reader = new GrowingFrameReader(
            stream, _options.MaxMessageBytes, bytes => Arrived(peer, bytes), _options.MessageTimeout, _time);
        while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false) is { } bytes)
        {
            EndReason reason = BitswapCodec.TryRead(bytes.Span, _options, out BitswapMessage? message);
            if (reason == EndReason.None)
            {
                reason = Take(peer, message!);
            }

            if (reason != EndReason.None)
            {
                throw new ProtocolViolationException(reason, ViolationScope.Stream, "a bitswap message that is not allowed");
            }

            foreach (Block block in message!.Blocks)
            {
                await TakeAsync(peer, block, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private EndReason Take(PeerId peer, BitswapMessage message)
    {
        EndReason reason;
        lock (_gate)
        {
            reason = _engine.Receive(peer, message);
            Pump();
        }

        if (message.Presences.Count > 0)
        {
            foreach (IBitswapSession session in _sessions)
            {
                session.OnPresences(peer, message.Presences);
            }
        }

        return reason;
    }

    private async ValueTask TakeAsync(PeerId peer, Block block, CancellationToken cancellationToken)
    {
        bool wasAsked;
        lock (_gate)
        {
            wasAsked = _lanes.TryGetValue(peer, out PeerLane? lane) && lane.WasAsked(block.Cid);
        }

        if (!wasAsked)
        {
            BitswapLog.Unasked(_log, peer.ToShortString());
            throw new ProtocolViolationException(EndReason.UnexpectedMessage, ViolationScope.Stream, "a block that was not asked for");
        }

        foreach (IBitswapSession session in _sessions)
        {
            await session.OnBlockAsync(peer, block, cancellationToken).ConfigureAwait(false);
        }
    }

    private void Arrived(PeerId peer, int bytes)
    {
        foreach (IBitswapSession session in _sessions)
        {
            session.OnBytes(peer, bytes);
        }
    }

    private void Lied(PeerId peer)
    {
        foreach (IBitswapSession session in _sessions)
        {
            session.OnLie(peer);
        }
    }

    private bool TryEnter(PeerId peer)
    {
        lock (_gate)
        {
            int count = _inbound.GetValueOrDefault(peer);
            _inbound[peer] = count + 1;
            return count < _options.MaxStreamsPerPeer || !Exit(peer);
        }
    }

    private bool Exit(PeerId peer)
    {
        lock (_gate)
        {
            if (--_inbound[peer] == 0)
            {
                _inbound.Remove(peer);
            }

            return true;
        }
    }

    private void Disconnected(PeerId peer)
    {
        PeerStream? stream;
        lock (_gate)
        {
            _engine.Disconnected(peer);
            stream = _lanes.Remove(peer, out PeerLane? lane) && !lane.IsRunning ? lane.Stream : null;
        }

        stream?.Dispose();
        foreach (IBitswapSession session in _sessions)
        {
            session.OnLost(peer);
        }
    }

    private PeerLane LaneOf(PeerId peer) =>
        _lanes.TryGetValue(peer, out PeerLane? lane) ? lane : _lanes[peer] = new PeerLane(peer);

    /// <summary>Gives the lanes what the server has for them. Under the lock.</summary>
    private void Pump()
    {
        while (_engine.TryNext(out ServeTask? task))
        {
            PeerLane lane = LaneOf(task!.Peer);
            lane.Task = task;
            Start(lane);
        }
    }

    private void Start(PeerLane lane)
    {
        if (!lane.IsRunning && lane.HasWork)
        {
            lane.IsRunning = _tasks.TryRun(() => RunAsync(lane));
        }
    }

    private async Task RunAsync(PeerLane lane)
    {
        while (TryTake(lane, out IReadOnlyList<WantEntry> wants, out ServeTask? task))
        {
            bool sent = await TrySendAsync(lane, wants, task).ConfigureAwait(false);
            lock (_gate)
            {
                if (task is not null)
                {
                    _engine.Sent(task, sent);
                }

                if (!sent)
                {
                    lane.Clear();
                    _engine.Disconnected(lane.Peer); // it asks again when it can be reached
                }

                Pump();
            }

            if (!sent)
            {
                foreach (IBitswapSession session in _sessions)
                {
                    session.OnLost(lane.Peer);
                }
            }
        }

        lock (_gate)
        {
            if (!lane.IsRunning && _lanes.GetValueOrDefault(lane.Peer) != lane)
            {
                CloseStream(lane); // the peer was disconnected meanwhile; there is another lane, or none
            }
        }
    }

    private bool TryTake(PeerLane lane, out IReadOnlyList<WantEntry> wants, out ServeTask? task)
    {
        lock (_gate)
        {
            (wants, task) = (lane.TakeWants(), lane.Task);
            lane.Task = null;
            lane.IsRunning = (wants.Count > 0 || task is not null) && !_closing.IsCancellationRequested;
            return lane.IsRunning;
        }
    }

    private async Task<bool> TrySendAsync(PeerLane lane, IReadOnlyList<WantEntry> wants, ServeTask? task)
    {
        try
        {
            ReadOnlyMemory<byte> bytes = BitswapCodec.Write(await ComposeAsync(wants, task).ConfigureAwait(false));
            if (lane.Stream is not null && _time.GetElapsedTime(lane.LastWrite) > _options.StreamIdle)
            {
                CloseStream(lane);
            }

            bool isKept = lane.Stream is not null;
            if (isKept && await TryWriteAsync(lane, bytes).ConfigureAwait(false) is null)
            {
                return true;
            }

            CloseStream(lane);
            if (await TryWriteAsync(lane, bytes).ConfigureAwait(false) is not { } failure)
            {
                return true;
            }

            CloseStream(lane);
            BitswapLog.NotSent(_log, lane.Peer.ToShortString(), failure.Message);
            return false;
        }
        catch (OperationCanceledException)
        {
            CloseStream(lane);
            return false;
        }
    }

    /// <summary>Writes over the lane's stream, or a new one.</summary>
    /// <returns>What went wrong; null for nothing.</returns>
    private async Task<Exception?> TryWriteAsync(PeerLane lane, ReadOnlyMemory<byte> bytes)
    {
        using var limit = new Deadline(_options.WriteTimeout, _time, _closing.Token);
        try
        {
            lane.Stream ??= await _streams.OpenStreamAsync(lane.Peer, Protocol, limit.Token).ConfigureAwait(false);
            await FramedWriter.WriteAsync(lane.Stream, bytes, limit.Token).ConfigureAwait(false);
            lane.LastWrite = _time.GetTimestamp();
            return null;
        }
        catch (Exception e) when (!_closing.IsCancellationRequested && EndReasons.Of(e) is not null)
        {
            return e;
        }
    }

    private async Task<BitswapMessage> ComposeAsync(IReadOnlyList<WantEntry> wants, ServeTask? task)
    {
        List<Block> blocks = [];
        List<BlockPresence> presences = [.. task?.Presences ?? []];
        foreach (Cid cid in task?.Blocks ?? [])
        {
            Block? block = null;
            try
            {
                block = await _store.GetAsync(cid, _closing.Token).ConfigureAwait(false);
            }
            catch (BlockStoreException e)
            {
                BitswapLog.NotRead(_log, task!.Peer.ToShortString(), e.Message);
            }

            if (block is null)
            {
                presences.Add(new BlockPresence(cid, false));
            }
            else
            {
                blocks.Add(block);
            }
        }

        return new BitswapMessage { Wants = wants, Blocks = blocks, Presences = presences };
    }

    private static void CloseStream(PeerLane lane)
    {
        lane.Stream?.Dispose();
        lane.Stream = null;
    }
}
