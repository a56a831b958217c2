using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Which relays are asked for a slot, and when.</summary>
public sealed class RelayClientPlanTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);
    private readonly RelayClientPlanRun _run = new(new RelayClientOptions());

    [Fact]
    public void Nothing_is_asked_before_it_is_needed()
    {
        _run.Up(1);
        Assert.Empty(_run.Asked);

        _run.Need();
        Assert.Equal([1], _run.Asked);
    }

    [Fact]
    public void A_relay_is_asked_the_moment_it_is_up_and_told_of_the_moment_it_grants()
    {
        _run.Need();
        _run.Up(1, 10);
        Assert.Equal([1], _run.Asked);

        _run.Grant(1);
        Assert.True(_run.Announced);
        RelayReservation held = Assert.Single(_run.Plan.Reservations);
        Assert.Equal((TestPeers.Id(1), _run.Now, TimeSpan.FromMilliseconds(10)), (held.Relay, held.Since, held.RoundTrip));
    }

    [Fact]
    public void Only_as_many_are_asked_as_are_wanted()
    {
        _run.Need();
        _run.Hold(1);
        _run.Hold(2);
        _run.Up(3);

        Assert.Empty(_run.Asked);
        Assert.Equal([1, 2], _run.Held);
    }

    [Fact]
    public void The_nearest_are_asked_first_and_unmeasured_ones_count_as_far()
    {
        _run.Up(1, 300);
        _run.Up(2, 20);
        _run.Up(3);
        _run.Up(4, 10);

        _run.Need();

        Assert.Equal([4, 2], _run.Asked);
    }

    [Fact]
    public void Another_network_is_better_than_a_shorter_way()
    {
        _run.Need();
        _run.Hold(1, milliseconds: 5, network: "a");
        _run.Need(false);
        _run.Up(2, 5, "a");
        _run.Up(3, 200, "b");
        _run.Need();

        Assert.Equal([3], _run.Asked);
    }

    [Fact]
    public void A_relay_that_is_not_asked_is_measured_instead()
    {
        _run.Up(1);
        Assert.Equal([1], _run.Measured);

        _run.Step(new ReservationEvent.Measured(_run.Id(1), Second));
        _run.Up(1);
        Assert.Empty(_run.Measured);
    }

    [Fact]
    public void A_slot_is_renewed_at_three_quarters_of_its_life_give_or_take()
    {
        for (int seed = 0; seed < 20; seed++)
        {
            var run = new RelayClientPlanRun(new RelayClientOptions(), seed);
            run.Need();
            run.Hold(1);
            while (run.Asked.Length == 0)
            {
                run.Wake();
            }

            TimeSpan age = run.Now - run.Plan.Reservations[0].Since;
            Assert.InRange(age, TimeSpan.FromMinutes(42), TimeSpan.FromMinutes(48));
        }
    }

    [Fact]
    public void A_renewed_slot_keeps_its_beginning_and_gets_a_new_end()
    {
        _run.Need();
        _run.Hold(1);
        DateTimeOffset since = _run.Now;
        _run.Pass(TimeSpan.FromMinutes(50));
        Assert.Equal([1], _run.Asked);

        _run.Grant(1);

        Assert.True(_run.Announced);
        Assert.Equal((since, _run.Now + TimeSpan.FromHours(1)), (_run.Plan.Reservations[0].Since, _run.Plan.Reservations[0].Expires));
    }

    [Fact]
    public void A_lost_relay_is_replaced_at_once()
    {
        _run.Need();
        _run.Hold(1);
        _run.Hold(2);
        _run.Up(3);
        _run.Pass(TimeSpan.FromMinutes(1));

        _run.Down(1);

        Assert.Equal([3], _run.Asked);
        Assert.True(_run.Announced);
        Assert.Equal([2], _run.Held);
    }

    [Fact]
    public void A_lost_relay_is_connected_to_anew_after_a_short_pause_and_asked_at_once()
    {
        _run.Need();
        _run.Hold(1);
        _run.Pass(TimeSpan.FromMinutes(1));
        _run.Down(1);
        Assert.Empty(_run.Connected);
        Assert.True(_run.Wait < Second, $"the pause is {_run.Wait}");

        _run.Wake();
        Assert.Equal([1], _run.Connected);

        _run.Up(1);
        Assert.Equal([1], _run.Asked);
    }

    [Fact]
    public void A_lost_relay_is_left_alone_while_others_do()
    {
        _run.Need();
        _run.Hold(1);
        _run.Hold(2);
        _run.Up(3);
        _run.Pass(TimeSpan.FromMinutes(1));
        _run.Down(1);
        _run.Grant(3);

        _run.Pass(TimeSpan.FromMinutes(5));

        Assert.Empty(_run.Connected);
        Assert.Equal([2, 3], _run.Held);
    }

    [Fact]
    public void A_lost_relay_is_given_up_after_so_many_attempts()
    {
        _run.Need();
        _run.Hold(1);
        _run.Pass(TimeSpan.FromMinutes(1));
        _run.Down(1);
        int attempts = 0;
        TimeSpan last = TimeSpan.Zero;
        while (_run.Plan.CandidateCount > 0)
        {
            last = _run.Wait!.Value;
            _run.Wake();
            if (_run.Connected.Length > 0)
            {
                attempts++;
                _run.Step(new ReservationEvent.ConnectEnded(_run.Id(1)));
            }
        }

        Assert.Equal(_run.Options.MaxReconnects, attempts);
        Assert.True(last > TimeSpan.FromMinutes(1), $"the last pause is {last}");
    }

    [Fact]
    public void A_relay_that_drops_us_right_after_a_grant_is_paused()
    {
        _run.Need();
        _run.Hold(1);
        _run.Down(1);

        _run.Up(1);
        Assert.Empty(_run.Asked);

        _run.Pass(2 * Second);
        Assert.Equal([1], _run.Asked);
    }

    [Fact]
    public void A_grant_that_comes_after_the_connection_is_gone_counts_for_nothing()
    {
        _run.Need();
        _run.Up(1);
        _run.Down(1);

        _run.Grant(1);

        Assert.Empty(_run.Held);
        Assert.False(_run.Plan.Accepts(TestPeers.Id(1)));
    }

    [Fact]
    public void A_slot_whose_connection_is_gone_is_asked_for_over_the_other_one()
    {
        _run.Need();
        _run.Hold(1);

        _run.Step(new ReservationEvent.RelayMoved(_run.Id(1)));

        Assert.Equal([1], _run.Asked);
        Assert.Equal([1], _run.Held);
    }

    [Fact]
    public void A_silent_relay_is_not_waited_for()
    {
        _run.Need();
        _run.Up(1, 1);
        _run.Up(2, 1);
        _run.Up(3, 1);
        Assert.Empty(_run.Asked);

        _run.Wake();
        Assert.Equal(_run.Options.ReservePatience, _run.Now - new DateTimeOffset(2026, 11, 22, 12, 0, 0, TimeSpan.Zero));
        Assert.Equal([3], _run.Asked);

        _run.Grant(3);
        _run.Grant(1);
        _run.Grant(2);
        Assert.Equal(2, _run.Held.Length); // what is too much is let go
    }

    [Theory]
    [InlineData((int)ReservationFailure.Broken, 1)]
    [InlineData((int)ReservationFailure.NoRoom, 10)]
    [InlineData((int)ReservationFailure.Denied, 120)]
    public void Pauses_begin_with_the_kind_of_failure_and_double(int failure, int seconds)
    {
        _run.Need();
        _run.Up(1);
        double expected = seconds;
        for (int i = 0; i < 20; i++)
        {
            _run.Refuse(1, (ReservationFailure)failure);
            TimeSpan pause = _run.Wait!.Value;
            Assert.InRange(pause.TotalSeconds, expected * 0.79, expected * 1.21);
            _run.Wake();
            Assert.Equal([1], _run.Asked);
            expected = Math.Min(expected * 2, _run.Options.MaxPause.TotalSeconds);
        }
    }

    [Fact]
    public void A_refused_relay_is_paused_also_when_it_connects_anew()
    {
        _run.Need();
        _run.Up(1);
        _run.Refuse(1, ReservationFailure.Denied);
        _run.Down(1);

        _run.Up(1);

        Assert.Empty(_run.Asked);
    }

    [Fact]
    public void A_refused_renewal_has_another_asked_and_the_slot_told_of_until_its_end()
    {
        _run.Need();
        _run.Hold(1);
        _run.Hold(2);
        _run.Up(3);
        _run.Pass(TimeSpan.FromMinutes(49));
        Assert.Equal([1, 2], _run.Asked.Order());
        _run.Grant(2);

        _run.Refuse(1);
        Assert.Equal([3], _run.Asked);
        Assert.Equal([1, 2], _run.Held);
        _run.Grant(3);
        Assert.Equal([1, 2, 3], _run.Held);

        _run.Pass(TimeSpan.FromMinutes(12));
        Assert.True(_run.Announced);
        Assert.Equal([2, 3], _run.Held);
    }

    [Fact]
    public void A_slot_with_limits_is_looked_at_a_second_time()
    {
        _run.Need();
        _run.Hold(1, RelayClientPlanRun.Limited);

        _run.Wake();
        Assert.Equal([1], _run.Asked);
        Assert.Equal(_run.Options.SecondLook, _run.Now - _run.Plan.Reservations[0].Since);

        _run.Grant(1); // it knows us as a member by now
        Assert.Null(_run.Plan.Reservations[0].Limit);
        _run.Pass(TimeSpan.FromMinutes(5));
        Assert.Empty(_run.Asked);
    }

    [Fact]
    public void A_refused_second_look_costs_nothing()
    {
        _run.Need();
        _run.Hold(1, RelayClientPlanRun.Limited);
        _run.Hold(2, RelayClientPlanRun.Limited);
        _run.Pass(_run.Options.SecondLook);
        _run.Refuse(1);
        _run.Refuse(2);

        Assert.Equal([1, 2], _run.Held);
        _run.Pass(TimeSpan.FromMinutes(20));
        Assert.Empty(_run.Asked);
        _run.Pass(TimeSpan.FromMinutes(29));
        Assert.Equal([1, 2], _run.Asked.Order());
    }

    [Fact]
    public void A_relay_without_limits_takes_the_place_of_one_with()
    {
        _run.Need();
        _run.Hold(1, RelayClientPlanRun.Limited, 1);
        _run.Hold(2, RelayClientPlanRun.Limited, 1);
        _run.Up(3, 200);
        _run.Pass(_run.Options.SecondLook);
        _run.Grant(1, RelayClientPlanRun.Limited);
        _run.Grant(2, RelayClientPlanRun.Limited);
        Assert.Empty(_run.Asked);

        _run.Pass(_run.Options.ImproveInterval);
        Assert.Equal([3], _run.Asked);
        _run.Grant(3);

        Assert.Equal(2, _run.Held.Length);
        Assert.Contains(3, _run.Held);
        Assert.All([1, 2, 3], relay => Assert.True(_run.Plan.Accepts(TestPeers.Id(relay)))); // old addresses still lead here
        _run.Pass(TimeSpan.FromMinutes(5));
        Assert.Empty(_run.Asked);
    }

    [Fact]
    public void A_relay_that_turns_out_no_better_changes_nothing()
    {
        var limited = new LinkLimit(null, 1000);
        _run.Need();
        _run.Hold(1, RelayClientPlanRun.Limited);
        _run.Hold(2, RelayClientPlanRun.Limited);
        _run.Pass(_run.Options.SecondLook);
        _run.Refuse(1);
        _run.Refuse(2);
        _run.Pass(_run.Options.ImproveInterval);
        _run.Up(3);
        Assert.Equal([3], _run.Asked);

        _run.Grant(3, limited);

        Assert.False(_run.Announced);
        Assert.Equal([1, 2], _run.Held);
        _run.Pass(TimeSpan.FromMinutes(10));
        Assert.Empty(_run.Asked);
    }

    [Fact]
    public void A_much_nearer_relay_takes_the_place_of_a_far_one_and_a_little_nearer_one_does_not()
    {
        _run.Need();
        _run.Hold(1, milliseconds: 50);
        _run.Hold(2, milliseconds: 300);
        _run.Pass(_run.Options.ImproveInterval);
        _run.Up(3, 200);
        Assert.Empty(_run.Asked);

        _run.Up(4, 100);
        Assert.Equal([4], _run.Asked);
        _run.Grant(4);
        Assert.Equal([1, 4], _run.Held);
    }

    [Fact]
    public void A_relay_in_another_network_takes_the_place_of_a_doubled_one()
    {
        _run.Need();
        _run.Hold(1, milliseconds: 10, network: "a");
        _run.Hold(2, milliseconds: 12, network: "a");
        _run.Pass(_run.Options.ImproveInterval);
        _run.Up(3, 60, "b");
        Assert.Equal([3], _run.Asked);

        _run.Grant(3);

        Assert.Equal([1, 3], _run.Held);
        _run.Pass(TimeSpan.FromMinutes(5));
        Assert.Empty(_run.Asked);
    }

    [Fact]
    public void What_is_no_longer_needed_lapses_but_circuits_are_taken_to_the_end()
    {
        _run.Need();
        _run.Hold(1);
        _run.Need(false);
        Assert.True(_run.Announced);
        Assert.Empty(_run.Held);
        Assert.True(_run.Plan.Accepts(TestPeers.Id(1)));

        _run.Pass(TimeSpan.FromMinutes(50));
        Assert.Empty(_run.Asked);
        _run.Pass(TimeSpan.FromMinutes(11));
        Assert.False(_run.Plan.Accepts(TestPeers.Id(1)));
    }

    [Fact]
    public void A_slot_that_is_needed_again_is_told_of_again()
    {
        _run.Need();
        _run.Hold(1);
        _run.Need(false);
        _run.Need();

        Assert.True(_run.Announced);
        Assert.Equal([1], _run.Held);
    }

    [Fact]
    public void Circuits_are_taken_from_the_moment_of_asking()
    {
        _run.Need();
        Assert.False(_run.Plan.Accepts(TestPeers.Id(1)));

        _run.Up(1);

        Assert.True(_run.Plan.Accepts(TestPeers.Id(1))); // the first circuit may overtake the answer
    }

    [Fact]
    public void Relays_of_the_settings_are_connected_while_needed_and_preferred()
    {
        var run = new RelayClientPlanRun(new RelayClientOptions
        {
            Relays = [Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001").WithPeerId(TestPeers.Id(9))],
            Reservations = 1,
        });
        run.Id(9);
        run.Pass(Second);
        Assert.Empty(run.Connected);

        run.Need();
        Assert.Equal([9], run.Connected);
        run.Hold(1);
        for (int i = 0; i < 30; i++)
        {
            run.Step(new ReservationEvent.ConnectEnded(run.Id(9)));
            run.Pass(run.Options.MaxPause * 1.3);
            Assert.Equal([9], run.Connected); // never given up
        }

        run.Step(new ReservationEvent.ConnectEnded(run.Id(9)));
        run.Up(9, 400);
        Assert.Equal([9], run.Asked);
        run.Grant(9);
        Assert.Equal([9], run.Held);
    }

    [Fact]
    public void A_relay_that_is_connected_but_does_not_relay_is_not_connected_to_over_and_over()
    {
        var run = new RelayClientPlanRun(new RelayClientOptions
        {
            Relays = [Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001").WithPeerId(TestPeers.Id(9))],
        });
        run.Need();
        int attempts = 0;
        for (DateTimeOffset end = run.Now + TimeSpan.FromHours(1); run.Now < end; run.Wake())
        {
            run.Step(new ReservationEvent.ConnectEnded(run.Id(9)));
            attempts++;
        }

        Assert.InRange(attempts, 5, 40);
    }

    [Fact]
    public void Relays_beyond_the_limit_are_left_aside_until_one_is_gone()
    {
        var run = new RelayClientPlanRun(new RelayClientOptions { MaxCandidates = 3 });
        run.Need();
        for (int i = 1; i <= 5; i++)
        {
            run.Up(i);
            run.Refuse(i);
        }

        Assert.Equal(3, run.Plan.CandidateCount);
        run.Down(1); // paused, so remembered until the place is needed
        Assert.Equal(3, run.Plan.CandidateCount);
        run.Up(6);
        Assert.Equal([6], run.Asked);
        Assert.Equal(3, run.Plan.CandidateCount);
    }

    [Fact]
    public void Events_about_strangers_do_nothing()
    {
        _run.Need();
        foreach (ReservationEvent stray in (ReservationEvent[])
            [
                new ReservationEvent.RelayDown(_run.Id(1)), new ReservationEvent.RelayMoved(_run.Id(1)),
                new ReservationEvent.SlotGranted(_run.Id(1), _run.Slot(1)),
                new ReservationEvent.SlotRefused(_run.Id(1), ReservationFailure.Denied),
                new ReservationEvent.ConnectEnded(_run.Id(1)), new ReservationEvent.Measured(_run.Id(1), Second),
            ])
        {
            _run.Step(stray);
            Assert.Empty(_run.Effects);
        }

        Assert.Equal(0, _run.Plan.CandidateCount);
    }
}
