using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

/// <summary>One test per rule of a session, on the pure state of the server's side.</summary>
public sealed class YamuxSessionStateSpecTests
{
    private const uint Initial = YamuxReceiveWindow.InitialBytes;
    private readonly YamuxUnreadBytes _unread = new();
    private YamuxOptions _options = YamuxOptions.Default;
    private YamuxSessionState? _made;
    private TimeSpan _now;

    private YamuxSessionState State => _made ??= Started(new YamuxSessionState(isClient: false, _options, _unread));

    [Theory]
    [InlineData(true, 1u)]
    [InlineData(false, 2u)]
    public void The_client_opens_odd_ids_and_the_server_even_ones(bool isClient, uint first)
    {
        var state = new YamuxSessionState(isClient, _options, _unread);
        Assert.Equal([first, first + 2, first + 4], Enumerable.Range(0, 3).Select(_ => state.TryOpen(_now)!.Id));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void A_stream_is_opened_by_data_or_a_window_update(bool isData)
    {
        YamuxOutcome outcome = On(isData ? YamuxFrameType.Data : YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 100);
        Assert.True(outcome.Has(YamuxActions.Accept));
        Assert.Equal(isData, outcome.Has(YamuxActions.Deliver));
        Assert.Equal(isData ? Initial : Initial + 100, outcome.Stream!.SendWindow);
    }

    [Fact]
    public void Opening_a_known_stream_ends_the_session()
    {
        On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0);
        Ends(EndReason.UnexpectedMessage, On(YamuxFrameType.Data, YamuxFlags.Syn, 1, 0));
    }

    [Theory]
    [InlineData(false, 2u)]
    [InlineData(true, 3u)]
    public void Opening_an_id_of_the_wrong_side_ends_the_session(bool isClient, uint id)
    {
        var state = new YamuxSessionState(isClient, _options, _unread);
        Ends(EndReason.UnexpectedMessage, state.OnFrame(new(YamuxFrameType.Data, YamuxFlags.Syn, id, 0), _now));
    }

    [Theory]
    [InlineData(0, 0u)]
    [InlineData(1, 0u)]
    [InlineData(2, 1u)]
    [InlineData(3, 1u)]
    public void Stream_zero_is_the_session_and_nothing_else(int type, uint id) =>
        Ends(EndReason.MalformedMessage, On((YamuxFrameType)type, YamuxFlags.Syn, id, 0));

    [Fact] // CVE-2026-32314
    public void A_first_frame_beyond_the_window_ends_the_session()
    {
        Ends(EndReason.WindowExceeded, On(YamuxFrameType.Data, YamuxFlags.Syn, 1, Initial + 1));
        Assert.Equal(0, State.StreamCount);
    }

    [Fact] // CVE-2026-32314, on a stream that would be refused anyway
    public void A_refused_first_frame_beyond_the_window_ends_the_session()
    {
        _options = _options with { MaxInboundStreams = 1 };
        On(YamuxFrameType.Data, YamuxFlags.Syn, 1, 0);
        Ends(EndReason.WindowExceeded, On(YamuxFrameType.Data, YamuxFlags.Syn, 3, Initial + 1));
    }

    [Fact]
    public void Data_beyond_the_window_ends_the_session()
    {
        Assert.Equal(YamuxActions.Accept | YamuxActions.Deliver, On(YamuxFrameType.Data, YamuxFlags.Syn, 1, Initial - 1).Actions);
        Assert.Equal(YamuxActions.Deliver, On(YamuxFrameType.Data, YamuxFlags.None, 1, 1).Actions);
        Ends(EndReason.WindowExceeded, On(YamuxFrameType.Data, YamuxFlags.None, 1, 1));
    }

    [Fact]
    public void A_body_that_no_window_ever_allowed_ends_the_session_even_on_an_unknown_stream()
    {
        Assert.Equal(default, On(YamuxFrameType.Data, YamuxFlags.None, 99, _options.MaxWindowBytes));
        Ends(EndReason.WindowExceeded, On(YamuxFrameType.Data, YamuxFlags.None, 99, _options.MaxWindowBytes + 1));
        _made = null;
        Ends(EndReason.WindowExceeded, On(YamuxFrameType.Data, YamuxFlags.None, 99, uint.MaxValue));
    }

