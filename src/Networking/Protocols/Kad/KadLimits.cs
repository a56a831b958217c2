namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>What one message may bring.</summary>
internal static class KadLimits
{
    /// <summary>Bytes of a request that we read, and of any message that we send: rust-libp2p reads no more.</summary>
    public const int MaxRequestBytes = 16 * 1024;

    /// <summary>Bytes of an answer that we read. Others send more addresses than we do, up to 4 MiB; the rest of such a list
    /// is worth nothing.</summary>
    public const int MaxAnswerBytes = 256 * 1024 - 16;

    /// <summary>Bytes of a key. The longest in use are <c>/p2plearn/(peer id)/(name)</c>.</summary>
    public const int MaxKeyBytes = 256;

    /// <summary>Bytes of a value, so that its message stays below <see cref="MaxRequestBytes"/>.</summary>
    public const int MaxValueBytes = 10 * 1024;

    /// <summary>Closer peers kept of an answer: k.</summary>
    public const int MaxCloserPeers = 20;

    /// <summary>Providers kept of a message.</summary>
    public const int MaxProviderPeers = 64;

    /// <summary>Addresses kept or told of a peer.</summary>
    public const int MaxAddresses = 8;

    /// <summary>Characters of a time that we read: RFC 3339 with nanoseconds and an offset has 35.</summary>
    public const int MaxTimeLength = 40;
}
