using P2PLearn.Actors.Training;

namespace P2PLearn.Actors.Tests.Training;

public sealed class TrainingThreadTests
{
    [Fact]
    public async Task Jobs_run_one_after_the_other_on_one_thread()
    {
        await using var thread = new TrainingThread();
        int[] ids = await Task.WhenAll(Enumerable.Range(0, 10).Select(_ => thread.RunAsync(_ => Environment.CurrentManagedThreadId, CancellationToken.None)));
        Assert.Single(ids.Distinct());
        Assert.NotEqual(Environment.CurrentManagedThreadId, ids[0]);
    }

    [Fact]
    public async Task What_a_job_throws_belongs_to_who_asked()
    {
        await using var thread = new TrainingThread();
        await Assert.ThrowsAsync<InvalidDataException>(() => thread.RunAsync<int>(_ => throw new InvalidDataException(), CancellationToken.None));
        Assert.Equal(3, await thread.RunAsync(_ => 3, CancellationToken.None));
    }

    [Fact]
    public async Task Disposing_ends_the_job_at_work_and_drops_the_rest()
    {
        var thread = new TrainingThread();
        var started = new TaskCompletionSource();
        Task<int> endless = thread.RunAsync<int>(
            cancellationToken =>
            {
                started.SetResult();
                cancellationToken.WaitHandle.WaitOne();
                cancellationToken.ThrowIfCancellationRequested();
                return 0;
            },
            CancellationToken.None);
        Task<int> waiting = thread.RunAsync(_ => 1, CancellationToken.None);
        await started.Task;
        await thread.DisposeAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => endless);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }
}
