using CsCheck;
using P2PLearn.Networking.Muxing;

namespace P2PLearn.Networking.Tests.Muxing;

public sealed class YamuxFlowControlTests
{
    private const uint Initial = YamuxReceiveWindow.InitialBytes;
    private const uint Max = 16 * 1024 * 1024;
    private static readonly TimeSpan RoundTrip = TimeSpan.FromMilliseconds(10);

    [Fact]
    public void The_first_window_is_the_one_of_the_specification() =>
        Assert.Equal((262144u, 262144u), (new YamuxReceiveWindow(Max).Size, new YamuxReceiveWindow(Max).Available));

    [Fact]
    public void Data_beyond_the_window_changes_nothing()
    {
        var window = new YamuxReceiveWindow(Max);
        Assert.True(window.TryReceive(Initial - 1, default));
        Assert.False(window.TryReceive(2, default));
        Assert.False(window.TryReceive(uint.MaxValue, default));
        Assert.True(window.TryReceive(1, default));
        Assert.Equal(0u, window.Available);
    }

    [Fact]
    public void Credit_goes_back_when_half_is_read()
    {
        var window = new YamuxReceiveWindow(Max);
        var budget = new YamuxGrowthBudget(0);
        Assert.True(window.TryReceive(Initial, default));
        Assert.Equal(0u, window.Read((Initial / 2) - 1, default, null, budget));
        Assert.Equal(Initial / 2, window.Read(1, default, null, budget));
        Assert.Equal(Initial / 2, window.Available);
    }

    [Theory]
    [InlineData(39, true)]
    [InlineData(41, false)]
    public void A_window_grows_when_it_was_used_up_within_four_round_trips(int milliseconds, bool grows)
    {
        var window = new YamuxReceiveWindow(Max);
        Assert.Equal(grows ? 2 * Initial : Initial, UseUp(window, new YamuxGrowthBudget(long.MaxValue), milliseconds));
    }

    [Fact]
    public void Half_a_window_does_not_make_it_grow()
    {
        var window = new YamuxReceiveWindow(Max);
        Assert.True(window.TryReceive(Initial / 2, default));
        Assert.Equal(Initial / 2, window.Read(Initial / 2, default, RoundTrip, new YamuxGrowthBudget(long.MaxValue)));
        Assert.Equal(Initial, window.Size);
    }

    [Fact]
    public void Without_a_round_trip_time_no_window_grows()
    {
        var window = new YamuxReceiveWindow(Max);
        Assert.True(window.TryReceive(Initial, default));
        window.Read(Initial, default, null, new YamuxGrowthBudget(long.MaxValue));
        Assert.Equal(Initial, window.Size);
    }

    [Fact]
    public void A_window_grows_to_its_limit_and_no_further()
    {
        var window = new YamuxReceiveWindow(Max - 5);
        var budget = new YamuxGrowthBudget(long.MaxValue);
        for (int i = 0; i < 10; i++)
        {
            UseUp(window, budget, 1);
        }

        Assert.Equal(Max - 5, window.Size);
    }

    [Fact]
    public void All_windows_together_grow_by_no_more_than_the_budget()
    {
        var budget = new YamuxGrowthBudget(3 * Initial);
        YamuxReceiveWindow[] windows = [new(Max), new(Max), new(Max)];
        for (int i = 0; i < 10; i++)
        {
            foreach (YamuxReceiveWindow window in windows)
            {
                UseUp(window, budget, 1);
            }
        }

        Assert.Equal(6L * Initial, windows.Sum(window => (long)window.Size));
        Assert.Equal(0, budget.Left);
    }

