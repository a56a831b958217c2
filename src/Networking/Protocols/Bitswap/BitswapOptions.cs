namespace P2PLearn.Networking.Protocols.Bitswap;

/// <summary>How much others may make this node hold and send.</summary>
public sealed record BitswapOptions
{
    /// <summary>Longest message read, what other stacks send at most.</summary>
    public int MaxMessageBytes { get; init; } = 4 << 20;

    /// <summary>Most entries of a wantlist, and most presences, of one message.</summary>
    public int MaxEntriesPerMessage { get; init; } = 4096;

    /// <summary>Most blocks of one message.</summary>
    public int MaxBlocksPerMessage { get; init; } = 1024;

    /// <summary>Most wants kept of one peer; beyond, new ones are answered with "don't have" and forgotten.</summary>
    public int MaxWantsPerPeer { get; init; } = 4096;

    /// <summary>Most answers about presences that wait for one peer to read; beyond, it is cut off.</summary>
    public int MaxPresencesPerPeer { get; init; } = 8192;

    /// <summary>Most peers whose wants are kept.</summary>
    public int MaxPeers { get; init; } = 512;

    /// <summary>Bytes of blocks after which a message is sent. With one message a peer under way, this bounds what is in flight to one.</summary>
    public int MaxServeBytes { get; init; } = 512 * 1024;

    /// <summary>Most bytes of blocks in flight to all peers.</summary>
    public long MaxInFlightBytes { get; init; } = 32 << 20;

    /// <summary>A block up to this size is sent to who asks only whether it is there.</summary>
    public int MaxInlineBytes { get; init; } = 1024;

    /// <summary>Most inbound streams of one peer; other stacks open one for each message.</summary>
    public int MaxStreamsPerPeer { get; init; } = 32;

    /// <summary>Longest time from the first byte of an inbound message to its last.</summary>
    public TimeSpan MessageTimeout { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>Longest time to write one message before the stream is given up.</summary>
    public TimeSpan WriteTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>A stream that was quiet for so long is replaced before it is written to again: other stacks give theirs up after 10 s.</summary>
    public TimeSpan StreamIdle { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option that cannot work.</exception>
    public void Validate()
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 1024);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxEntriesPerMessage, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxBlocksPerMessage, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxWantsPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPresencesPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxPeers, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxServeBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxInFlightBytes, MaxServeBytes);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxStreamsPerPeer, 1);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(MessageTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(WriteTimeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(StreamIdle, TimeSpan.Zero);
    }
}
