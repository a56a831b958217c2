using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>How many providers are kept for others, and for how long.</summary>
public sealed record ProviderStoreOptions
{
    /// <summary>Pairs of key and provider in all.</summary>
    public int MaxProviders { get; init; } = 65_536;

    /// <summary>Providers of one key.</summary>
    public int MaxPerKey { get; init; } = 64;

    /// <summary>Providers of one key from one IP group (IPv4 /16, IPv6 /32).</summary>
    public int MaxPerGroup { get; init; } = 8;

    /// <summary>Keys of one provider.</summary>
    public int MaxPerPeer { get; init; } = 2_048;

    /// <summary>How long a provider counts after it last said so.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(48);

    /// <summary>How long its addresses count; then only its peer id is told.</summary>
    public TimeSpan AddressLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Which addresses are limited by group.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxProviders);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPerKey);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPerKey, KadLimits.MaxProviderPeers);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPerGroup);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPerPeer);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Lifetime, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(AddressLifetime, TimeSpan.Zero);
    }
}
