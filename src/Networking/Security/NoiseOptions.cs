namespace P2PLearn.Networking.Security;

/// <summary>Limits of the Noise handshake and of the channel after it.</summary>
public sealed record NoiseOptions
{
    /// <summary>Longest a whole handshake may take, whatever trickles in meanwhile.</summary>
    public TimeSpan HandshakeTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Longest handshake payload taken from a stranger. An Ed25519 identity with one muxer takes 122 bytes.</summary>
    public int MaxPayloadBytes { get; init; } = 4096;

    /// <summary>
    /// Largest receive buffer of a channel. It starts at 4 KiB and doubles while reads fill it; bigger ones mean fewer system calls
    /// in bulk transfers. At least one frame, 65,537 bytes.
    /// </summary>
    public int MaxReceiveBufferBytes { get; init; } = 256 * 1024;

    /// <summary>Most sealed bytes handed to the link in one write. At least one frame, 65,537 bytes.</summary>
    public int MaxSendBatchBytes { get; init; } = 256 * 1024;

    /// <summary>Throws when a value is out of its range.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Which value, and its range.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HandshakeTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPayloadBytes, 256);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxPayloadBytes, 60_000);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxReceiveBufferBytes, NoiseFrame.MaxBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSendBatchBytes, NoiseFrame.MaxBytes);
    }
}
