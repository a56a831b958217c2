using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Carries out what a <see cref="PunchState"/> decides: streams, timers, dials.</summary>
/// <remarks>Made for one try. <see cref="Post"/> is safe for several threads. Dispose it to await what it started.</remarks>
[SuppressMessage("Design", "CA1001:Types that own disposable fields should be disposable",
    Justification = "Sources without timers and a semaphore whose wait handle is never asked for hold nothing.")]
internal sealed class PunchRun : IAsyncDisposable
{
    private readonly PunchContext _context;
    private readonly SwarmConnection _relayed;
    private readonly IReadOnlyList<Multiaddr> _own;
    private readonly PunchState _state;
    private readonly TaskGroup _tasks;
    private readonly PunchDial _dial;
    private readonly List<Task> _diallingBack = []; // of the loop's thread
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _dialBackTurn = new(1, 1);

    // A try has fewer events than this; only identify pushes could be more, and those may be dropped.
    private readonly Channel<PunchEvent> _events = Channel.CreateBounded<PunchEvent>(
        new BoundedChannelOptions(64) { SingleReader = true, FullMode = BoundedChannelFullMode.Wait });

    private PunchDials _dials;
    private PunchAttempt? _attempt;
    private SwarmStream? _stream; // answered, and owed a SYNC
    private CancellationTokenSource _leaveDialBack = new();
    private int _dialBacks;

    /// <param name="context">Shared.</param>
    /// <param name="relayed">What is to be replaced.</param>
    /// <param name="own">What the peer is told of us.</param>
    public PunchRun(PunchContext context, SwarmConnection relayed, IReadOnlyList<Multiaddr> own)
    {
        _context = context;
        _relayed = relayed;
        _own = own;
        _state = new PunchState(context.Options);
        _tasks = new TaskGroup(e => PunchLog.Unexpected(context.Log, e));
        _dial = new PunchDial(context.Network, context.Options);
        _dials = new PunchDials(_dial.RunAsync);
    }

    private PeerId Peer => _relayed.RemotePeer;

    /// <summary>Tells of an event.</summary>
    public void Post(PunchEvent @event) => _events.Writer.TryWrite(@event);

    /// <summary>Tells of the addresses at which the peer may be dialled.</summary>
    /// <param name="isComplete">It has just said so itself.</param>
    public void PostDescription(bool isComplete)
    {
        if (_events.Reader.Count < 16) // a peer may push as often as it likes
        {
            Post(new PunchEvent.Described(
                PunchAddresses.ToDialBack(
                    _context.Network.AddressesOf(Peer), _context.PublicRule, _context.Options.MaxAddresses),
                isComplete));
        }
    }

