namespace P2PLearn.Networking.Blocks;

/// <summary>How blocks are fetched from several providers at once.</summary>
public sealed record FetchOptions
{
    /// <summary>Least and first window: bytes asked of a provider and not yet come.</summary>
    public long MinWindowBytes { get; init; } = 512 * 1024;

    /// <summary>Largest window of a provider.</summary>
    public long MaxWindowBytes { get; init; } = 16 << 20;

    /// <summary>A provider that owes blocks and sends less than <see cref="MinProgressBytes"/> for so long is dropped.</summary>
    public TimeSpan StallTimeout { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>What counts as progress, so that a drip does not.</summary>
    public int MinProgressBytes { get; init; } = 16 * 1024;

    /// <summary>Most names that a provider is asked about and has not said that it has: other stacks keep 1024 wants of a peer.</summary>
    public int MaxProbes { get; init; } = 1000;

    /// <summary>When nothing else is left, a block asked for so long ago is asked of a second provider.</summary>
    public TimeSpan EndgameAfter { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long a stalled provider is left alone.</summary>
    public TimeSpan StalledPause { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long a lost connection to a provider is left alone.</summary>
    public TimeSpan LostPause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long a provider that sent what nobody asked for is left alone.</summary>
    public TimeSpan LiarPause { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long a fetch goes on without a provider that has anything of what is missing, once no more are announced.</summary>
    public TimeSpan NoProviderTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>Most providers at once.</summary>
    public int MaxProviders { get; init; } = 32;
}
