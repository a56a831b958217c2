namespace P2PLearn.Networking.Protocols.Identify;

/// <summary>What one identify exchange may bring, however it is cut in pieces.</summary>
/// <remarks>go-libp2p#3501: without the sums, ten messages planted 1800 protocols.</remarks>
internal static class IdentifyLimits
{
    /// <summary>Bytes of a message that we send: rust-libp2p reads no more.</summary>
    public const int MaxOutboundMessageBytes = 4_096;

    /// <summary>Bytes of a message that we read, as go and js do.</summary>
    public const int MaxInboundMessageBytes = 8_192;

    /// <summary>Messages of one exchange.</summary>
    public const int MaxMessages = 10;

    /// <summary>Protocols kept of a peer; the rest is dropped.</summary>
    public const int MaxProtocols = 1_024;

    /// <summary>Addresses kept of a peer; the rest is dropped.</summary>
    public const int MaxAddresses = 500;

    /// <summary>Characters kept of an agent or protocol version.</summary>
    public const int MaxVersionLength = 256;
}
