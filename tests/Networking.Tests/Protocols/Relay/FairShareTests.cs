using CsCheck;
using P2PLearn.Networking.Protocols.Relay;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class FairShareTests
{
    private const int Rate = 1_000_000;
    private const int MaxQuantum = 32 * 1024;

    [Fact]
    public void Who_is_alone_takes_at_once_until_the_burst_is_spent()
    {
        var share = new FairShare(Rate, MaxQuantum);
        int taken = 0;
        while (share.TryTake(MaxQuantum, TimeSpan.Zero) is > 0 and var bytes)
        {
            taken += bytes;
        }

        Assert.InRange(taken, 50_000, 50_000 + MaxQuantum); // 50 ms, and one turn that overdraws
        Assert.Equal(0, share.TryTake(1, TimeSpan.FromMilliseconds(1)));
        Assert.InRange(share.TryTake(5, TimeSpan.FromMilliseconds(50)), 1, 5);
    }

    [Fact]
    public void Nobody_overtakes_those_that_wait()
    {
        var share = new FairShare(Rate, MaxQuantum);
        var turn = new Turn();
        share.Wait(turn, 10);
        Assert.Equal(0, share.TryTake(10, TimeSpan.Zero));
        Assert.Same(turn, share.Next(TimeSpan.Zero, out int granted));
        Assert.Equal(10, granted);
        Assert.True(share.TryTake(10, TimeSpan.Zero) > 0);
    }

    [Fact]
    public void Who_leaves_is_not_served()
    {
        var share = new FairShare(Rate, MaxQuantum);
        var gone = new Turn();
        var left = new Turn();
        share.Wait(gone, 1);
        share.Wait(left, 1);
        Assert.True(share.Leave(gone));
        Assert.False(share.Leave(gone));
        Assert.Same(left, share.Next(TimeSpan.Zero, out _));
        Assert.Null(share.Next(TimeSpan.Zero, out _));
        Assert.Null(share.UntilNext(TimeSpan.Zero));
    }

    [Fact]
    public void A_turn_is_smaller_the_more_wait()
    {
        var share = new FairShare(Rate, MaxQuantum);
        int alone = share.Quantum;
        foreach (int _ in Enumerable.Range(0, 4))
        {
            share.Wait(new Turn(), MaxQuantum);
        }

        Assert.Equal((20_000, 4_000), (alone, share.Quantum));
        foreach (int _ in Enumerable.Range(0, 400))
        {
            share.Wait(new Turn(), MaxQuantum);
        }

        Assert.Equal(FairShare.MinQuantum, share.Quantum);
    }

    [Fact]
    public void All_together_get_the_rate_and_each_its_part_however_greedy_the_others_are() =>
        Gen.Select(Gen.Int[2, 12], Gen.Int[10_000, 20_000_000], Gen.Int[1, 30]).Sample(
            (flows, rate, tick) =>
            {
                var share = new FairShare(rate, MaxQuantum);
                Turn[] turns = [.. Enumerable.Range(0, flows).Select(_ => new Turn())];
                Array.ForEach(turns, t => share.Wait(t, MaxQuantum));
                TimeSpan now = TimeSpan.Zero;
                while (now < TimeSpan.FromSeconds(60))
                {
                    now += TimeSpan.FromMilliseconds(tick);
                    while (share.Next(now, out int granted) is Turn turn)
                    {
                        turn.Got += granted;
                        share.Wait(turn, MaxQuantum);
                    }
                }

                long all = turns.Sum(t => t.Got);
                double burst = Math.Max(MaxQuantum, rate * 0.05);
                Assert.InRange(all, (rate * 60.0) - MaxQuantum, (rate * 60.0) + burst + MaxQuantum);
                Assert.True(turns.Max(t => t.Got) - turns.Min(t => t.Got) <= 2 * MaxQuantum);
            },
            iter: 20);

    [Fact]
    public void One_with_little_to_send_waits_no_longer_than_a_round()
    {
        var share = new FairShare(Rate, MaxQuantum);
        var light = new Turn();
        foreach (int _ in Enumerable.Range(0, 5))
        {
            share.Wait(new Turn(), MaxQuantum);
        }

        TimeSpan now = TimeSpan.Zero;
        while (share.Next(now, out _) is { } greedy) // the burst is spent
        {
            share.Wait(greedy, MaxQuantum);
        }

        share.Wait(light, 100);
        while (share.Next(now, out _) is var next && next != light)
        {
            if (next is not null)
            {
                share.Wait(next, MaxQuantum);
            }
            else
            {
                now += share.UntilNext(now)!.Value;
            }
        }

        Assert.InRange(now, TimeSpan.Zero, 2 * FairShare.Round);
    }

    private sealed class Turn : FairTurn
    {
        public long Got { get; set; }
    }
}
