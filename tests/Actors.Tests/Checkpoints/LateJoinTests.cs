using System.Runtime.InteropServices;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Models;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Actors.Tests.Models;
using P2PLearn.Actors.Tests.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Models;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Checkpoints;

/// <summary>A node joins a run that is under way, or over: it begins with the others' checkpoint.</summary>
public sealed class LateJoinTests
{
    private static readonly RunSettings Settings = TinyData.Settings with
    {
        Faulty = 1,
        MinPeers = 3,
        Gradients = 24, // 12 rounds
        CheckpointRounds = 4,
        MinDeadline = TimeSpan.FromSeconds(1),
        MaxDeadline = TimeSpan.FromSeconds(50),
    };

    private static readonly RunId Run = RunId.Of(Settings.Encode());

    [Fact]
    public async Task A_joiner_takes_the_robust_choice_of_three_members_checkpoints_and_a_forged_one_does_no_harm()
    {
        await using TestMesh mesh = new();
        await using LearningNode founder = await LearningNode.StartWithModelsAsync(mesh, 0, Options(0, Settings) with { Proposes = true });
        await using LearningNode second = await LearningNode.StartWithModelsAsync(mesh, 1, Options(1, null));
        await using LearningNode third = await LearningNode.StartWithModelsAsync(mesh, 2, Options(2, null));
        LearningNode[] early = [founder, second, third];
        foreach (LearningNode node in early)
        {
            await Within.UntilAsync(() => node.Events.Of<CheckpointMade>().Any(c => c.Round == 12), $"{node.Peer.ToShortString()} makes its last checkpoint");
            Assert.Equal([4, 8, 12], node.Events.Of<CheckpointMade>().Select(c => c.Round).Order());
            Assert.Empty(node.Events.Of<CheckpointFailed>());
        }

        await Within.UntilAsync(() => early.All(n => Newest(n)?.Round == 12), "all know all checkpoints");
        Assert.Single(early.Select(n => Newest(n)!.Digest).Distinct());
        Assert.All(early, n => Assert.Equal(2, SeenBy(n).Peers.Count)); // what each saw of the two others
        Assert.All(early, n => Assert.Equal(24ul, (ulong)SeenBy(n).Peers.Values.Sum(c => (long)c.Total)));

        await using LibraryNode liar = await LibraryNode.OpenAsync(mesh.Node(4), 4, Path.Combine(LearningNode.NewFolder(), "blocks"));
        float[] forged = [.. Enumerable.Repeat(1000f, LearningTests.ReadModel(founder.ModelFile).Length)];
        await ForgeAsync(founder, liar, forged);
        await Within.UntilAsync(() => early.All(n => Newest(n)?.Makers.Count == 4), "all know the forged one");

        await using LearningNode joiner = await LearningNode.StartWithModelsAsync(mesh, 3, Options(3, null) with { Join = Run.ToString()[..10] });
        await Within.UntilAsync(() => joiner.Events.Of<RunFinished>().Any(), "the joiner is where the others are");
        JoinedLate joined = Assert.Single(joiner.Events.Of<JoinedLate>());
        Assert.Equal((12, 3), (joined.Round, joined.Makers.Count));
        float[][] taken =
        [
            .. joined.Makers.Select(m => m == liar.Peer.ToString() ? forged : LearningTests.ReadModel(early.Single(n => n.Peer.ToString() == m).ModelFile)),
        ];
        float[] model = LearningTests.ReadModel(joiner.ModelFile);
        for (int i = 0; i < model.Length; i++)
        {
            Assert.Equal(taken.Select(t => t[i]).Order().ElementAt(1), model[i]); // f = 1 of 3: the median
        }
    }

    [Fact]
    public async Task A_joiner_of_a_run_that_nobody_knows_says_so_and_waits()
    {
        await using TestMesh mesh = new();
        await using LearningNode founder = await LearningNode.StartWithModelsAsync(mesh, 0, Options(0, Settings) with { Proposes = true });
        await using LearningNode joiner = await LearningNode.StartWithModelsAsync(mesh, 1, Options(1, null) with { Join = "00000000" });
        await Within.UntilAsync(() => joiner.Events.Of<RunUnknown>().Any(), "the joiner says that it knows no such run");
        Assert.Equal([Run.ToString()], Assert.Single(joiner.Events.Of<RunUnknown>()).Known);
        Assert.Empty(joiner.Events.Of<RunStarted>());
    }

    /// <summary>A model of nonsense, stored, signed and attested by the rules.</summary>
    private static async Task ForgeAsync(LearningNode member, LibraryNode liar, float[] forged)
    {
        using ITrainableModel model = ModelRegistry.Default.Create(Settings.Model);
        byte[] run = new byte[RunId.Size];
        Run.CopyTo(run);
        StoredModel stored = await liar.Library.AddAsync(
            ModelKeep.Checkpoint,
            new ModelOrigin(run, 12, []),
            model.Layout,
            MemoryMarshal.AsBytes(forged.AsSpan()).ToArray(),
            liar.Key,
            CancellationToken.None).LimitAsync("the forgery");
        Attestation attestation = Attested.Of(new Checkpoint(Run, 12, liar.Peer, stored.Root, forged.Length * 4, 0.99), 4);
        member.Host.System!.ActorSelection("/user/" + ReplicationActor.ActorName).Tell(new ReplicationProtocol.Attest(attestation));
    }

    private static AgreedCheckpoint? Newest(LearningNode node) => AgreedCheckpoint.Newest(node.Replicated.Attestations, Run, Settings);

    private static Reputation SeenBy(LearningNode node) => Reputation.TryDecode(
        node.Replicated.Attestations.Newest(AttestationKind.Reputation, Run, node.Peer.ToReplica())!.Payload.Span)!;

    private static LearningOptions Options(int index, RunSettings? settings) => new() { Settings = settings, Data = TinyData.Of(index) };
}
