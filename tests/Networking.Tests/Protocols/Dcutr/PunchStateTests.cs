using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Tests.Protocols.Dcutr;

public class PunchStateTests
{
    private static readonly Multiaddr Public = Multiaddr.Parse("/ip4/11.0.0.1/tcp/4001");
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(120);
    private readonly PunchState _state = new(new DcutrOptions());

    [Fact]
    public void Addresses_are_exchanged_while_identify_runs()
    {
        Assert.Equal([new PunchEffect.Exchange()], Start());
        Assert.Empty(_state.Step(Described()));
    }

    [Fact]
    public void Sync_goes_out_with_the_answer_and_the_dial_half_a_round_trip_later()
    {
        Start();
        _state.Step(Described());

        Assert.Equal(
            [
                new PunchEffect.SendSync(),
                new PunchEffect.StartTimer(PunchTimer.Countdown, RoundTrip / 2),
            ],
            _state.Step(Answered()));
        Assert.Equal(
            [new PunchEffect.Punch(RoundTrip)],
            _state.Step(Fired(PunchTimer.Countdown)));
        Assert.Equal(1, _state.Attempts);
    }

    [Fact]
    public void An_answer_before_identify_waits_for_it_briefly()
    {
        Start();
        Assert.Equal([new PunchEffect.StartTimer(PunchTimer.Identify, PunchState.IdentifyLag)], _state.Step(Answered()));
        Assert.Contains(new PunchEffect.SendSync(), _state.Step(Fired(PunchTimer.Identify)));
    }

    [Fact]
    public void Identify_without_public_addresses_ends_the_wait()
    {
        Start();
        _state.Step(Answered());
        Assert.Contains(new PunchEffect.SendSync(), _state.Step(Described()));
    }

    [Fact]
    public void A_dial_back_holds_the_punch_for_one_and_a_half_round_trips()
    {
        Start();
        AssertDialsBack(_state.Step(Described(Public)));
        Assert.Equal([new PunchEffect.StartTimer(PunchTimer.DialBack, RoundTrip * 1.5)], _state.Step(Answered()));
        Assert.Contains(new PunchEffect.SendSync(), _state.Step(Fired(PunchTimer.DialBack)));
        Assert.Equal([new PunchEffect.Punch(RoundTrip)], _state.Step(Fired(PunchTimer.Countdown)));
    }

    [Fact]
    public void Addresses_that_come_within_the_countdown_are_not_dialled_into_the_punch()
    {
        Start();
        _state.Step(Described());
        _state.Step(Answered());
        Assert.Empty(_state.Step(Described(Public)));
    }

    [Theory]
    [InlineData(1, 150)]
    [InlineData(400, 600)]
    [InlineData(5000, 1000)]
    public void The_hold_is_neither_too_short_nor_too_long(int roundTripMs, int holdMs)
    {
        Start();
        _state.Step(Described(Public));
        PunchEffect effect = Assert.Single(_state.Step(new PunchEvent.Answered(true, TimeSpan.FromMilliseconds(roundTripMs))));
        Assert.Equal(new PunchEffect.StartTimer(PunchTimer.DialBack, TimeSpan.FromMilliseconds(holdMs)), effect);
    }

    [Fact]
    public void A_dial_back_that_is_connected_gets_time_for_its_handshakes_once()
    {
        Start();
        _state.Step(Described(Public));
        _state.Step(Answered());
        Assert.Empty(_state.Step(new PunchEvent.DialBackConnected()));
        Assert.Equal(
            [new PunchEffect.StartTimer(PunchTimer.DialBack, PunchState.MaxPatience)], _state.Step(Fired(PunchTimer.DialBack)));
        Assert.Contains(new PunchEffect.SendSync(), _state.Step(Fired(PunchTimer.DialBack)));
    }

    [Fact]
    public void A_refused_dial_back_lets_the_punch_go_on_at_once()
    {
        Start();
        _state.Step(Described(Public));
        _state.Step(Answered());
        Assert.Contains(new PunchEffect.SendSync(), _state.Step(new PunchEvent.DialBackFailed()));
    }

    [Fact]
    public void Addresses_known_from_earlier_are_dialled_back_without_waiting_for_identify()
    {
        _state.Step(new PunchEvent.Described([Public], IsComplete: false));
        IReadOnlyList<PunchEffect> effects = Start();
        Assert.Equal(new PunchEffect.Exchange(), effects[0]);
        AssertDialsBack([effects[1]]);
        Assert.Empty(_state.Step(Described(Public))); // not a second time
    }

    [Fact]
    public void Addresses_that_come_within_an_attempt_are_dialled_back_before_the_next()
    {
        Start();
        _state.Step(Described());
        _state.Step(Answered());
        _state.Step(Fired(PunchTimer.Countdown));
        Assert.Empty(_state.Step(Described(Public)));
        IReadOnlyList<PunchEffect> effects = _state.Step(new PunchEvent.AttemptFailed(HadLink: false));
        Assert.Equal(new PunchEffect.Exchange(), effects[0]);
        AssertDialsBack([effects[1]]);
    }

