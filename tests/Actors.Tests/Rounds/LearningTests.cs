using System.Runtime.InteropServices;
using Akka.Actor;
using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Rounds;

/// <summary>Whole nodes: several in one process, over a real cluster.</summary>
public sealed class LearningTests
{
    private static readonly RunSettings Settings = TinyData.Settings with
    {
        MinDeadline = TimeSpan.FromSeconds(1),
        MaxDeadline = TimeSpan.FromSeconds(50), // a test that waits for it has failed
    };

    [Fact]
    public async Task Four_nodes_finish_near_each_other_and_an_attacker_of_NaN_costs_nobody_a_deadline()
    {
        RunSettings settings = Settings with { Faulty = 1, MinPeers = 5 };
        await using TestMesh mesh = new();
        await using LearningNode founder = LearningNode.Start(mesh, 0, Options(0, settings) with { Proposes = true });
        await using LearningNode second = LearningNode.Start(mesh, 1, Options(1, null)); // gets the settings from the mesh
        await using LearningNode third = LearningNode.Start(mesh, 2, Options(2, null));
        await using LearningNode fourth = LearningNode.Start(mesh, 3, Options(3, null));
        await using LearningNode attacker = LearningNode.Start(mesh, 4, Options(4, null) with { Attack = new AttackOptions("nan", []) });
        LearningNode[] honest = [founder, second, third, fourth];
        foreach (LearningNode node in honest)
        {
            await Within.UntilAsync(() => node.Events.Of<RunFinished>().Any(), $"{node.Peer.ToShortString()} finishes");
        }

        foreach (LearningNode node in honest)
        {
            RoundCompleted[] rounds = [.. node.Events.Of<RoundCompleted>()];
            Assert.Equal([1, 2, 3], rounds.Select(r => r.Round));
            Assert.All(rounds, r => Assert.Equal("mixed", r.Mixed));
            Assert.All(rounds, r => Assert.Equal("refused", r.Candidates.Single(c => c.Peer == attacker.Peer.ToString()).Outcome));
            Assert.All(rounds, r => Assert.DoesNotContain("missing", r.Candidates.Select(c => c.Outcome)));
            Assert.Equal([1, 2, 3], node.Events.Of<ContributionRefused>().Select(e => e.Round));
            Assert.All(node.Events.Of<ContributionRefused>(), e => Assert.Equal("finite", e.Reason));
        }

        float[][] models = [.. honest.Select(node => ReadModel(node.ModelFile))];
        Assert.All(models, model => Assert.InRange(Distance(models[0], model), 0, 0.5 * Distance(models[0], new float[models[0].Length])));
        Assert.Empty(mesh.Refused);
    }

    [Fact]
    public async Task A_run_that_guards_against_fewer_than_attack_is_told_so_once_with_name_and_reason()
    {
        RunSettings settings = Settings with { Faulty = 0, Aggregator = "median", MinPeers = 5, Gradients = 14 };
        await using TestMesh mesh = new();
        await using LearningNode founder = LearningNode.Start(mesh, 0, Options(0, settings) with { Proposes = true });
        await using LearningNode second = LearningNode.Start(mesh, 1, Options(1, null));
        await using LearningNode third = LearningNode.Start(mesh, 2, Options(2, null));
        await using LearningNode fourth = LearningNode.Start(mesh, 3, Options(3, null));
        await using LearningNode attacker = LearningNode.Start(mesh, 4, Options(4, null) with { Attack = new AttackOptions("sign-flip", []) });
        foreach (LearningNode node in (LearningNode[])[founder, second, third, fourth])
        {
            await Within.UntilAsync(() => node.Events.Of<RunFinished>().Any(), $"{node.Peer.ToShortString()} finishes");
            FaultyTooSmall told = Assert.Single(node.Events.Of<FaultyTooSmall>());
            Assert.Equal((0, 1, 5), (told.Declared, told.Suggested, told.Rounds));
            SuspectPeer suspect = Assert.Single(told.Suspects);
            Assert.Equal((attacker.Peer.ToString(), 5, 5), (suspect.Peer, suspect.Rounds, suspect.Far));
            Assert.All(node.Events.Of<RoundCompleted>().SelectMany(r => r.Candidates), c => Assert.True(c.Distance > 0));
        }
    }

