using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>A mesh whose nodes mix some of the others only.</summary>
public sealed class TopologyTests
{
    private const int Honest = 6;
    private const int Pulled = 3;

    [Fact]
    public async Task Six_nodes_and_an_attacker_mix_three_others_a_round_and_receive_no_more()
    {
        RunSettings run = new()
        {
            Model = "logistic",
            Topology = $"rpel-pull:{Pulled}",
            MinPeers = Honest + 1,
            Gradients = 120,
            MinDeadline = TimeSpan.FromSeconds(20), // nobody is left behind on a busy machine
            MaxDeadline = TimeSpan.FromSeconds(60), // a test that waits for it has failed
            EvaluateImages = 0,
        };
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync(Name(0), mesh.Trainer(Name(0), null, run, 0, Honest));
        for (int i = 1; i < Honest; i++)
        {
            mesh.Start(Name(i), mesh.Trainer(Name(i), seed, run, i, Honest));
        }

        mesh.Start("attacker", mesh.Trainer("attacker", seed, run, 0, Honest) with { Attack = new AttackSection { Name = "sign-flip" } });
        for (int i = 0; i < Honest; i++)
        {
            await mesh[Name(i)].Finished.WaitAsync(TestMesh.Limit);
        }

        var heard = new HashSet<string>();
        for (int i = 0; i < Honest; i++)
        {
            RunStarted started = mesh.Events<RunStarted>(Name(i)).Single();
            Assert.Equal(("rpel-pull:3", 1, "centred-clipping"), (started.Topology, started.Guard, started.Aggregator));
            RoundCompleted[] rounds = [.. mesh.Events<RoundCompleted>(Name(i))];
            Assert.Equal(run.Rounds, rounds[^1].Round);
            Assert.All(rounds, r => Assert.True(r.Mixed is "mixed" or "caught-up", $"{Name(i)}, round {r.Round}: {r.Mixed}")); // one that was behind may have jumped
            Assert.All(rounds.Where(r => r.Mixed == "mixed"), r => Assert.Equal(Pulled, r.Candidates.Count));
            Assert.InRange(rounds.Count(r => r.Mixed == "mixed"), run.Rounds / 2, run.Rounds);

            // Three models a round, of six. A few more when somebody spoke before this node knew all the members, or when one is fetched while it is pushed.
            long models = rounds.Sum(r => r.BytesIn) / (started.Parameters * sizeof(float));
            int arrived = rounds.Where(r => r.Mixed == "mixed").SelectMany(r => r.Candidates).Count(c => c.Outcome != "missing");
            Assert.InRange(models, arrived, (Pulled * run.Rounds * 3 / 2) + Honest);
            Assert.InRange(mesh.Events<RunFinished>(Name(i)).Single().Accuracy!.Value, 0.75, 1);
            heard.UnionWith(rounds.Select(r => string.Join(' ', r.Candidates.Select(c => c.Peer))));
        }

        Assert.True(heard.Count > Honest, $"{heard.Count} sets of neighbours in {Honest * run.Rounds} rounds: drawn anew in each");
    }

    private static string Name(int index) => $"node-{index}";
}
