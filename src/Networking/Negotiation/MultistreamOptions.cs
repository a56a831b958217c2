namespace P2PLearn.Networking.Negotiation;

/// <summary>Limits of multistream-select.</summary>
public sealed record MultistreamOptions
{
    /// <summary>Longest message, newline included: the limit of go-libp2p and js-libp2p.</summary>
    public int MaxMessageBytes { get; init; } = 1024;

    /// <summary>Most proposals that a listener answers on one link or stream before it ends it.</summary>
    public int MaxProposals { get; init; } = 32;

    /// <summary>Longest a whole negotiation may take, whatever trickles in meanwhile.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Throws when a value is out of its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Which value, and its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 64);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxMessageBytes, 16 * 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxProposals, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(Timeout, TimeSpan.Zero);
    }
}