    [Fact]
    public async Task A_member_that_signs_two_models_for_a_round_is_proven_everywhere_and_never_mixed()
    {
        RunSettings settings = Settings with { Faulty = 1, Gradients = 2, MinPeers = 4, Aggregator = "mean" };
        await using TestMesh mesh = new();
        await using LearningNode a = LearningNode.Start(mesh, 0, Options(0, settings), follows: false);
        await using LearningNode b = LearningNode.Start(mesh, 1, Options(1, settings), follows: false);
        await using LearningNode c = LearningNode.Start(mesh, 2, Options(2, settings), follows: false);
        using ActorSystem unused = ActorSystem.Create("unused", "akka.loglevel = OFF");
        await using ExchangeNode liar = await ExchangeNode.StartAsync(mesh.Fabric, unused, 3, settings: settings);
        LearningNode[] honest = [a, b, c];
        await mesh.AllUpAsync([.. honest.Select(node => node.Host)]);
        foreach (LearningNode node in honest)
        {
            await node.InPhaseAsync("Gathering");
            node.Tell(liar.Peer); // too few to begin
            await node.InPhaseAsync("Gathering");
        }

        Contribution one = liar.Make(liar.Values(1));
        Assert.Equal(PushVerdict.Accepted, await liar.Service.PushAsync(a.Peer, one, CancellationToken.None).LimitAsync("the first push"));
        byte[] other = MemoryMarshal.AsBytes(liar.Values(2).AsSpan()).ToArray();
        Assert.NotEqual(PushVerdict.Refused, await liar.PushRawAsync(b.Peer, ContributionCodec.Encode(liar.Sign(liar.Values(2))), other).LimitAsync("the second push"));
        foreach (LearningNode node in honest)
        {
            await Within.UntilAsync(() => node.Events.Of<EquivocationFound>().Any(), $"{node.Peer.ToShortString()} has the proof");
            Assert.Equal(liar.Peer.ToString(), Assert.Single(node.Events.Of<EquivocationFound>()).Peer);
        }

        foreach (LearningNode node in honest)
        {
            node.Tell(a.Peer, b.Peer, c.Peer, liar.Peer);
        }

        foreach (LearningNode node in honest)
        {
            await Within.UntilAsync(() => node.Events.Of<RunFinished>().Any(), $"{node.Peer.ToShortString()} finishes");
            RoundCompleted round = Assert.Single(node.Events.Of<RoundCompleted>());
            Assert.Equal(("mixed", 3), (round.Mixed, round.Candidates.Count));
            CandidateOutcome outcome = round.Candidates.Single(candidate => candidate.Peer == liar.Peer.ToString());
            Assert.Equal(("equivocated", 0.0), (outcome.Outcome, outcome.Weight));
            Assert.All(round.Candidates.Where(candidate => candidate.Peer != outcome.Peer), candidate => Assert.Equal("kept", candidate.Outcome));
        }
    }

    [Fact]
    public async Task A_run_actor_that_fails_is_restarted_knows_the_trainers_again_and_goes_on()
    {
        RunSettings settings = Settings with { Aggregator = "mean" };
        string folder = LearningNode.NewFolder();
        string obstacle = LearningNode.ProgressFile(folder) + ".new";
        int starts = 0;
        EventList events = new()
        {
            OnEvent = happened =>
            {
                if (happened is RunStarted && Interlocked.Increment(ref starts) == 1)
                {
                    Directory.CreateDirectory(obstacle); // the first commit will fail
                }
            },
        };
        using OnFailure loggers = new(() => Directory.Delete(obstacle));
        await using TestMesh mesh = new();
        await using LearningNode failing = LearningNode.Start(mesh, 0, Options(0, settings), folder: folder, events: events, loggers: loggers);
        await using LearningNode other = LearningNode.Start(mesh, 1, Options(1, settings));
        foreach (LearningNode node in (LearningNode[])[failing, other])
        {
            await Within.UntilAsync(() => node.Events.Of<RunFinished>().Any(), $"{node.Peer.ToShortString()} finishes");
            Assert.Equal([1, 2, 3], node.Events.Of<RoundCompleted>().Select(r => r.Round));
            Assert.All(node.Events.Of<RoundCompleted>(), r => Assert.Equal("kept", Assert.Single(r.Candidates).Outcome));
        }

        Assert.Equal(1, loggers.Count);
        Assert.Equal([1, 1], failing.Events.Of<RunStarted>().Select(e => e.Round));
        Assert.False(failing.Guest.Failed.IsCompleted);
    }

    [Fact]
    public async Task A_member_that_signs_for_all_rounds_fills_its_own_share_only_and_a_stranger_none()
    {
        RunSettings settings = Settings with { Faulty = 1, Gradients = 200, MinPeers = 3 };
        await using TestMesh mesh = new();
        await using LearningNode node = LearningNode.Start(mesh, 0, Options(0, settings), follows: false);
        using ActorSystem unused = ActorSystem.Create("unused", "akka.loglevel = OFF");
        await using ExchangeNode member = await ExchangeNode.StartAsync(mesh.Fabric, unused, 1, settings: settings);
        await using ExchangeNode stranger = await ExchangeNode.StartAsync(mesh.Fabric, unused, 2, settings: settings);
        await mesh.AllUpAsync([node.Host]);
        await node.InPhaseAsync("Gathering");
        node.Tell(member.Peer);
        await node.InPhaseAsync("Gathering");

        Assert.Equal(PushVerdict.NotWanted, await PushAsync(stranger, 1));
        for (uint round = 1; round <= 40; round++)
        {
            Assert.Equal(round <= RunContext.MaxModelsPerPeer ? PushVerdict.Accepted : PushVerdict.NotWanted, await PushAsync(member, round));
        }

        Assert.Equal(PushVerdict.NotWanted, await PushAsync(member, (uint)settings.Rounds + 1));

        Task<PushVerdict> PushAsync(ExchangeNode from, uint round) =>
            from.Service.PushAsync(node.Peer, from.Make(from.Values((int)round), round), CancellationToken.None).LimitAsync("a push");
    }