    /// <summary>Runs until a direct connection is up or nothing more can be done.</summary>
    /// <param name="cancellationToken">The relayed connection is gone.</param>
    public async Task<PunchEffect.End> RunAsync(CancellationToken cancellationToken)
    {
        PostDescription(isComplete: _context.Network.Speaks(Peer, DcutrOptions.Protocol) is not null);
        IReadOnlyList<PunchEffect> effects = _state.Step(new PunchEvent.Started(_own.Any(_context.PublicRule.Allows)));
        while (true)
        {
            foreach (PunchEffect effect in effects)
            {
                if (effect is PunchEffect.End end)
                {
                    Stop();
                    return end;
                }

                CarryOut(effect);
            }

            effects = _state.Step(await NextAsync(cancellationToken).ConfigureAwait(false));
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        Stop();
        await _dials.StopAsync().ConfigureAwait(false);
        await _tasks.CloseAsync().ConfigureAwait(false);
        _stream?.Reset(EndReason.ClosedLocally); // no SYNC will come: the peer need not wait for it
        if (_attempt is not null)
        {
            await _attempt.Ended.ConfigureAwait(false);
        }
    }

    private void Stop()
    {
        _stop.Cancel();
        _leaveDialBack.Cancel();
        _attempt?.Stop();
    }

    private async Task<PunchEvent> NextAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await _events.Reader.ReadAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return await LastAsync().ConfigureAwait(false);
        }
    }

    /// <summary>The peer may have ended the relayed connection because the direct one is up, perhaps before this side knows:
    /// handshakes under way finish, and what comes of them counts.</summary>
    private async Task<PunchEvent> LastAsync()
    {
        Stop();
        if (_attempt is not null)
        {
            await _attempt.Ended.ConfigureAwait(false);
        }

        SwarmConnection? direct = _relayed.IsClosing ? _context.DirectConnectionWith(Peer) : null;
        return direct is null ? new PunchEvent.RelayLost() : new PunchEvent.DirectUp(direct.Path);
    }

    private void CarryOut(PunchEffect effect)
    {
        switch (effect)
        {
            case PunchEffect.Exchange:
                _tasks.TryRun(ExchangeAsync);
                break;
            case PunchEffect.DialBack back:
                DialBack(back.Addresses);
                break;
            case PunchEffect.SendSync:
                _leaveDialBack.Cancel(); // what comes up from here on, the peer's SYN may have met
                _tasks.TryRun(SendSyncAsync);
                break;
            case PunchEffect.StartTimer start:
                _tasks.TryRun(() => WaitAsync(start));
                break;
            case PunchEffect.Punch punch:
                BeginPunch(punch.RoundTrip);
                break;
        }
    }

    private async Task WaitAsync(PunchEffect.StartTimer start)
    {
        await Task.Delay(start.After, _context.Time, _stop.Token).ConfigureAwait(false);
        Post(new PunchEvent.TimerFired(start.Timer));
    }

    private async Task ExchangeAsync()
    {
        using var limit = new Deadline(_context.Options.MessageTimeout, _context.Time, _stop.Token);
        SwarmStream? stream = null;
        try
        {
            stream = await _relayed.OpenStreamAsync(DcutrOptions.Protocol, optimistic: true, limit.Token)
                .ConfigureAwait(false);
            long sent = _context.Time.GetTimestamp();
            await FramedWriter.WriteAsync(stream, DcutrMessage.Connect(_own).ToProtobuf(), limit.Token)
                .ConfigureAwait(false);
            DcutrMessage answer = await ReadConnectAsync(stream, limit.Token).ConfigureAwait(false);
            OnAnswer(stream, answer, _context.Time.GetElapsedTime(sent));
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            stream?.Reset(reason);
            if (e is ProtocolViolationException violation)
            {
                _context.Network.Broke(_relayed, violation);
            }

            Post(new PunchEvent.ExchangeFailed(
                e is ProtocolNotSupportedException ? "the peer does not punch holes" : $"no exchange: {reason}, {e.Message}"));
        }
    }

    private static async Task<DcutrMessage> ReadConnectAsync(SwarmStream stream, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, DcutrOptions.MaxMessageBytes);
        ReadOnlyMemory<byte> bytes = await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new IOException("the peer does not want to");
        return DcutrMessage.Parse(bytes.Span, DcutrMessageKind.Connect);
    }

    private void OnAnswer(SwarmStream stream, DcutrMessage answer, TimeSpan roundTrip)
    {
        IReadOnlyList<Multiaddr> addresses = PunchAddresses.ToPunch(
            answer.Addresses, _own, _context.PublicRule, _context.Options.MaxAddresses);
        int collisions = _attempt?.Collisions ?? 0;
        _stream = stream;
        _attempt = new PunchAttempt(_context, Peer, PunchSide.Opener, addresses, collisions);
        if (_stop.IsCancellationRequested)
        {
            _attempt.Stop();
        }

        Post(new PunchEvent.Answered(addresses.Count > 0, roundTrip));
    }

    private async Task SendSyncAsync()
    {
        using var limit = new Deadline(_context.Options.MessageTimeout, _context.Time, _stop.Token);
        SwarmStream stream = Interlocked.Exchange(ref _stream, null)!;
        try
        {
            await FramedWriter.WriteAsync(stream, DcutrMessage.Sync.ToProtobuf(), limit.Token).ConfigureAwait(false);
            await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
            await stream.DrainAsync(limit.Token).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            stream.Reset(reason); // the dial is made all the same: the SYNC may have got through
        }
    }

    /// <summary>The attempt takes over the dials there are; the next has its own.</summary>
    private void BeginPunch(TimeSpan roundTrip)
    {
        (PunchAttempt attempt, PunchDials dials) = (_attempt!, _dials);
        Task left = Task.WhenAll(_diallingBack);
        _diallingBack.Clear();
        (_dials, _leaveDialBack) = (new PunchDials(_dial.RunAsync), new CancellationTokenSource());
        _tasks.TryRun(() => PunchAsync(roundTrip, attempt, dials, left));
    }

    private async Task PunchAsync(TimeSpan roundTrip, PunchAttempt attempt, PunchDials dials, Task dialBacksLeft)
    {
        await _context.Network.CallOffDialsAsync(Peer).ConfigureAwait(false);
        await dialBacksLeft.ConfigureAwait(false);
        bool won = await attempt.RunAsync(roundTrip, Dial, _stop.Token).ConfigureAwait(false);
        await dials.StopAsync().ConfigureAwait(false);
        if (!won)
        {
            Post(new PunchEvent.AttemptFailed(attempt.HadLink));
        }

        await attempt.Ended.ConfigureAwait(false);

        async Task<ITransportLink> Dial(Multiaddr address, CancellationToken cancellationToken)
        {
            using CancellationTokenRegistration stop = cancellationToken.UnsafeRegister(
                static dials => ((PunchDials)dials!).Cancel(), dials);
            return await dials.TakeAsync(address, DialOrigin.ListenPortOnly, CancellationToken.None).ConfigureAwait(false);
        }
    }

    private void DialBack(IReadOnlyList<Multiaddr> addresses)
    {
        PunchLog.DiallingBack(_context.Log, Peer.ToShortString(), addresses.Count);
        Interlocked.Add(ref _dialBacks, addresses.Count);
        foreach (Multiaddr address in addresses)
        {
            Task<ITransportLink> dial = TakeDialBackAsync(address, _dials, _leaveDialBack.Token);
            _diallingBack.Add(EndOf(dial));
            _tasks.TryRun(() => DialBackAsync(address, dial));
        }
    }

    private static async Task EndOf(Task dial) =>
        await dial.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);

    private async Task<ITransportLink> TakeDialBackAsync(
        Multiaddr address, PunchDials dials, CancellationToken leave)
    {
        using var limit = new Deadline(_context.Options.AttemptTimeout, _context.Time, leave);
        return await dials.TakeAsync(address, DialOrigin.Preferred, limit.Token).ConfigureAwait(false);
    }

    private async Task DialBackAsync(Multiaddr address, Task<ITransportLink> dial)
    {
        try
        {
            ITransportLink link = await dial.ConfigureAwait(false);
            Post(new PunchEvent.DialBackConnected());
            await AdoptDialBackAsync(link).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is { } reason)
        {
            PunchLog.LinkFailed(_context.Log, Peer.ToShortString(), address, reason, e.Message);
        }
        finally
        {
            if (Interlocked.Decrement(ref _dialBacks) == 0)
            {
                Post(new PunchEvent.DialBackFailed());
            }
        }
    }

    /// <summary>One link after the other, so that two addresses of a peer do not make two connections.</summary>
    private async Task AdoptDialBackAsync(ITransportLink link)
    {
        try
        {
            await _dialBackTurn.WaitAsync(_stop.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            link.Abort();
            throw;
        }

        try
        {
            using var limit = new Deadline(_context.Options.UpgradeTimeout, _context.Time, CancellationToken.None);
            var terms = new LinkTerms(
                ConnectionDirection.Outbound, ConnectionRole.Dialer, ConnectionPath.Reversed, Peer);
            await _context.Network.AdoptAsync(link, terms, limit.Token).ConfigureAwait(false);
            await _stop.CancelAsync().ConfigureAwait(false); // the direct connection is up: nothing else is needed
        }
        finally
        {
            _dialBackTurn.Release();
        }
    }
}
