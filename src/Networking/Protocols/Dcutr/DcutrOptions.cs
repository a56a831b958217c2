using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>How relayed connections are replaced by direct ones.</summary>
public sealed record DcutrOptions
{
    /// <summary>The protocol.</summary>
    public static readonly ProtocolId Protocol = new("/libp2p/dcutr");

    /// <summary>Whether it is done at all.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Attempts at one connection, default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate() => ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxAttempts);
}
