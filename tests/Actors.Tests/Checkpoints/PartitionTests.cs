using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Actors.Tests.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Checkpoints;

/// <summary>A mesh falls into two and comes together again while it trains.</summary>
public sealed class PartitionTests
{
    private static readonly RunSettings Settings = TinyData.Settings with
    {
        Faulty = 0,
        MinPeers = 2,
        Gradients = 200_000, // longer than the test
        CheckpointRounds = 20, // so long is one the newest: time for all makers' words to get to all, on a busy machine too
        MinDeadline = TimeSpan.FromMilliseconds(100),
        MaxDeadline = TimeSpan.FromSeconds(1),
    };

    private static readonly RunId Run = RunId.Of(Settings.Encode());

    [Fact]
    public async Task Both_sides_of_a_partition_train_on_and_when_it_is_healed_all_name_the_same_newest_checkpoint()
    {
        await using TestMesh mesh = new();
        List<LearningNode> nodes = [await LearningNode.StartWithModelsAsync(mesh, 0, Options(0, Settings) with { Proposes = true })];
        for (int i = 1; i < 5; i++)
        {
            nodes.Add(await LearningNode.StartWithModelsAsync(mesh, i, Options(i, null)));
        }

        try
        {
            await Within.UntilAsync(() => nodes.All(n => CheckpointRound(n) > 0), "all have made a checkpoint", times: 4);
            PeerId[] left = [.. nodes.Take(3).Select(n => n.Peer)];
            PeerId[] right = [.. nodes.Skip(3).Select(n => n.Peer)];
            mesh.Fabric.Partition(left, right);
            int[] before = [.. nodes.Select(n => n.Events.Of<RoundCompleted>().Count())];
            await Within.UntilAsync(
                () => nodes.Select((n, i) => n.Events.Of<RoundCompleted>().Count() - before[i]).All(more => more >= 6), "both sides train on", times: 4);
            mesh.Fabric.HealPartition(left, right);
            await Within.UntilAsync(() => nodes.All(n => TestMesh.UpCount(n.Host) == 5), "all are members again", times: 4);

            // While all train, the newest checkpoint moves, and the nodes are not looked at in one instant: one of those after the healing is named by each of them.
            int[] healed = [.. nodes.Select(CheckpointRound)];
            await Within.UntilAsync(() => nodes.Select((n, i) => CheckpointRound(n) > healed[i]).All(more => more), "all make checkpoints again", times: 4);
            HashSet<string>[] named = [.. nodes.Select(_ => new HashSet<string>())];
            await Within.UntilAsync(
                () =>
                {
                    for (int i = 0; i < nodes.Count; i++)
                    {
                        if (Newest(nodes[i]) is { Makers.Count: >= 2 } newest && newest.Round > healed.Max())
                        {
                            named[i].Add(newest.Digest);
                        }
                    }

                    return named.Skip(1).Aggregate(named[0].AsEnumerable(), (common, names) => common.Intersect(names)).Any();
                },
                "all name the same",
                times: 4);
            Assert.Empty(nodes.SelectMany(n => n.Events.Of<EquivocationFound>()));
        }
        finally
        {
            foreach (LearningNode node in nodes)
            {
                await node.DisposeAsync();
            }
        }
    }

    private static int CheckpointRound(LearningNode node) => node.Events.Of<CheckpointMade>().Select(c => c.Round).DefaultIfEmpty().Max();

    private static AgreedCheckpoint? Newest(LearningNode node) => AgreedCheckpoint.Newest(node.Replicated.Attestations, Run, Settings);

    private static LearningOptions Options(int index, RunSettings? settings) => new() { Settings = settings, Data = TinyData.Of(index) };
}
