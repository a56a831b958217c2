namespace P2PLearn.Networking.Muxing;

/// <summary>The rules of one yamux session: which frames are allowed, what they change, and which frames are to be sent next.</summary>
/// <remarks>
/// Source: yamux specification, with the backlog and window rules of the libp2p stacks. Frames and the time come in, effects go out; no
/// bytes, sockets, clock or lock inside. Not safe for several threads: the session calls it under its gate.
/// What is to be sent is kept as facts about streams, never as a queue of frames, so it is bounded by the number of streams:
/// control frames (<see cref="TryNextControl"/>: pongs, ping, refusals, openings, acknowledgements, credit) overtake data;
/// data, FIN and RST (<see cref="TryNextTurn"/>) keep their order within a stream, and streams take turns of one frame.
/// </remarks>
internal sealed class YamuxSessionState
{
    private const int WorthwhileFrameBytes = 1024; // the end of a batch is not filled with crumbs
    private const int UrgentAcknowledgements = 16; // acknowledgements wait for company, but never until the remote's backlog is full
    private readonly bool _isClient;
    private readonly YamuxOptions _options;
    private readonly YamuxUnreadBytes _unread;
    private readonly Dictionary<uint, YamuxStreamState> _streams = [];
    private readonly LinkedList<YamuxStreamState> _control = [];
    private readonly LinkedList<YamuxStreamState> _turns = [];
    private readonly Queue<uint> _pongs = [];
    private readonly Queue<uint> _refused = [];
    private readonly YamuxGrowthBudget _growth;
    private readonly YamuxKeepAlive _keepAlive;
    private ulong _nextId; // wider than an id, so that it can stand beyond the last one
    private int _inboundCount;
    private int _backlogCount;
    private int _unacknowledgedCount;
    private int _freedOpens;
    private int _pendingAcknowledgements;

    /// <summary>Creates the state of a session without streams.</summary>
    /// <param name="isClient">The agreed role, not who called connect: the client opens odd ids.</param>
    /// <param name="options">Validated limits.</param>
    /// <param name="unread">What the session's readers have not read yet.</param>
    /// <param name="firstId">The first id of ours; 0 for 1 or 2 by role.</param>
    public YamuxSessionState(bool isClient, YamuxOptions options, YamuxUnreadBytes unread, uint firstId = 0)
    {
        _isClient = isClient;
        _options = options;
        _unread = unread;
        _nextId = firstId != 0 ? firstId : isClient ? 1u : 2u;
        _growth = new YamuxGrowthBudget(options.MaxWindowGrowthBytes);
        _keepAlive = new YamuxKeepAlive(
            options.KeepAliveInterval, options.PingTimeout, options.SilenceBeforePing, options.SilenceTimeout);
        NeedsFlush = true;
    }

    /// <summary>All streams, in no order.</summary>
    public Dictionary<uint, YamuxStreamState>.ValueCollection Streams => _streams.Values;

    /// <summary>How many streams there are.</summary>
    public int StreamCount => _streams.Count;

    /// <summary>The last measured round-trip time.</summary>
    public TimeSpan? RoundTripTime => _keepAlive.RoundTripTime;

    /// <summary>The remote said that it accepts no more streams.</summary>
    public bool IsRemoteGoingAway { get; private set; }

    /// <summary>Every id of ours has been used.</summary>
    public bool IsOutOfIds => _nextId > uint.MaxValue;

    /// <summary>Something waits that must not wait for the next data: wake the writer. Cleared by whoever does.</summary>
    public bool NeedsFlush { get; set; }

    /// <summary>What the windows of the session may still grow, bytes.</summary>
    public long GrowthLeft => _growth.Left;

