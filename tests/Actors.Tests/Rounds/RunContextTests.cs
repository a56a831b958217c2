using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Rounds;

public sealed class RunContextTests : IDisposable
{
    private readonly string _folder = LearningNode.NewFolder();

    [Fact]
    public async Task A_node_killed_after_its_commit_announces_the_same_contribution_and_trains_on_bit_for_bit()
    {
        Hash256[] undisturbed = await RunAsync(Path.Combine(_folder, "undisturbed"), _ => false);
        Hash256[] killedAlways = await RunAsync(Path.Combine(_folder, "killed"), _ => true);
        Assert.Equal(3, undisturbed.Distinct().Count());
        Assert.Equal(undisturbed, killedAlways);
    }

    [Fact]
    public async Task What_mixing_gave_is_not_lost_on_the_outer_step_and_a_contribution_says_how_many_images_stand_behind_it()
    {
        await using Life life = await Life.BeginAsync(_folder);
        await life.Context.ResumeAsync();
        await life.Context.TrainAsync(1, 2);
        Contribution committed = (await life.Context.CommitAsync(1)).Contribution;
        Assert.Equal((uint)TinyData.Images.Count, committed.SampleCount);
        await life.Context.MixAsync(1, [committed.ToRef()!.Value]);
        await life.Context.TrainAsync(2, 0);
        Hash256 next = (await life.Context.CommitAsync(2)).Contribution.Root;
        Assert.NotEqual(committed.Root, next); // alone the mean is the own model: what differs is the step that follows
    }

    [Fact]
    public async Task A_run_actor_that_fails_in_round_1_begins_it_again_from_the_first_model()
    {
        await using Life life = await Life.BeginAsync(_folder);
        Assert.Equal(1, (await life.Context.ResumeAsync()).Round);
        await life.Context.TrainAsync(1, 2);
        Assert.Equal(1, (await life.Context.ResumeAsync()).Round); // as a restarted actor does
        await life.Context.TrainAsync(1, 2);
        RunActor.CommitDone again = await life.Context.CommitAsync(1);

        Hash256[] undisturbed = await RunAsync(Path.Combine(_folder, "undisturbed"), _ => false);
        Assert.Equal(undisturbed[0], again.Contribution.Root);
    }

    [Fact]
    public async Task A_commit_that_does_not_reach_the_disk_is_not_in_the_store()
    {
        await using Life life = await Life.BeginAsync(_folder);
        await life.Context.ResumeAsync();
        Directory.CreateDirectory(LearningNode.ProgressFile(_folder) + ".new");
        var error = await Assert.ThrowsAsync<IOException>(() => life.Context.CommitAsync(1));
        Assert.StartsWith(LearningNode.ProgressFile(_folder) + ": cannot be written: ", error.Message, StringComparison.Ordinal);
        Assert.Equal(0, life.Context.Models.Count);
        Assert.Equal(0, life.Context.Pool.LentCount);
    }

    [Fact]
    public async Task Progress_of_another_run_is_not_gone_on_with()
    {
        ProgressFile.Write(LearningNode.ProgressFile(_folder), new Progress(RunId.Of([1]), 7, null, [1, 2, 3]));
        await using Life life = await Life.BeginAsync(_folder);
        RunActor.Resumed resumed = await life.Context.ResumeAsync();
        Assert.Equal((1, null), (resumed.Round, resumed.Committed));
    }

    [Fact]
    public async Task Progress_of_an_earlier_run_with_a_larger_model_is_not_gone_on_with_either()
    {
        ProgressFile.Write(LearningNode.ProgressFile(_folder), new Progress(RunId.Of([1]), 7, null, new byte[4 << 20]));
        await using Life life = await Life.BeginAsync(_folder);
        Assert.Equal(1, (await life.Context.ResumeAsync()).Round);
    }

    [Fact]
    public async Task Damaged_progress_is_said_and_not_written_over()
    {
        string file = LearningNode.ProgressFile(_folder);
        File.WriteAllBytes(file, new byte[500]);
        await using Life life = await Life.BeginAsync(_folder);
        var error = await Assert.ThrowsAsync<LearningFailedException>(() => life.Context.ResumeAsync());
        Assert.StartsWith(file + ": damaged", error.Message, StringComparison.Ordinal);
        Assert.True(error.IsProgressDamaged);
        Assert.Equal(new byte[500], File.ReadAllBytes(file));
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>Three rounds of a node alone, killed after each commit and each mixing or not.</summary>
    /// <returns>The roots of its contributions.</returns>
    private static async Task<Hash256[]> RunAsync(string folder, Func<int, bool> isKilledIn)
    {
        Directory.CreateDirectory(folder);
        List<Hash256> roots = [];
        Life life = await Life.BeginAsync(folder);
        await life.Context.ResumeAsync();
        for (int round = 1; round <= 3; round++)
        {
            await life.Context.TrainAsync(round, 2);
            Contribution committed = (await life.Context.CommitAsync(round)).Contribution;
            roots.Add(committed.Root);
            if (isKilledIn(round))
            {
                await life.DisposeAsync();
                life = await Life.BeginAsync(folder);
                RunActor.Resumed resumed = await life.Context.ResumeAsync();
                Assert.Equal((round, committed), (resumed.Round, resumed.Committed)); // the signature too
                Assert.True(life.Context.Models.Contains((uint)round, committed.Peer, committed.Root));
            }

            await life.Context.MixAsync(round, [committed.ToRef()!.Value]);
            if (isKilledIn(round))
            {
                await life.DisposeAsync();
                life = await Life.BeginAsync(folder);
                RunActor.Resumed resumed = await life.Context.ResumeAsync();
                Assert.Equal((round + 1, null), (resumed.Round, resumed.Committed));
            }
        }

        await life.DisposeAsync();
        return [.. roots];
    }

    /// <summary>One life of a process.</summary>
    private sealed class Life(TrainingThread thread, RunContext context) : IAsyncDisposable
    {
        public RunContext Context { get; } = context;

        public static async Task<Life> BeginAsync(string folder)
        {
            TrainingThread thread = new();
            RunPlace place = new(
                TestPeers.Key(0),
                LearningNode.ProgressFile(folder),
                Path.Combine(folder, "model.safetensors"),
                new EventList(),
                new ExchangeTraffic(),
                TimeProvider.System,
                NullLogger.Instance);
            return new Life(
                thread,
                await RunContext.CreateAsync(TinyData.Settings with { Aggregator = "mean" }, TinyData.Of(0), place, thread, null, CancellationToken.None));
        }

        public async ValueTask DisposeAsync()
        {
            await Context.DisposeAsync();
            Assert.Equal(0, Context.Pool.LentCount);
            await thread.DisposeAsync();
        }
    }
}