    [Fact]
    public void Credit_that_was_read_may_be_used_again()
    {
        YamuxStreamState stream = On(YamuxFrameType.Data, YamuxFlags.Syn, 1, Initial).Stream!;
        State.OnRead(stream, Initial / 2, _now);
        Assert.Equal([new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.None, 1, Initial / 2)], Control());
        Assert.Equal(YamuxActions.Deliver, On(YamuxFrameType.Data, YamuxFlags.None, 1, Initial / 2).Actions);
    }

    [Fact]
    public void Credit_waiting_to_be_sent_becomes_one_frame_with_the_acknowledgement()
    {
        YamuxStreamState stream = On(YamuxFrameType.Data, YamuxFlags.Syn, 1, Initial).Stream!;
        State.OnRead(stream, Initial / 2, _now);
        State.OnRead(stream, Initial / 2, _now);
        State.Accept(stream);
        Assert.Equal([new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Ack, 1, Initial)], Control());
        Assert.Empty(Control());
    }

    [Fact]
    public void Window_updates_beyond_32_bits_saturate()
    {
        YamuxStreamState stream = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, uint.MaxValue).Stream!;
        On(YamuxFrameType.WindowUpdate, YamuxFlags.None, 1, uint.MaxValue);
        Assert.Equal(uint.MaxValue, stream.SendWindow);
    }

    [Fact]
    public void Frames_of_unknown_streams_are_dropped_without_an_answer()
    {
        foreach (YamuxFlags flags in new[] { YamuxFlags.None, YamuxFlags.Ack, YamuxFlags.Fin, YamuxFlags.Rst })
        {
            Assert.Equal(default, On(YamuxFrameType.Data, flags, 77, 1000));
            Assert.Equal(default, On(YamuxFrameType.WindowUpdate, flags, 78, 1000));
        }

        Assert.Empty(Control());
        Assert.False(State.TryNextTurn(100_000, _now, out _));
    }

    [Fact]
    public void Opened_and_reset_in_one_frame_is_nothing() =>
        Assert.Equal((default, 0), (On(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Rst, 1, 10), State.StreamCount));

    [Fact]
    public void Streams_beyond_the_accept_backlog_are_reset()
    {
        _options = _options with { AcceptBacklog = 2 };
        YamuxStreamState first = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 3, 0);
        Assert.Equal(default, On(YamuxFrameType.Data, YamuxFlags.Syn, 5, 10));
        Assert.Equal([Rst(5)], Control());
        Assert.Equal(2, State.StreamCount);
        State.Accept(first);
        Assert.True(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 7, 0).Has(YamuxActions.Accept));
    }

    [Fact]
    public void A_stream_that_was_reset_still_counts_until_it_leaves_the_backlog()
    {
        _options = _options with { AcceptBacklog = 1 };
        YamuxStreamState first = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        Assert.Equal(YamuxActions.Fail, On(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, 1, 0).Actions);
        Assert.Equal(default, On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 3, 0));
        State.Accept(first);
        Assert.Equal([Rst(3)], Control()); // and no acknowledgement of what is gone
        Assert.True(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 5, 0).Has(YamuxActions.Accept));
    }

    [Fact]
    public void Inbound_streams_beyond_the_limit_are_reset()
    {
        Assert.Equal(1000, _options.MaxInboundStreams);
        for (uint i = 0; i < 1000; i++)
        {
            State.Accept(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, (2 * i) + 1, 0).Stream!);
        }

        Control();
        Assert.Equal(default, On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 5001, 0));
        Assert.Equal([Rst(5001)], Control());
        On(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, 1, 0);
        Assert.True(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 5003, 0).Has(YamuxActions.Accept));
    }

    [Fact]
    public void Who_opens_without_reading_the_refusals_is_cut_off()
    {
        _options = _options with { AcceptBacklog = 4, MaxPendingRefusals = 4 };
        for (uint i = 0; i < 8; i++)
        {
            Assert.False(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, (2 * i) + 1, 0).Has(YamuxActions.EndSession));
        }

        Ends(EndReason.TooManyRequests, On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 99, 0));
    }

    [Fact]
    public void Streams_we_reset_count_until_their_reset_is_on_the_way()
    {
        _options = _options with { MaxInboundStreams = 1 };
        YamuxStreamState stream = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        State.Accept(stream);
        Assert.True(State.Reset(stream, EndReason.ProtocolNotSupported));
        Assert.False(State.Reset(stream, EndReason.Timeout));
        Assert.Equal(default, On(YamuxFrameType.Data, YamuxFlags.None, 1, 100)); // crossing our reset
        Assert.Equal(default, On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 3, 0));
        Assert.Equal([Rst(3)], Control());
        Assert.Equal([Rst(1)], Turns());
        Assert.Equal(0, State.StreamCount);
        Assert.Equal(EndReason.ProtocolNotSupported, stream.End);
        Assert.True(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 5, 0).Has(YamuxActions.Accept));
    }

    [Fact]
    public void Opens_beyond_256_unacknowledged_wait()
    {
        YamuxStreamState[] streams = [.. Enumerable.Range(0, 256).Select(_ => State.TryOpen(_now)!)];
        Assert.Null(State.TryOpen(_now));
        Assert.Equal(0, State.TakeFreedOpens());
        Control();
        On(YamuxFrameType.WindowUpdate, YamuxFlags.Ack, streams[0].Id, 0);
        On(YamuxFrameType.WindowUpdate, YamuxFlags.Ack, streams[0].Id, 0); // a second one is worth nothing
        On(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, streams[1].Id, 0);
        Assert.Equal(2, State.TakeFreedOpens());
        Assert.Equal(0, State.TakeFreedOpens());
        Assert.NotNull(State.TryOpen(_now));
        Assert.NotNull(State.TryOpen(_now));
        Assert.Null(State.TryOpen(_now));
    }

    [Fact]
    public void The_opening_goes_with_the_first_data_or_by_itself()
    {
        YamuxStreamState first = State.TryOpen(_now)!;
        YamuxStreamState second = State.TryOpen(_now)!;
        Assert.False(State.NeedsFlush); // it waits for company
        State.OnTick(_now, []);
        Assert.True(State.NeedsFlush); // but not for ever
        State.NeedsFlush = false;
        State.Offer(first, 10);
        Assert.True(State.NeedsFlush);
        Assert.Equal([new YamuxHeader(YamuxFrameType.Data, YamuxFlags.Syn, 2, 10)], Turns());
        Assert.Equal([new YamuxHeader(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, second.Id, 0)], Control());
    }

    [Fact]
    public void A_stream_the_remote_never_heard_of_ends_in_silence()
    {
        YamuxStreamState stream = State.TryOpen(_now)!;
        State.Offer(stream, 10);
        State.Reset(stream, EndReason.ClosedLocally);
        Assert.Empty(Turns());
        Assert.Empty(Control());
        Assert.Equal((0, 1), (State.StreamCount, State.TakeFreedOpens()));
    }

    [Fact]
    public void Acknowledgements_go_with_the_answer_and_many_go_by_themselves()
    {
        YamuxStreamState first = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        State.Accept(first);
        Assert.False(State.NeedsFlush);
        State.Offer(first, 10);
        Assert.Equal([new YamuxHeader(YamuxFrameType.Data, YamuxFlags.Ack, 1, 10)], Turns());
        State.NeedsFlush = false;
        for (uint id = 3; id <= 33; id += 2)
        {
            Assert.False(State.NeedsFlush);
            State.Accept(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, id, 0).Stream!);
        }

        Assert.True(State.NeedsFlush);
        Assert.Equal(16, Control().Count);
    }

    [Fact]
    public void Ids_run_out_instead_of_starting_again()
    {
        foreach ((bool isClient, uint last) in new[] { (true, uint.MaxValue), (false, uint.MaxValue - 1) })
        {
            var state = new YamuxSessionState(isClient, _options, _unread, firstId: last);
            Assert.Equal(last, state.TryOpen(_now)!.Id);
            Assert.True(state.IsOutOfIds);
            Assert.Null(state.TryOpen(_now));
        }
    }

    [Fact]
    public void After_both_have_said_fin_the_stream_is_forgotten_at_once()
    {
        YamuxStreamState stream = On(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 1, 10).Stream!;
        Assert.Equal(YamuxActions.None, On(YamuxFrameType.Data, YamuxFlags.Fin, 1, 0).Actions); // once is enough, twice is harmless
        State.Offer(stream, 10);
        State.Finish(stream);
        Assert.Equal(
            [new YamuxHeader(YamuxFrameType.Data, YamuxFlags.None, 1, 10), new YamuxHeader(YamuxFrameType.Data, YamuxFlags.Fin, 1, 0)],
            Turns());
        Assert.Equal((EndReason.Completed, 0), (stream.End, State.StreamCount));
    }

    [Fact]
    public void Data_after_fin_ends_the_session()
    {
        On(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 1, 10);
        Ends(EndReason.UnexpectedMessage, On(YamuxFrameType.Data, YamuxFlags.None, 1, 1));
    }

    [Fact]
    public void A_reset_ends_a_stream_from_any_state()
    {
        YamuxStreamState stream = On(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 1, 10).Stream!;
        State.Accept(stream);
        State.Offer(stream, 1000);
        Assert.Equal(YamuxActions.Fail, On(YamuxFrameType.Data, YamuxFlags.Rst, 1, 0).Actions);
        Assert.Equal((EndReason.ClosedByRemote, 0), (stream.End, State.StreamCount));
        Assert.Empty(Turns());
        Assert.Empty(Control());
    }

    [Fact]
    public void Nothing_is_sent_beyond_the_remotes_window()
    {
        YamuxStreamState stream = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        State.Offer(stream, (int)Initial + 1000);
        State.Finish(stream);
        Assert.Equal(Initial, Turns().Sum(header => header.Length));
        On(YamuxFrameType.WindowUpdate, YamuxFlags.None, 1, 600);
        Assert.Equal([600u], Turns().Select(header => header.Length));
        On(YamuxFrameType.WindowUpdate, YamuxFlags.None, 1, 600);
        Assert.Equal([(YamuxFlags.None, 400u), (YamuxFlags.Fin, 0u)], Turns().Select(header => (header.Flags, header.Length)));
    }

    [Fact]
    public void Streams_take_turns_of_one_frame()
    {
        YamuxStreamState[] streams = [.. new uint[] { 1, 3, 5 }.Select(
            id => On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, id, 0).Stream!)];
        State.Offer(streams[0], 3 * _options.MaxDataFrameBytes);
        State.Offer(streams[1], 2 * _options.MaxDataFrameBytes);
        State.Offer(streams[2], 10);
        Assert.Equal([1u, 3, 5, 1, 3, 1], Turns().Select(header => header.StreamId));
    }

    [Fact]
    public void A_frame_that_does_not_fit_waits_and_keeps_its_turn()
    {
        YamuxStreamState stream = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        State.Offer(stream, 5000);
        Assert.False(State.TryNextTurn(YamuxHeader.Bytes + 1023, _now, out _));
        Assert.True(State.TryNextTurn(YamuxHeader.Bytes + 1024, _now, out YamuxTurn turn));
        Assert.Equal(1024u, turn.Header.Length);
    }

    [Fact]
    public void A_withdrawn_write_leaves_its_fin()
    {
        YamuxStreamState stream = On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, 1, 0).Stream!;
        State.Offer(stream, 5000);
        State.Finish(stream);
        State.Withdraw(stream);
        Assert.Equal([new YamuxHeader(YamuxFrameType.Data, YamuxFlags.Fin, 1, 0)], Turns());
    }

    [Fact]
    public void Pings_are_answered_with_their_value_and_a_flood_is_bounded()
    {
        for (uint i = 0; i < 100_000; i++)
        {
            Assert.Equal(default, On(YamuxFrameType.Ping, YamuxFlags.Syn, 0, 0xdeadbeef + i));
        }

        List<YamuxHeader> answers = Control();
        Assert.Equal(32, answers.Count);
        Assert.Equal(new YamuxHeader(YamuxFrameType.Ping, YamuxFlags.Ack, 0, 0xdeadbeef), answers[0]);
    }

    [Fact]
    public void The_first_ping_goes_at_once_and_its_answer_gives_the_round_trip_time()
    {
        var state = new YamuxSessionState(isClient: true, _options, _unread);
        Assert.True(state.NeedsFlush);
        Assert.True(state.TryNextControl(TimeSpan.FromSeconds(1), out YamuxHeader ping));
        Assert.Equal((YamuxFrameType.Ping, YamuxFlags.Syn), (ping.Type, ping.Flags));
        state.OnFrame(ping with { Flags = YamuxFlags.Ack }, TimeSpan.FromSeconds(3));
        Assert.Equal(TimeSpan.FromSeconds(2), state.RoundTripTime);
    }

    [Fact]
    public void A_silent_remote_ends_the_session()
    {
        var state = new YamuxSessionState(isClient: true, _options, _unread);
        Assert.Equal(EndReason.None, state.OnTick(TimeSpan.FromSeconds(19), []));
        Assert.Equal(EndReason.Timeout, state.OnTick(TimeSpan.FromSeconds(20), []));
    }

    [Fact]
    public void Streams_half_closed_without_traffic_for_five_minutes_expire()
    {
        YamuxStreamState byRemote = On(YamuxFrameType.Data, YamuxFlags.Syn | YamuxFlags.Fin, 1, 0).Stream!;
        YamuxStreamState byUs = On(YamuxFrameType.Data, YamuxFlags.Syn, 3, 0).Stream!;
        On(YamuxFrameType.Data, YamuxFlags.Syn, 5, 0); // open: may be silent for ever
        State.Finish(byUs);
        Turns();
        _now = TimeSpan.FromMinutes(4);
        On(YamuxFrameType.WindowUpdate, YamuxFlags.None, 3, 1);
        Assert.Empty(Expired(TimeSpan.FromSeconds(299)));
        Assert.Equal([byRemote], Expired(TimeSpan.FromSeconds(300)));
        State.Reset(byRemote, EndReason.Timeout);
        Assert.Equal([byUs], Expired(TimeSpan.FromMinutes(9)));
    }

    [Fact]
    public void Credit_is_not_wasted_on_streams_that_get_no_more_data()
    {
        YamuxStreamState stream = On(YamuxFrameType.Data, YamuxFlags.Syn, 1, Initial).Stream!;
        State.OnRead(stream, Initial / 2, _now);
        On(YamuxFrameType.Data, YamuxFlags.Fin, 1, 0);
        State.OnRead(stream, Initial / 2, _now);
        Assert.Empty(Control());
    }

    [Fact]
    public void Unread_bytes_of_all_streams_together_are_bounded()
    {
        _options = _options with { MaxWindowGrowthBytes = 0, MaxUnreadBytes = 2 * Initial };
        Assert.Equal(YamuxActions.Accept | YamuxActions.Deliver, On(YamuxFrameType.Data, YamuxFlags.Syn, 1, Initial).Actions);
        _unread.Add(Initial + 1);
        YamuxOutcome outcome = On(YamuxFrameType.Data, YamuxFlags.Syn, 3, Initial);
        Assert.Equal(YamuxActions.Accept | YamuxActions.Fail, outcome.Actions);
        Assert.Equal(EndReason.LimitReached, outcome.Stream!.End);
        Assert.Equal([Rst(3)], Turns());
    }

    [Fact]
    public void Growth_of_a_thousand_windows_is_bounded_by_the_sum_and_comes_back()
    {
        _options = _options with { MaxWindowGrowthBytes = 64L * Initial, AcceptBacklog = 1000 };
        State.OnTick(TimeSpan.FromMinutes(1), []); // asks
        Assert.True(State.TryNextControl(default, out YamuxHeader ping));
        _now = TimeSpan.FromSeconds(1);
        On(YamuxFrameType.Ping, YamuxFlags.Ack, 0, ping.Length);
        var streams = new List<YamuxStreamState>();
        for (uint i = 0; i < 1000; i++)
        {
            streams.Add(On(YamuxFrameType.WindowUpdate, YamuxFlags.Syn, (2 * i) + 1, 0).Stream!);
        }

        for (int round = 0; round < 3; round++)
        {
            foreach (YamuxStreamState stream in streams)
            {
                uint size = stream.Window.Size;
                Assert.Equal(YamuxActions.Deliver, On(YamuxFrameType.Data, YamuxFlags.None, stream.Id, size).Actions);
                State.OnRead(stream, size, _now);
            }
        }

        Assert.Equal((1000L + 64) * Initial, streams.Sum(stream => (long)stream.Window.Size));
        Assert.Equal(0, State.GrowthLeft);
        streams.ForEach(stream => On(YamuxFrameType.Data, YamuxFlags.Rst, stream.Id, 0));
        Assert.Equal(64L * Initial, State.GrowthLeft);
    }

    [Fact]
    public void A_normal_go_away_stops_opens_and_lets_streams_finish()
    {
        YamuxStreamState stream = State.TryOpen(_now)!;
        Control();
        Assert.Equal(YamuxActions.GoingAway, On(YamuxFrameType.GoAway, YamuxFlags.None, 0, 0).Actions);
        Assert.Equal(YamuxActions.None, On(YamuxFrameType.GoAway, YamuxFlags.None, 0, 0).Actions);
        Assert.Null(State.TryOpen(_now));
        Assert.Equal(YamuxActions.Deliver, On(YamuxFrameType.Data, YamuxFlags.None, stream.Id, 5).Actions);
        Assert.Equal(EndReason.None, State.OnTick(_now, []));
        On(YamuxFrameType.Data, YamuxFlags.Rst, stream.Id, 0);
        Assert.Equal(EndReason.ClosedByRemote, State.OnTick(_now, []));
    }

    [Theory]
    [InlineData(1u)]
    [InlineData(2u)]
    [InlineData(uint.MaxValue)]
    public void Any_other_go_away_ends_the_session(uint code)
    {
        State.TryOpen(_now);
        Ends(EndReason.ClosedByRemote, On(YamuxFrameType.GoAway, YamuxFlags.None, 0, code));
    }

    private static YamuxSessionState Started(YamuxSessionState state)
    {
        Assert.True(state.TryNextControl(default, out YamuxHeader ping)); // the first ping, and its answer
        state.OnFrame(ping with { Flags = YamuxFlags.Ack }, default);
        state.NeedsFlush = false;
        return state;
    }

    private static YamuxHeader Rst(uint id) => new(YamuxFrameType.WindowUpdate, YamuxFlags.Rst, id, 0);

    private static void Ends(EndReason reason, YamuxOutcome outcome) =>
        Assert.Equal((true, reason), (outcome.Has(YamuxActions.EndSession), outcome.Reason));

    private YamuxOutcome On(YamuxFrameType type, YamuxFlags flags, uint id, uint length) =>
        State.OnFrame(new YamuxHeader(type, flags, id, length), _now);

    private List<YamuxStreamState> Expired(TimeSpan now)
    {
        var expired = new List<YamuxStreamState>();
        State.OnHeard(now);
        Assert.Equal(EndReason.None, State.OnTick(now, expired));
        return expired;
    }

    private List<YamuxHeader> Control()
    {
        var headers = new List<YamuxHeader>();
        while (State.TryNextControl(_now, out YamuxHeader header))
        {
            headers.Add(header);
        }

        return headers;
    }

    private List<YamuxHeader> Turns()
    {
        var headers = new List<YamuxHeader>();
        while (State.TryNextTurn(1 << 20, _now, out YamuxTurn turn))
        {
            headers.Add(turn.Header);
        }

        return headers;
    }
}
