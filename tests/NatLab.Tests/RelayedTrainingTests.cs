using System.Globalization;
using System.Text.Json.Nodes;
using P2PLearn.Actors.Training;
using P2PLearn.Node.Configuration;

namespace P2PLearn.NatLab.Tests;

/// <summary>Nodes that no hole punch connects train through relays for as long as they like.</summary>
public sealed class RelayedTrainingTests(ITestOutputHelper output)
{
    private const int Nodes = 6;

    /// <summary>Longer than a slot on a relay lasts, so that slots are renewed under way.</summary>
    private static readonly TimeSpan Soak = TimeSpan.FromMinutes(75);

    private static readonly RunSettings Endless = new()
    {
        Model = "mlp", Gradients = 1_000_000, LocalSteps = 5, MinPeers = Nodes, Faulty = 1, MaxDeadline = TimeSpan.FromSeconds(10),
    };

    [Fact(Explicit = true)]
    public async Task Long_nodes_behind_symmetric_NATs_train_through_relays_for_longer_than_a_slot_lasts()
    {
        await using LabDaemons daemons = new(await Laboratory.UpAsync("--delay", "250", "A=symmetric", "B=symmetric"));
        int share = 0;
        foreach (string host in (string[])["relay", "pub2", "a1", "a2", "b1", "b2"])
        {
            int own = share++;
            await daemons.StartAsync(host, options => options with
            {
                Data = new DataSection { Source = "mnist:" + LabDaemons.Mnist(), Partition = "dirichlet:1", Share = own, Shares = Nodes },
                Run = Endless,
            });
        }

        await Task.Delay(Soak, TimeProvider.System);

        foreach (HostProcess process in daemons.Processes)
        {
            double[] waits = [.. process.Events.Where(e => (string?)e["event"] == "round").Select(e => (double)e["wait_milliseconds"]!).Order()];
            output.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"{process.Host}: {waits.Length} rounds, waits median {waits[waits.Length / 2]:0} ms, longest {waits[^1]:0} ms"));
            Assert.True(waits[^1] < Endless.MaxDeadline.TotalMilliseconds * 3, "a round waited without a quorum to the end");
            Assert.DoesNotContain(process.Events, e => (string?)e["event"] is "rebuilt" or "members" && (int?)e["unreachable"] > 0);
        }

        JsonObject view = await daemons.NatAsync("a1");
        Assert.Equal(2, view["peers"]!.AsArray().Count(peer => (string?)peer!["path"] == "relayed"));
        int[] rounds = [.. daemons.Processes.Select(process => process.Events.Count(e => (string?)e["event"] == "round"))];
        Assert.True(rounds.Max() - rounds.Min() <= 2, $"rounds: {string.Join(", ", rounds)}");
    }
}