    [Fact]
    public void Nothing_is_granted_twice_or_lost() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 200_000], Gen.Int[0, 30]).Array[1, 100].Sample(steps =>
        {
            var window = new YamuxReceiveWindow(4 * Initial);
            var budget = new YamuxGrowthBudget(10 * Initial);
            long granted = Initial;
            long received = 0;
            long read = 0;
            var now = TimeSpan.Zero;
            foreach ((bool receives, int bytes, int milliseconds) in steps)
            {
                now += TimeSpan.FromMilliseconds(milliseconds);
                if (receives && window.TryReceive((uint)bytes, now))
                {
                    received += bytes;
                }
                else if (!receives)
                {
                    int some = (int)Math.Min(bytes, received - read);
                    granted += window.Read((uint)some, now, RoundTrip, budget);
                    read += some;
                }

                Assert.Equal(granted - received, window.Available);
                Assert.True(window.Available + (received - read) <= window.Size, "more is granted than the window");
                Assert.True(window.Size <= 4 * Initial && budget.Left >= 0);
                Assert.True(window.Available + (received - read) > window.Size / 2, "the sender would starve");
            }
        });

    [Fact]
    public void A_silent_peer_is_dead_after_the_timeout_and_any_byte_is_a_sign_of_life()
    {
        var keepAlive = NewKeepAlive();
        Assert.True(keepAlive.IsDue);
        keepAlive.OnAnswer(0, Seconds(0)); // not asked yet
        uint value = keepAlive.TakeQuestion(Seconds(0));
        Assert.False(keepAlive.IsDue);
        keepAlive.OnAnswer(value + 1, Seconds(1)); // not what was asked
        Assert.Null(keepAlive.RoundTripTime);
        Assert.True(keepAlive.OnTick(Seconds(19)));
        keepAlive.OnHeard(Seconds(19));
        Assert.True(keepAlive.OnTick(Seconds(38)));
        Assert.False(keepAlive.OnTick(Seconds(39)));
        keepAlive.OnAnswer(value, Seconds(39));
        Assert.Equal(Seconds(39), keepAlive.RoundTripTime);
        Assert.True(keepAlive.OnTick(Seconds(1000)));
        Assert.True(keepAlive.IsDue);
        Assert.True(keepAlive.OnTick(Seconds(1019)));
        Assert.False(keepAlive.OnTick(Seconds(1020))); // even when the question could not be sent
    }

    [Fact]
    public void A_peer_that_is_silent_while_we_send_is_asked_sooner_and_is_dead_sooner()
    {
        YamuxKeepAlive keepAlive = NewKeepAlive();
        keepAlive.OnAnswer(keepAlive.TakeQuestion(Seconds(0)), Seconds(0));
        keepAlive.OnSent(Seconds(10));
        keepAlive.OnHeard(Seconds(11));
        Assert.True(keepAlive.OnTick(Seconds(13)));
        Assert.False(keepAlive.IsDue); // it answered
        keepAlive.OnSent(Seconds(14));
        keepAlive.OnSent(Seconds(15)); // the first unanswered one counts
        Assert.True(keepAlive.OnTick(Seconds(15)));
        Assert.False(keepAlive.IsDue);
        Assert.True(keepAlive.OnTick(Seconds(16)));
        Assert.True(keepAlive.IsDue);
        Assert.True(keepAlive.OnTick(Seconds(21)));
        Assert.False(keepAlive.OnTick(Seconds(22)));
    }

    [Fact]
    public void A_slow_line_gets_three_round_trips()
    {
        YamuxKeepAlive keepAlive = NewKeepAlive();
        keepAlive.OnAnswer(keepAlive.TakeQuestion(Seconds(0)), Seconds(4));
        keepAlive.OnSent(Seconds(10));
        Assert.True(keepAlive.OnTick(Seconds(12)));
        Assert.True(keepAlive.OnTick(Seconds(23)));
        Assert.False(keepAlive.OnTick(Seconds(24)));
    }

    private static YamuxKeepAlive NewKeepAlive() => new(Seconds(30), Seconds(20), Seconds(2), Seconds(6));

    private static TimeSpan Seconds(int seconds) => TimeSpan.FromSeconds(seconds);

    private static uint UseUp(YamuxReceiveWindow window, YamuxGrowthBudget budget, int milliseconds)
    {
        uint size = window.Size;
        Assert.True(window.TryReceive(size, default));
        TimeSpan now = TimeSpan.FromMilliseconds(milliseconds);
        uint credit = window.Read(size / 2, now, RoundTrip, budget);
        credit += window.Read(size - (size / 2), now, RoundTrip, budget);
        Assert.Equal(window.Size, credit);
        return window.Size;
    }
}
