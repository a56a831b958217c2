using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Remoting;

public sealed class ResumePlanTests
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(10);
    private readonly ResumePlan _plan = new(Limit, TimeSpan.FromSeconds(1), new Random(1));

    [Fact]
    public void The_first_try_is_at_once_and_pauses_double_up_to_a_second()
    {
        _plan.Broke(TimeSpan.Zero);
        Assert.Equal(TimeSpan.Zero, _plan.Pause());
        double last = 0;
        for (int i = 0; i < 5; i++)
        {
            _plan.Failed();
            double expected = ResumePlan.FirstPause.TotalSeconds * Math.Pow(2, i);
            Assert.InRange(_plan.Pause().TotalSeconds, expected * 0.75, expected * 1.25);
            Assert.True(expected > last);
            last = expected;
        }

        for (int i = 0; i < 100; i++)
        {
            _plan.Failed();
        }

        Assert.InRange(_plan.Pause().TotalSeconds, 0.75, 1.25);
    }

    [Fact]
    public void The_time_that_is_left_counts_from_the_break()
    {
        _plan.Broke(TimeSpan.FromSeconds(5));

        Assert.Equal(Limit, _plan.Left(TimeSpan.FromSeconds(5)));
        Assert.Equal(TimeSpan.FromSeconds(-1), _plan.Left(TimeSpan.FromSeconds(16)));
        Assert.Equal(TimeSpan.FromSeconds(2), _plan.Resumed(TimeSpan.FromSeconds(7)));
        Assert.Equal(TimeSpan.Zero, _plan.Resumed(TimeSpan.FromSeconds(9))); // moved, nothing had broken
    }

    [Fact]
    public void A_path_that_comes_and_goes_is_not_redialled_without_a_pause()
    {
        _plan.Broke(TimeSpan.Zero);
        _plan.Resumed(TimeSpan.FromSeconds(1));
        _plan.Broke(TimeSpan.FromSeconds(1.5));
        Assert.NotEqual(TimeSpan.Zero, _plan.Pause());

        _plan.Resumed(TimeSpan.FromSeconds(2));
        _plan.Broke(TimeSpan.FromSeconds(4));
        Assert.Equal(TimeSpan.Zero, _plan.Pause());
    }
}

public sealed class ResumeGuardTests
{
    [Fact]
    public void Each_peer_has_its_own_number_a_minute()
    {
        ResumeGuard guard = new(maxPerMinute: 2);

        Assert.Equal([true, true, false], Enumerable.Range(0, 3).Select(_ => guard.TryPass(TestPeers.Id(1), TimeSpan.Zero)));
        Assert.True(guard.TryPass(TestPeers.Id(2), TimeSpan.Zero));
        Assert.False(guard.TryPass(TestPeers.Id(1), TimeSpan.FromSeconds(59)));
        Assert.True(guard.TryPass(TestPeers.Id(1), TimeSpan.FromSeconds(60)));
    }

    [Fact]
    public void The_number_of_peers_is_bounded_and_the_oldest_make_room()
    {
        ResumeGuard guard = new(maxPerMinute: 1);
        PeerId[] peers = [.. Enumerable.Range(0, ResumeGuard.MaxPeers + 1).Select(TestPeers.Id)];
        for (int i = 0; i < peers.Length; i++)
        {
            Assert.True(guard.TryPass(peers[i], TimeSpan.FromMilliseconds(i)));
        }

        Assert.False(guard.TryPass(peers[1], TimeSpan.FromSeconds(1)));
        Assert.True(guard.TryPass(peers[0], TimeSpan.FromSeconds(1)));
    }
}