    /// <summary>Opens a stream. Its SYN goes with its first data, or with the next frames of anybody.</summary>
    /// <returns>Null while as many of ours as allowed are unacknowledged, when the remote goes away, or when ids have run out.</returns>
    public YamuxStreamState? TryOpen(TimeSpan now)
    {
        if (_unacknowledgedCount >= _options.MaxUnacknowledgedOpens || IsRemoteGoingAway || IsOutOfIds)
        {
            return null;
        }

        var stream = new YamuxStreamState((uint)_nextId, isInbound: false, _options.MaxWindowBytes, now)
        {
            SynPending = true,
            IsUnacknowledged = true,
        };
        _nextId += 2;
        _unacknowledgedCount++;
        _streams.Add(stream.Id, stream);
        _control.AddLast(stream.ControlNode);
        return stream;
    }

    /// <summary>An inbound stream was taken from the backlog; it is acknowledged when it still lives.</summary>
    public void Accept(YamuxStreamState stream)
    {
        _backlogCount--;
        if (stream.End != EndReason.None)
        {
            return;
        }

        stream.AckPending = true;
        _pendingAcknowledgements++;
        NeedsFlush |= _pendingAcknowledgements >= UrgentAcknowledgements;
        QueueControl(stream);
    }

    /// <summary>Takes a frame from the remote into account.</summary>
    public YamuxOutcome OnFrame(in YamuxHeader header, TimeSpan now) => header.Type switch
    {
        YamuxFrameType.Ping => OnPing(header, now),
        YamuxFrameType.GoAway => OnGoAway(header),
        _ => OnStreamFrame(header, now),
    };

    /// <summary>Bytes came from the remote: it lives.</summary>
    public void OnHeard(TimeSpan now) => _keepAlive.OnHeard(now);

    /// <summary>The stream's writer has <paramref name="bytes"/> more to send.</summary>
    public void Offer(YamuxStreamState stream, int bytes)
    {
        stream.PendingBytes += bytes;
        QueueTurn(stream);
    }

    /// <summary>The stream's writer gave up: what was not sent stays unsent.</summary>
    public void Withdraw(YamuxStreamState stream)
    {
        stream.PendingBytes = 0;
        Unlink(_turns, stream.TurnNode);
        QueueTurn(stream);
    }

    /// <summary>The stream's writer is done: FIN follows its last byte.</summary>
    public void Finish(YamuxStreamState stream)
    {
        stream.FinPending = !stream.FinSent && stream.End == EndReason.None;
        QueueTurn(stream);
    }

    /// <summary>Ends a stream from this side. It stays known, and counted, until its RST is on the way.</summary>
    /// <returns>False when it had ended already.</returns>
    public bool Reset(YamuxStreamState stream, EndReason reason)
    {
        if (stream.End != EndReason.None)
        {
            return false;
        }

        if (stream.SynPending)
        {
            Remove(stream, reason); // the remote never heard of it
            return true;
        }

        (stream.End, stream.ResetPending, stream.PendingBytes) = (reason, true, 0);
        DropControl(stream);
        QueueTurn(stream);
        return true;
    }

    /// <summary>The stream's reader has read <paramref name="bytes"/>.</summary>
    public void OnRead(YamuxStreamState stream, uint bytes, TimeSpan now)
    {
        if (stream.End != EndReason.None || stream.FinReceived)
        {
            return; // no more data comes: credit would be worth nothing
        }

        uint credit = stream.Window.Read(bytes, now, RoundTripTime, _growth);
        if (credit > 0)
        {
            stream.CreditPending += credit;
            NeedsFlush = true;
            QueueControl(stream);
        }
    }

    /// <summary>Looks at the deadlines.</summary>
    /// <param name="now">The time.</param>
    /// <param name="expired">Receives the half-closed streams without traffic for too long; the caller resets them.</param>
    /// <returns>Why the session ends, or none.</returns>
    public EndReason OnTick(TimeSpan now, ICollection<YamuxStreamState> expired)
    {
        if (!_keepAlive.OnTick(now))
        {
            return EndReason.Timeout;
        }

        if (IsRemoteGoingAway && _streams.Count == 0)
        {
            return EndReason.ClosedByRemote;
        }

        foreach (YamuxStreamState stream in _streams.Values)
        {
            if (stream.IsHalfClosed && stream.End == EndReason.None
                && now - stream.LastActivity >= _options.HalfClosedTimeout)
            {
                expired.Add(stream);
            }
        }

        NeedsFlush |= _keepAlive.IsDue || _control.Count > 0;
        return EndReason.None;
    }

