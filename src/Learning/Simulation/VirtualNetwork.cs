namespace P2PLearn.Learning.Simulation;

/// <summary>When a model that is sent is there, whether it gets there at all, and who leaves: the links of all nodes in virtual time.</summary>
/// <remarks>
/// Each draw is a hash of the seed and of what it is about, so one message does not change the fate of another. A node's link carries one
/// model at a time each way: what is sent meanwhile waits. No propagation of packets, no congestion between the ends.
/// </remarks>
/// <param name="options">Checked.</param>
/// <param name="seed">The run's.</param>
/// <param name="nodes">n.</param>
/// <param name="modelBytes">Bytes of a model on the wire.</param>
internal sealed class VirtualNetwork(NetworkOptions options, ulong seed, int nodes, long modelBytes)
{
    private readonly TimeSpan[] _uplinkFree = new TimeSpan[nodes];
    private readonly TimeSpan[] _downlinkFree = new TimeSpan[nodes];

    private enum About : ulong
    {
        Latency = 0x6C61_7465,
        Loss = 0x6C6F_7373,
        Bandwidth = 0x6261_6E64,
        Leaving = 0x6C65_6176,
        Away = 0x6177_6179,
    }

    /// <summary>One-way delay of the k-th message about a contribution.</summary>
    public TimeSpan Latency(int round, int from, int to, int attempt) =>
        TimeSpan.FromMilliseconds(options.Latency.At(Draw(About.Latency, round, from, to, attempt)));

    /// <summary>Whether the k-th transfer of a contribution breaks.</summary>
    public bool IsLost(int round, int from, int to, int attempt) =>
        options.Loss > 0 && Draw(About.Loss, round, from, to, attempt) < options.Loss;

    /// <summary>How long until the last byte of a model has left a node that sends it now.</summary>
    public TimeSpan Upload(int from, TimeSpan now) => Occupy(_uplinkFree, from, now);

    /// <summary>How long until a node whose link a model reaches now has its last byte.</summary>
    public TimeSpan Download(int to, TimeSpan now) => Occupy(_downlinkFree, to, now);

    /// <summary>How long a node is away after a round, from now on; null when it stays.</summary>
    public TimeSpan? AwayAfter(int round, int node) => options.Churn > 0 && Draw(About.Leaving, round, node, node, 0) < options.Churn
        ? TimeSpan.FromSeconds(options.AwaySeconds * (0.5 + Draw(About.Away, round, node, node, 0)))
        : null;

    private TimeSpan Occupy(TimeSpan[] free, int node, TimeSpan now)
    {
        if (options.Bandwidth is not { } bandwidth)
        {
            return TimeSpan.Zero;
        }

        double bitsPerSecond = 1e6 * bandwidth.At(Draw(About.Bandwidth, 0, node, node, 0));
        TimeSpan begins = free[node] > now ? free[node] : now;
        free[node] = begins + TimeSpan.FromSeconds(8 * modelBytes / bitsPerSecond);
        return free[node] - now;
    }

    private double Draw(About about, int round, int from, int to, int attempt)
    {
        ulong state = seed ^ (ulong)about;
        ulong mixed = SeededRandom.SplitMix64(ref state) ^ Pair(from, to);
        mixed = SeededRandom.SplitMix64(ref mixed) ^ Pair(round, attempt);
        return (SeededRandom.SplitMix64(ref mixed) >> 11) * (1.0 / (1UL << 53));
    }

    private static ulong Pair(int high, int low) => ((ulong)(uint)high << 32) | (uint)low;
}
