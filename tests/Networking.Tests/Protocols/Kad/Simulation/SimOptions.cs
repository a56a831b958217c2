using P2PLearn.Networking.Protocols.Kad.Lookups;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Simulation;

/// <summary>A simulated network.</summary>
internal sealed record SimOptions
{
    public int Nodes { get; init; } = 200;

    public int Seed { get; init; } = 1;

    /// <summary>One way between two nodes, fixed for each pair, in [Min, Max).</summary>
    public TimeSpan MinDelay { get; init; } = TimeSpan.FromMilliseconds(5);

    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(50);

    /// <summary>Round trips of the first request between two nodes: TCP, Noise, the stream.</summary>
    public int DialRoundTrips { get; init; } = 3;

    /// <summary>Every so many messages go through the codec and count bytes; 0 for none.</summary>
    public int CodecEvery { get; init; }

    /// <summary>Among all nodes: those that name each other only and keep nothing.</summary>
    public int Adversaries { get; init; }

    /// <summary>Bits that the ids of adversaries share with the key under attack; 0 for ids at random.</summary>
    public int SybilPrefix { get; init; }

    /// <summary>IPv4 /16 nets that the adversaries have; 0 for one each.</summary>
    public int AdversaryNets { get; init; }

    /// <summary>Buckets, from the farthest, that a node looks up when it joins; its own surroundings besides.</summary>
    public int RefreshedBuckets { get; init; } = 3;

    public int Quorum { get; init; } = 3;

    public LookupOptions Lookup { get; init; } = new();
}
