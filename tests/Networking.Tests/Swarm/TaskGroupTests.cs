using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm;

public sealed class TaskGroupTests
{
    [Fact]
    public async Task Closing_waits_for_what_runs_and_starts_nothing_more()
    {
        var group = new TaskGroup(_ => { });
        var gate = new TaskCompletionSource();
        Assert.True(group.TryRun(() => gate.Task));

        Task closing = group.CloseAsync();

        Assert.False(closing.IsCompleted);
        Assert.False(group.TryRun(() => Task.CompletedTask));
        gate.SetResult();
        await closing.LimitAsync("the close");
        await group.CloseAsync().LimitAsync("another close");
        Assert.Equal(0, group.Count);
    }

    [Fact]
    public async Task A_bug_is_reported_and_a_cancellation_is_not()
    {
        var failures = new List<Exception>();
        var group = new TaskGroup(failures.Add);
        group.TryRun(() => throw new InvalidOperationException("a bug"));
        group.TryRun(() => throw new OperationCanceledException());

        await group.CloseAsync().LimitAsync("the close");

        Assert.IsType<InvalidOperationException>(Assert.Single(failures));
    }

    [Fact]
    public void Events_are_delivered_in_order_even_when_a_handler_posts_more()
    {
        var seen = new List<int>();
        var failures = new List<Exception>();
        var events = new OrderedEvents(failures.Add);
        events.Post(() =>
        {
            seen.Add(1);
            events.Post(() => seen.Add(3));
            events.Deliver(); // while another is being delivered: left to that one
            Assert.Equal([1], seen);
        });
        events.Post(() => seen.Add(2));

        events.Deliver();

        Assert.Equal([1, 2, 3], seen);
        Assert.Empty(failures);
    }
}
