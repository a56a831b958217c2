using System.Globalization;

namespace P2PLearn.Crdt.Tests;

public sealed class ConvergenceTests
{
    private const int Replicas = 100;

    [Fact]
    public void A_hundred_replicas_agree_whatever_the_network_did() => Converge(seeds: 20);

    [Fact(Explicit = true)]
    public void Long_a_hundred_replicas_agree_for_500_seeds() => Converge(seeds: 500);

    private static void Converge(int seeds)
    {
        (long sent, long lost, long repeated, long deltas, long states) = (0, 0, 0, 0, 0);
        for (int seed = 0; seed < seeds; seed++)
        {
            ReplicaNetwork network = new(Replicas, seed);
            foreach (int groups in (int[])[1, 3, 1, 2])
            {
                network.Partition(groups);
                network.Run(speakers: 30, deliveriesBetween: 80); // 120 in all: each replica speaks
                if (seed % 2 == 0 && groups == 1)
                {
                    network.Settle(); // with every other seed what was lost in one partition is lost through the next
                }
            }

            Assert.True(network.Digests.Count > 1, $"seed {seed}: the replicas agree before the partition has healed");
            network.Partition(groups: 1);
            network.Settle();

            Assert.True(network.Digests.Count == 1, $"seed {seed}: {network.Digests.Count} different states of {Replicas} replicas");
            Assert.True(network.Expected == network.Digests.First(), $"seed {seed}: all agree, on something else than what was said");
            (sent, lost, repeated) = (sent + network.Sent, lost + network.Lost, repeated + network.Repeated);
            (deltas, states) = (deltas + network.DeltaBytes, states + network.StateBytes);
        }

        TestContext.Current.TestOutputHelper?.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"{Replicas} replicas, {seeds} seeds: {sent} messages, {lost} lost, {repeated} repeated; deltas {deltas / 1e6:F1} MB, full states {states / 1e6:F1} MB, {(double)states / deltas:F0} times as much"));
    }
}