    [Fact]
    public async Task A_head_that_no_model_can_make_good_is_refused_once_wherever_it_comes_from()
    {
        RunSettings settings = Settings with { Faulty = 1, MinPeers = 3 };
        await using TestMesh mesh = new();
        await using LearningNode node = LearningNode.Start(mesh, 0, Options(0, settings), follows: false);
        using ActorSystem unused = ActorSystem.Create("unused", "akka.loglevel = OFF");
        await using ExchangeNode member = await ExchangeNode.StartAsync(mesh.Fabric, unused, 1, settings: settings);
        await mesh.AllUpAsync([node.Host]);
        await node.InPhaseAsync("Gathering");
        node.Tell(member.Peer);
        await node.InPhaseAsync("Gathering");
        Contribution bad = member.Sign(member.Values(1), change: c => c with { LayoutHash = Hash256.Of([1]) });

        node.Host.System!.ActorSelection("/user/" + ReplicationActor.ActorName).Tell(new ReplicationProtocol.Publish(bad));
        await Within.UntilAsync(() => node.Events.Of<ContributionRefused>().Any(), "the refusal");
        for (int i = 0; i < 3; i++)
        {
            Assert.Equal(PushVerdict.NotWanted, await member.PushRawAsync(node.Peer, ContributionCodec.Encode(bad), null).LimitAsync("a push"));
        }

        await node.InPhaseAsync("Gathering");
        Assert.Equal(("layout", 1), Assert.Single(node.Events.Of<ContributionRefused>().Select(e => (e.Reason, e.Round))));
    }

    [Fact]
    public async Task A_run_of_a_model_that_is_not_known_is_said_once_and_left_alone_unless_it_was_named()
    {
        RunSettings settings = Settings with { Model = "own" };
        ModelRegistry models = ModelRegistry.Default.With("own", ModelInput.Mnist, LogisticRegression.For);
        using TestLog log = new();
        await using TestMesh mesh = new();
        await using LearningNode founder = LearningNode.Start(mesh, 0, Options(0, settings) with
        {
            Proposes = true,
            Data = TinyData.Of(0) with { Models = models },
        });
        await using LearningNode without = LearningNode.Start(mesh, 1, Options(1, null), loggers: log);
        await using LearningNode named = LearningNode.Start(mesh, 2, Options(2, null) with { Join = RunId.FromBytes(settings.ComputeRunId()).ToString() });

        await Within.UntilAsync(() => named.Guest.Failed.IsFaulted, "the node that was to join it fails");
        await Within.UntilAsync(() => log.At(LogLevel.Warning).Any(line => line.Contains("'own'", StringComparison.Ordinal)), "the other warns");

        Assert.Contains("unknown model 'own'; known are", named.Guest.Failed.Exception!.InnerException!.Message, StringComparison.Ordinal);
        await using LearningNode with = LearningNode.Start(mesh, 3, Options(3, null) with { Data = TinyData.Of(3) with { Models = models } });
        await Within.UntilAsync(() => with.Events.Of<RunStarted>().Any(), "a node that knows the model takes part");
        Assert.False(without.Guest.Failed.IsCompleted);
        Assert.Single(log.At(LogLevel.Warning), line => line.Contains("'own'", StringComparison.Ordinal));
    }

    private static LearningOptions Options(int node, RunSettings? settings) => new() { Settings = settings, Data = TinyData.Of(node) };

    internal static float[] ReadModel(string file)
    {
        const int Parameters = 7850; // 784·10 + 10
        byte[] bytes = File.ReadAllBytes(file);
        return MemoryMarshal.Cast<byte, float>(bytes.AsSpan(bytes.Length - (Parameters * sizeof(float)))).ToArray();
    }

    private static double Distance(float[] a, float[] b) => Math.Sqrt(a.Zip(b, (x, y) => (double)(x - y) * (x - y)).Sum());

    /// <summary>Does something when a failure is logged.</summary>
    private sealed class OnFailure(Action action) : ILoggerFactory, ILogger
    {
        private int _count;

        public int Count => _count;

        public ILogger CreateLogger(string categoryName) => this;

        public void AddProvider(ILoggerProvider provider)
        {
        }

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (logLevel == LogLevel.Error)
            {
                Interlocked.Increment(ref _count);
                action();
            }
        }

        public void Dispose()
        {
        }
    }
}
