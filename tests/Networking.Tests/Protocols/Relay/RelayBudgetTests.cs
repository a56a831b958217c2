using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

public sealed class RelayBudgetTests
{
    private const int Rate = 100_000;
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Without_limit_everything_is_granted_at_once()
    {
        using var budget = new RelayBudget(0, 1000, _time);
        var flow = new RelayFlow();
        Assert.Equal(50_000_000, await budget.TakeAsync(flow, 50_000_000));
        budget.Cancel(flow);
        Assert.Equal(0, await budget.TakeAsync(flow, 1));
    }

    [Fact]
    public async Task A_spent_budget_makes_wait_and_time_serves_in_order()
    {
        using var budget = new RelayBudget(Rate, 1000, _time);
        var first = new RelayFlow();
        var second = new RelayFlow();
        await SpendAsync(budget);
        Task<int> one = budget.TakeAsync(first, 700).AsTask();
        Task<int> two = budget.TakeAsync(second, 1000).AsTask();
        Assert.False(one.IsCompleted || two.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(1)); // 100 bytes: one may overdraw, the next has to wait until it is paid back
        Assert.Equal(700, await one.LimitAsync("the first turn"));
        Assert.False(two.IsCompleted);

        _time.Advance(TimeSpan.FromMilliseconds(7));
        Assert.Equal(1000, await two.LimitAsync("the second turn"));
    }

    [Fact]
    public async Task Who_is_cancelled_gets_nothing_now_or_later_and_holds_nobody_up()
    {
        using var budget = new RelayBudget(Rate, 1000, _time);
        var gone = new RelayFlow();
        var left = new RelayFlow();
        await SpendAsync(budget);
        Task<int> one = budget.TakeAsync(gone, 1000).AsTask();
        Task<int> two = budget.TakeAsync(left, 1000).AsTask();

        budget.Cancel(gone);
        budget.Cancel(gone);

        Assert.Equal(0, await one.LimitAsync("the end of the wait"));
        Assert.Equal(0, await budget.TakeAsync(gone, 1000));
        _time.Advance(TimeSpan.FromMilliseconds(11));
        Assert.Equal(1000, await two.LimitAsync("the other's turn"));
    }

    [Fact]
    public async Task The_timer_is_set_again_after_everybody_had_left()
    {
        using var budget = new RelayBudget(Rate, 1000, _time);
        var gone = new RelayFlow();
        var late = new RelayFlow();
        await SpendAsync(budget);
        Task<int> one = budget.TakeAsync(gone, 1).AsTask();
        budget.Cancel(gone);
        await one.LimitAsync("the end of the wait");
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await SpendAsync(budget);
        Task<int> two = budget.TakeAsync(late, 10).AsTask();

        _time.Advance(TimeSpan.FromMilliseconds(11));

        Assert.Equal(10, await two.LimitAsync("the turn"));
    }

    /// <summary>Takes until the next one has to wait; that wait is given up with a flow of its own.</summary>
    private static async Task SpendAsync(RelayBudget budget)
    {
        while (true)
        {
            var probe = new RelayFlow();
            ValueTask<int> taken = budget.TakeAsync(probe, 1000);
            if (!taken.IsCompleted)
            {
                budget.Cancel(probe);
                await taken;
                return;
            }

            await taken;
        }
    }
}
