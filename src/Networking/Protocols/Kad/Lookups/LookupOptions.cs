using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad.Lookups;

/// <summary>How the network is searched.</summary>
public sealed record LookupOptions
{
    /// <summary>k: the lookup is over when so many of the closest peers seen have answered.</summary>
    public int ResultCount { get; init; } = 20;

    /// <summary>α: requests under way at once, over all paths.</summary>
    public int Concurrency { get; init; } = 10;

    /// <summary>d: paths that share no peer, so that one liar spoils one of them (S/Kademlia, 4.4).</summary>
    public int DisjointPaths { get; init; } = 5;

    /// <summary>Candidates of one IP group (IPv4 /16, IPv6 /32) on one path, and peers of it in the result: identities made up near a key come from few
    /// networks. Raise it where the whole mesh stands in one data centre.</summary>
    public int MaxPerGroup { get; init; } = 4;

    /// <summary>Requests of one lookup, answered or not.</summary>
    public int MaxRequests { get; init; } = 200;

    /// <summary>Time after which a request holds no place among the <see cref="Concurrency"/> any more; its answer still counts.</summary>
    public TimeSpan SlowAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>One request, dialling included.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>The whole lookup.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Which addresses are limited by group.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(ResultCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(Concurrency);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(DisjointPaths);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPerGroup);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxRequests, ResultCount);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(SlowAfter, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RequestTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Timeout, TimeSpan.Zero);
    }
}
