using P2PLearn.Networking.Blocks;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Blocks;

public sealed class FlushThreadsTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    public void Each_item_is_done_once(int count)
    {
        int[] times = new int[count];
        FlushThreads.ForEach([.. Enumerable.Range(0, count)], i => Interlocked.Increment(ref times[i]));
        Assert.All(times, t => Assert.Equal(1, t));
    }

    [Fact]
    public void Several_wait_at_once()
    {
        using var barrier = new Barrier(FlushThreads.MaxThreads);
        FlushThreads.ForEach(
            [.. Enumerable.Range(0, FlushThreads.MaxThreads)], _ => Assert.True(barrier.SignalAndWait(Within.Limit), "one after the other"));
    }

    [Fact]
    public void After_a_failure_nothing_more_is_begun_and_the_failure_is_thrown()
    {
        int done = 0;
        Assert.Throws<IOException>(() => FlushThreads.ForEach<int>([.. Enumerable.Range(0, 10_000)], _ =>
        {
            Interlocked.Increment(ref done);
            throw new IOException("no");
        }));
        Assert.InRange(done, 1, FlushThreads.MaxThreads);
    }
}
