using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Training;
using P2PLearn.Node.Configuration;

namespace P2PLearn.Mesh.Tests;

/// <summary>A mesh whose models travel in 16 bits, and that mixes twice after its local steps.</summary>
public sealed class MixingRoundsTests
{
    private const int Honest = 4;

    [Fact]
    public async Task Four_nodes_and_an_attacker_mix_twice_and_send_half_the_bytes()
    {
        RunSettings run = new()
        {
            Model = "logistic",
            MinPeers = Honest + 1,
            Gradients = 120,
            MixingRounds = 2,
            ExchangePrecision = "float16",
            MinDeadline = TimeSpan.FromSeconds(20), // nobody is left behind on a busy machine
            MaxDeadline = TimeSpan.FromSeconds(60), // a test that waits for it has failed
        };
        await using var mesh = new TestMesh();
        string seed = await mesh.FoundAsync(Name(0), mesh.Trainer(Name(0), null, run, 0, Honest));
        for (int i = 1; i < Honest; i++)
        {
            mesh.Start(Name(i), mesh.Trainer(Name(i), seed, run, i, Honest));
        }

        mesh.Start("attacker", mesh.Trainer("attacker", seed, run, 0, Honest) with { Attack = new AttackSection { Name = "foe" } });
        for (int i = 0; i < Honest; i++)
        {
            await mesh[Name(i)].Finished.WaitAsync(TestMesh.Limit);
        }

        for (int i = 0; i < Honest; i++)
        {
            RunStarted started = mesh.Events<RunStarted>(Name(i)).Single();
            RoundCompleted[] rounds = [.. mesh.Events<RoundCompleted>(Name(i))];
            Assert.Equal((12, 12), (started.Rounds, rounds[^1].Round));
            Assert.All(rounds.Where(r => r.Mixed == "mixed"), r => Assert.Equal(r.Round % 2 == 1, r.Loss is not null)); // local steps in every other round
            Assert.Contains(rounds, r => r is { Mixed: "mixed", Loss: null });

            // The models of four others in each of twelve rounds, each of two bytes a parameter; on a busy machine a few are fetched while they are pushed.
            long models = rounds.Sum(r => r.BytesIn) / (started.Parameters * 2);
            int arrived = rounds.Where(r => r.Mixed == "mixed").SelectMany(r => r.Candidates).Count(c => c.Outcome != "missing");
            Assert.InRange(models, arrived, 12 * Honest * 3 / 2);
            Assert.InRange(mesh.Events<RunFinished>(Name(i)).Single().Accuracy!.Value, 0.75, 1);
        }
    }

    private static string Name(int index) => $"node-{index}";
}