    [Fact]
    public void Each_attempt_has_its_own_exchange_and_after_the_last_it_is_over()
    {
        Start();
        _state.Step(Described());
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            _state.Step(Answered());
            _state.Step(Fired(PunchTimer.Countdown));
            PunchEffect effect = Assert.Single(_state.Step(new PunchEvent.AttemptFailed(HadLink: false)));
            if (attempt < 3)
            {
                Assert.Equal(new PunchEffect.Exchange(), effect);
            }
            else
            {
                PunchEffect.End end = Assert.IsType<PunchEffect.End>(effect);
                Assert.Equal((HolePunchOutcome.Failed, 3, RoundTrip), (end.Outcome, end.Attempts, end.RoundTrip));
            }
        }

        Assert.Empty(_state.Step(Answered()));
    }

    [Fact]
    public void After_a_link_that_broke_nothing_is_sent_until_routers_have_forgotten_it()
    {
        Start();
        _state.Step(Described());
        _state.Step(Answered());
        _state.Step(Fired(PunchTimer.Countdown));
        Assert.Equal(
            [new PunchEffect.StartTimer(PunchTimer.Quiet, new DcutrOptions().QuietPause)],
            _state.Step(new PunchEvent.AttemptFailed(HadLink: true)));
        Assert.Empty(_state.Step(Described(Public)));
        Assert.Equal(new PunchEffect.Exchange(), _state.Step(Fired(PunchTimer.Quiet))[0]);
    }

    [Theory]
    [InlineData(ConnectionPath.Punched, HolePunchOutcome.Punched)]
    [InlineData(ConnectionPath.Reversed, HolePunchOutcome.Reversed)]
    [InlineData(ConnectionPath.Direct, HolePunchOutcome.AlreadyDirect)]
    public void A_direct_connection_ends_it_whatever_it_is_at(ConnectionPath path, HolePunchOutcome outcome)
    {
        Start();
        Assert.Equal(outcome, EndOf(_state.Step(new PunchEvent.DirectUp(path))).Outcome);
    }

    [Fact]
    public void Without_any_address_on_either_side_there_is_nothing_to_punch()
    {
        _state.Step(new PunchEvent.Started(WeHaveAddresses: false));
        _state.Step(Described());
        Assert.Equal(
            HolePunchOutcome.NoAddresses, EndOf(_state.Step(new PunchEvent.Answered(false, RoundTrip))).Outcome);
    }

    [Fact]
    public void One_side_with_an_address_is_enough()
    {
        _state.Step(new PunchEvent.Started(WeHaveAddresses: false));
        _state.Step(Described());
        Assert.Contains(new PunchEffect.SendSync(), _state.Step(Answered()));
    }

    [Fact]
    public void A_peer_that_does_not_punch_can_still_be_dialled_back()
    {
        Start();
        Assert.Equal(
            [new PunchEffect.StartTimer(PunchTimer.Identify, PunchState.IdentifyPatience)],
            _state.Step(new PunchEvent.ExchangeFailed("no")));
        AssertDialsBack(_state.Step(Described(Public)));
        Assert.Empty(_state.Step(Fired(PunchTimer.Identify)));
        PunchEffect.End end = EndOf(_state.Step(new PunchEvent.DialBackFailed()));
        Assert.Equal((HolePunchOutcome.NoStream, "no"), (end.Outcome, end.Message));
    }

    [Fact]
    public void A_peer_that_neither_punches_nor_can_be_dialled_is_left_alone()
    {
        Start();
        _state.Step(Described());
        Assert.Equal(HolePunchOutcome.NoStream, EndOf(_state.Step(new PunchEvent.ExchangeFailed("no"))).Outcome);
    }

    [Fact]
    public void A_silent_identify_does_not_keep_it_waiting()
    {
        Start();
        _state.Step(new PunchEvent.ExchangeFailed("no"));
        Assert.Equal(HolePunchOutcome.NoStream, EndOf(_state.Step(Fired(PunchTimer.Identify))).Outcome);
    }

    [Fact]
    public void The_end_of_the_relayed_connection_is_the_end_of_it()
    {
        Start();
        Assert.Equal(HolePunchOutcome.Cancelled, EndOf(_state.Step(new PunchEvent.RelayLost())).Outcome);
        Assert.Empty(_state.Step(new PunchEvent.DirectUp(ConnectionPath.Direct)));
    }

    private IReadOnlyList<PunchEffect> Start() => _state.Step(new PunchEvent.Started(WeHaveAddresses: true));

    private static PunchEvent.Described Described(params Multiaddr[] addresses) => new(addresses, IsComplete: true);

    private static PunchEvent.Answered Answered() => new(HasAddresses: true, RoundTrip);

    private static PunchEvent.TimerFired Fired(PunchTimer timer) => new(timer);

    private static PunchEffect.End EndOf(IReadOnlyList<PunchEffect> effects) => Assert.IsType<PunchEffect.End>(Assert.Single(effects));

    private static void AssertDialsBack(IReadOnlyList<PunchEffect> effects) =>
        Assert.Equal([Public], Assert.IsType<PunchEffect.DialBack>(Assert.Single(effects)).Addresses);
}
