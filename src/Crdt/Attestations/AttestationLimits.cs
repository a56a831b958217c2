using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Attestations;

/// <summary>How large a set of attestations may be, decoded or merged.</summary>
public sealed record AttestationLimits
{
    /// <summary>The limits used when none are given.</summary>
    public static AttestationLimits Default { get; } = new();

    /// <summary>Most runs under one kind. Default 64.</summary>
    public int MaxRuns { get; init; } = 64;

    /// <summary>Most peers under one kind and run. Default 256.</summary>
    public int MaxPeersPerRun { get; init; } = 256;

    /// <summary>Most attestations, each version counted, in one set. Default 16,384.</summary>
    public int MaxEntries { get; init; } = 16_384;

    /// <summary>Longest payload in bytes. Default, and most, <see cref="Attestation.MaxPayloadBytes"/>.</summary>
    public int MaxPayloadBytes { get; init; } = Attestation.MaxPayloadBytes;

    /// <summary>Most bytes of all payloads of one set together. Default 8 MiB.</summary>
    public int MaxTotalPayloadBytes { get; init; } = 8 * 1024 * 1024;

    /// <summary>The limits of the encoding underneath.</summary>
    public CrdtLimits Encoding { get; init; } = CrdtLimits.Default;

    /// <summary>Refuses limits that make no sense.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A limit is zero, negative or beyond the format's.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxRuns);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPeersPerRun);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxEntries);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxPayloadBytes);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPayloadBytes, Attestation.MaxPayloadBytes);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(MaxTotalPayloadBytes);
        Encoding.Validate();
    }
}