    /// <summary>How many places for unacknowledged streams of ours became free since the last call.</summary>
    public int TakeFreedOpens()
    {
        int freed = _freedOpens;
        _freedOpens = 0;
        return freed;
    }

    /// <summary>The next control frame to send, if there is one.</summary>
    public bool TryNextControl(TimeSpan now, out YamuxHeader header)
    {
        if (_pongs.TryDequeue(out uint value))
        {
            header = new YamuxHeader(YamuxFrameType.Ping, YamuxFlags.Ack, 0, value);
            return true;
        }

        if (_keepAlive.IsDue)
        {
            header = new YamuxHeader(YamuxFrameType.Ping, YamuxFlags.Syn, 0, _keepAlive.TakeQuestion(now));
            return true;
        }

        if (_refused.TryDequeue(out uint refused))
        {
            header = new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, refused, 0);
            return true;
        }

        return TryNextStreamControl(out header);
    }

    /// <summary>The next data, FIN or RST frame to send, in fair turns.</summary>
    /// <param name="room">Bytes that the batch has left.</param>
    /// <param name="now">The time.</param>
    /// <param name="turn">The frame; its data length has been taken from the send window.</param>
    /// <returns>False when nobody has anything to send, or it does not fit.</returns>
    public bool TryNextTurn(int room, TimeSpan now, out YamuxTurn turn)
    {
        turn = default;
        if (_turns.First is not { } node)
        {
            return false;
        }

        YamuxStreamState stream = node.Value;
        if (room < YamuxHeader.Bytes + Math.Min(stream.PendingBytes, WorthwhileFrameBytes))
        {
            return false;
        }

        _turns.Remove(node);
        stream.LastActivity = now;
        _keepAlive.OnSent(now);
        turn = new YamuxTurn(stream, NextFrameOf(stream, room - YamuxHeader.Bytes));
        return true;
    }

    private YamuxHeader NextFrameOf(YamuxStreamState stream, int room)
    {
        if (stream.ResetPending)
        {
            Remove(stream, stream.End);
            return new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, stream.Id, 0);
        }

        if (stream.PendingBytes > 0)
        {
            int most = Math.Min(Math.Min(stream.PendingBytes, room), _options.MaxDataFrameBytes);
            uint bytes = Math.Min((uint)most, stream.SendWindow); // yamux, Flow Control: never beyond the remote's window
            stream.SendWindow -= bytes;
            stream.PendingBytes -= (int)bytes;
            QueueTurn(stream);
            return new YamuxHeader(YamuxFrameType.Data, TakeOpeningFlags(stream), stream.Id, bytes);
        }

        YamuxFlags flags = TakeOpeningFlags(stream) | YamuxFlags.Fin;
        (stream.FinPending, stream.FinSent) = (false, true);
        if (stream.FinReceived)
        {
            Remove(stream, EndReason.Completed);
        }

        return new YamuxHeader(YamuxFrameType.Data, flags, stream.Id, 0);
    }

    private bool TryNextStreamControl(out YamuxHeader header)
    {
        while (_control.First is { } node)
        {
            _control.Remove(node);
            YamuxStreamState stream = node.Value;
            uint credit = stream.CreditPending;
            stream.CreditPending = 0;
            YamuxFlags flags = TakeOpeningFlags(stream);
            if (flags != YamuxFlags.None || credit > 0)
            {
                header = new YamuxHeader(YamuxFrameType.WindowUpdate, flags, stream.Id, credit);
                return true;
            }
        }

        header = default;
        return false;
    }

    private YamuxFlags TakeOpeningFlags(YamuxStreamState stream)
    {
        YamuxFlags flags = (stream.SynPending ? YamuxFlags.Syn : YamuxFlags.None)
            | (stream.AckPending ? YamuxFlags.Ack : YamuxFlags.None);
        _pendingAcknowledgements -= stream.AckPending ? 1 : 0;
        stream.SynPending = stream.AckPending = false;
        return flags;
    }

    private YamuxOutcome OnPing(in YamuxHeader header, TimeSpan now)
    {
        if (header.StreamId != 0)
        {
            return Violation(EndReason.MalformedMessage);
        }

        if (header.Has(YamuxFlags.Ack))
        {
            _keepAlive.OnAnswer(header.Length, now);
        }
        else if (header.Has(YamuxFlags.Syn) && _pongs.Count < _options.MaxPendingPongs)
        {
            _pongs.Enqueue(header.Length);
            NeedsFlush = true;
        }

        return default;
    }

    private YamuxOutcome OnGoAway(in YamuxHeader header)
    {
        if (header.StreamId != 0)
        {
            return Violation(EndReason.MalformedMessage);
        }

        bool isOver = header.Length != (uint)YamuxGoAwayCode.Normal || _streams.Count == 0;
        YamuxActions actions = (IsRemoteGoingAway ? YamuxActions.None : YamuxActions.GoingAway)
            | (isOver ? YamuxActions.EndSession : YamuxActions.None);
        IsRemoteGoingAway = true;
        return new YamuxOutcome(actions, Reason: isOver ? EndReason.ClosedByRemote : EndReason.None);
    }

    private YamuxOutcome OnStreamFrame(in YamuxHeader header, TimeSpan now)
    {
        uint body = header.Type == YamuxFrameType.Data ? header.Length : 0;
        if (header.StreamId == 0)
        {
            return Violation(EndReason.MalformedMessage); // 0 is the session itself
        }

        if (body > _options.MaxWindowBytes)
        {
            return Violation(EndReason.WindowExceeded); // nobody was ever granted that much, and we would have to read it all
        }

        _streams.TryGetValue(header.StreamId, out YamuxStreamState? stream);
        if (!header.Has(YamuxFlags.Syn))
        {
            // yamux, Streams: the remote may not have seen yet that we forgot the stream. Answering would make loops.
            return stream is null ? default : OnKnownStream(header, stream, YamuxActions.None, now);
        }

        if (stream is not null || (header.StreamId % 2 == 1) == _isClient)
        {
            return Violation(EndReason.UnexpectedMessage); // an id is opened once, by the side it belongs to
        }

        if (body > YamuxReceiveWindow.InitialBytes)
        {
            return Violation(EndReason.WindowExceeded); // CVE-2026-32314: the first frame obeys the window, taken in or not
        }

        return header.Has(YamuxFlags.Rst) ? default : OnOpened(header, now);
    }

    private YamuxOutcome OnOpened(in YamuxHeader header, TimeSpan now)
    {
        if (_inboundCount < _options.MaxInboundStreams && _backlogCount < _options.AcceptBacklog)
        {
            var stream = new YamuxStreamState(header.StreamId, isInbound: true, _options.MaxWindowBytes, now);
            _streams.Add(stream.Id, stream);
            _inboundCount++;
            _backlogCount++;
            return OnKnownStream(header, stream, YamuxActions.Accept, now);
        }

        if (_refused.Count >= _options.MaxPendingRefusals)
        {
            return Violation(EndReason.TooManyRequests); // it opens without reading our refusals
        }

        _refused.Enqueue(header.StreamId);
        NeedsFlush = true;
        return default;
    }

    private YamuxOutcome OnKnownStream(
        in YamuxHeader header, YamuxStreamState stream, YamuxActions actions, TimeSpan now)
    {
        stream.LastActivity = now;
        if (header.Has(YamuxFlags.Rst))
        {
            Remove(stream, stream.End == EndReason.None ? EndReason.ClosedByRemote : stream.End);
            return new YamuxOutcome(actions | YamuxActions.Fail, stream);
        }

        if (header.Has(YamuxFlags.Ack))
        {
            Acknowledge(stream);
        }

        if (stream.ResetPending)
        {
            return default; // our RST is on its way
        }

        if (header.Type == YamuxFrameType.WindowUpdate)
        {
            stream.SendWindow += Math.Min(header.Length, uint.MaxValue - stream.SendWindow);
            QueueTurn(stream);
        }
        else if (header.Length > 0)
        {
            YamuxOutcome body = OnBody(header.Length, stream, now);
            actions |= body.Actions;
            if (body.Actions != YamuxActions.Deliver)
            {
                return body with { Actions = actions };
            }
        }

        return header.Has(YamuxFlags.Fin) ? OnFin(stream, actions) : new YamuxOutcome(actions, stream);
    }

    private YamuxOutcome OnBody(uint bytes, YamuxStreamState stream, TimeSpan now)
    {
        if (stream.FinReceived)
        {
            return Violation(EndReason.UnexpectedMessage); // yamux, Closing a stream: FIN was the last word
        }

        if (!stream.Window.TryReceive(bytes, now))
        {
            return Violation(EndReason.WindowExceeded); // yamux, Flow Control: never beyond the window
        }

        bool isTooMuch = _unread.Count + bytes > _options.MaxUnreadBytes;
        if (isTooMuch || stream.IsReadDiscarded)
        {
            Reset(stream, isTooMuch ? EndReason.LimitReached : EndReason.ClosedLocally);
            return new YamuxOutcome(YamuxActions.Fail, stream);
        }

        return new YamuxOutcome(YamuxActions.Deliver, stream);
    }

    private YamuxOutcome OnFin(YamuxStreamState stream, YamuxActions actions)
    {
        if (stream.FinReceived)
        {
            return new YamuxOutcome(actions, stream);
        }

        stream.FinReceived = true;
        stream.CreditPending = 0;
        if (stream.FinSent)
        {
            Remove(stream, EndReason.Completed);
        }

        return new YamuxOutcome(actions | YamuxActions.EndOfData, stream);
    }

    private void Acknowledge(YamuxStreamState stream)
    {
        if (stream.IsUnacknowledged)
        {
            stream.IsUnacknowledged = false;
            _unacknowledgedCount--;
            _freedOpens++;
        }
    }

    private void Remove(YamuxStreamState stream, EndReason reason)
    {
        if (!_streams.Remove(stream.Id))
        {
            return;
        }

        Acknowledge(stream);
        DropControl(stream);
        Unlink(_turns, stream.TurnNode);
        _inboundCount -= stream.IsInbound ? 1 : 0;
        _growth.Return(stream.Window.Size - YamuxReceiveWindow.InitialBytes);
        (stream.End, stream.ResetPending, stream.PendingBytes) = (reason, false, 0);
    }

    private void DropControl(YamuxStreamState stream)
    {
        stream.CreditPending = 0;
        TakeOpeningFlags(stream);
        Unlink(_control, stream.ControlNode);
    }

    private void QueueControl(YamuxStreamState stream)
    {
        if (stream.ControlNode.List is null)
        {
            _control.AddLast(stream.ControlNode);
        }
    }

    private void QueueTurn(YamuxStreamState stream)
    {
        if (stream.WantsTurn && stream.TurnNode.List is null)
        {
            _turns.AddLast(stream.TurnNode);
            NeedsFlush = true;
        }
    }

    private static void Unlink(LinkedList<YamuxStreamState> list, LinkedListNode<YamuxStreamState> node)
    {
        if (node.List is not null)
        {
            list.Remove(node);
        }
    }

    private static YamuxOutcome Violation(EndReason reason) => new(YamuxActions.EndSession, Reason: reason);
}
