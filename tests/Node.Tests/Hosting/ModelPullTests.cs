using Microsoft.Extensions.Time.Testing;
using P2PLearn.Actors.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Hosting;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Hosting;

public sealed class ModelPullTests : IAsyncDisposable
{
    private static readonly TimeSpan Long = TimeSpan.FromMinutes(5);
    private readonly TemporaryFolder _folder = new();
    private ModelShelf? _shelf;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        await (_shelf?.DisposeAsync() ?? ValueTask.CompletedTask);
        _folder.Dispose();
    }

    [Fact]
    public async Task It_searches_fetches_keeps_and_is_done()
    {
        StoredModel model = await ModelAsync();
        List<Cid> told = [];
        var goOn = new TaskCompletionSource();
        var pull = new ModelPull(
            async (_, _, progress, _) =>
            {
                await goOn.Task;
                progress!.Report(new FetchProgress(1, 2, 10, 32, 3, 100));
                await Task.Delay(4 * ModelPull.Period, TimeProvider.System, Token); // some events come meanwhile
                return model;
            },
            (root, _) =>
            {
                told.Add(root);
                return Task.FromResult(2);
            },
            TimeProvider.System,
            CancellationToken.None);
        List<PullEventView> events = [];
        await foreach (PullEventView happened in pull.RunAsync([new PullSource(model.Root, [])], 3, Long, Token))
        {
            events.Add(happened);
            goOn.TrySetResult(); // after the first
        }

        Assert.Equal(PullEvents.Searching, events[0].Type);
        Assert.Contains(new PullEventView(PullEvents.Fetching, model.Root.ToString(), 10, 32, 1, 2, 3, 100), events);
        Assert.Equal((PullEvents.Kept, 32L), (events[^2].Type, events[^2].BytesDone));
        Assert.Equal(new PullEventView(PullEvents.Done, "", Message: "1 of 1 models are kept"), events[^1]);
        Assert.Equal([model.Root], told);
    }

    [Fact]
    public async Task One_that_fails_is_made_up_for_by_the_next_until_enough_are_kept()
    {
        StoredModel model = await ModelAsync();
        Cid[] roots = [.. Enumerable.Range(0, 6).Select(i => Cid.ForRaw([(byte)i]))];
        List<Cid> asked = [];
        var pull = Pull((root, _, _, _) =>
        {
            asked.Add(root);
            return root == roots[1] ? throw new BlockFetchException("no provider is left") : Task.FromResult(model);
        });

        PullEventView[] events = await RunAsync(pull, Long, roots);

        Assert.Equal(roots[..4], asked);
        Assert.Contains(events, e => e.Type == PullEvents.Failed && e.Message == $"{roots[1]}: nobody who was asked has it");
        Assert.Equal("3 of 3 models are kept", events[^1].Message);
    }

    [Fact]
    public async Task What_nobody_brings_in_time_is_one_line()
    {
        Cid root = Cid.ForRaw([1]);
        PullEventView[] nobody = await RunAsync(Pull((_, _, _, ct) => Never(ct)), TimeSpan.FromMilliseconds(50), root);
        PullEventView[] half = await RunAsync(
            Pull((_, _, progress, ct) =>
            {
                progress!.Report(new FetchProgress(1, 2, 10, 32, 1, 0));
                return Never(ct);
            }),
            TimeSpan.FromMilliseconds(50),
            root);

        Assert.Equal((PullEvents.Failed, $"{root}: nobody who has it was found within 00:00:00.0500000"), (nobody[^1].Type, nobody[^1].Message));
        Assert.Contains("10 of 32 bytes came within", half[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_search_ends_before_a_long_pull_would()
    {
        var time = new FakeTimeProvider();
        var pull = new ModelPull((_, _, _, ct) => Never(ct), (_, _) => Task.FromResult(0), time, CancellationToken.None);
        await using IAsyncEnumerator<PullEventView> events =
            pull.RunAsync([new PullSource(Cid.ForRaw([1]), [])], 1, TimeSpan.FromHours(1), Token).GetAsyncEnumerator(Token);

        Assert.True(await events.MoveNextAsync());
        while (events.Current.Type == PullEvents.Searching)
        {
            ValueTask<bool> next = events.MoveNextAsync();
            time.Advance(TimeSpan.FromSeconds(10));
            Assert.True(await next);
        }

        Assert.Contains("nobody who has it was found within 00:01:00", events.Current.Message, StringComparison.Ordinal);
        Assert.False(await events.MoveNextAsync());
        Assert.Equal(70, (time.GetUtcNow() - time.Start).TotalSeconds);
    }

    [Fact]
    public async Task A_store_that_cannot_take_it_and_a_node_that_stops_are_said()
    {
        Cid root = Cid.ForRaw([1]);
        PullEventView[] full = await RunAsync(Pull((_, _, _, _) => throw new BlockStoreException(BlockStoreProblem.QuotaExceeded, "no room")), Long, root);
        Assert.Equal($"{root}: no room; drop models, or raise blocks.quota_bytes", full[^1].Message);

        using var stopping = new CancellationTokenSource();
        var pull = new ModelPull((_, _, _, ct) => Never(ct), (_, _) => Task.FromResult(0), TimeProvider.System, stopping.Token);
        await stopping.CancelAsync();
        Assert.Contains("the node is stopping", (await RunAsync(pull, Long, root))[^1].Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task When_nobody_listens_any_more_the_fetch_ends_before_the_pull_does()
    {
        bool ended = false;
        var pull = Pull(async (_, _, _, ct) =>
        {
            try
            {
                return await Never(ct);
            }
            finally
            {
                ended = true;
            }
        });

        await using (IAsyncEnumerator<PullEventView> events = pull.RunAsync([new PullSource(Cid.ForRaw([1]), [])], 1, Long, Token).GetAsyncEnumerator(Token))
        {
            Assert.True(await events.MoveNextAsync());
            Assert.False(ended);
        }

        Assert.True(ended);
    }

    [Fact]
    public void Four_pulls_run_at_once_and_one_for_each_root()
    {
        var slots = new PullSlots();
        IDisposable[] held = [.. Enumerable.Range(0, PullSlots.MaxPulls - 1).Select(i => slots.Enter([$"root {i}"]))];
        Assert.Contains("root 1 is being pulled", Assert.Throws<UserErrorException>(() => slots.Enter(["x", "root 1"])).Message, StringComparison.Ordinal);
        IDisposable last = slots.Enter(["y"]);
        Assert.Contains("4 pulls run already", Assert.Throws<UserErrorException>(() => slots.Enter(["z"])).Message, StringComparison.Ordinal);
        held[1].Dispose();
        held[1].Dispose(); // harmless
        slots.Enter(["root 1"]).Dispose();
        last.Dispose();
    }

    private static async Task<StoredModel> Never(CancellationToken cancellationToken)
    {
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        throw new InvalidOperationException("this wait has no end");
    }

    private static ModelPull Pull(PullModel pull) => new(
        async (root, hints, progress, ct) => await pull(root, hints, progress, ct), (_, _) => Task.FromResult(0), TimeProvider.System, CancellationToken.None);

    private static async Task<PullEventView[]> RunAsync(ModelPull pull, TimeSpan timeout, params Cid[] roots)
    {
        List<PullEventView> events = [];
        await foreach (PullEventView happened in pull.RunAsync([.. roots.Select(r => new PullSource(r, Array.Empty<PeerId>()))], 3, timeout, Token))
        {
            events.Add(happened);
        }

        return [.. events];
    }

    private async Task<StoredModel> ModelAsync()
    {
        _shelf = await ModelShelf.OpenAsync(Path.Combine(_folder.Path, "blocks"));
        return await _shelf.AddAsync(ModelKeep.Pulled, 3, _shelf.Maker, 1, 2, 3, 4, 5, 6, 7, 8);
    }
}
