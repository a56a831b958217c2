namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>What others may ask of this node as an AutoNAT server, so that it is no weapon in their hands.</summary>
/// <remarks>The defaults are go-libp2p's where it has one.</remarks>
public sealed record AutoNatServerLimits
{
    /// <summary>v2 requests in any minute, default 60.</summary>
    public int MaxRequestsPerMinute { get; init; } = 60;

    /// <summary>v2 requests of one peer in any minute, default 12.</summary>
    public int MaxRequestsPerPeer { get; init; } = 12;

    /// <summary>Requests, v1 and v2 each, of one IP in any minute, default 24: peer ids cost nothing.</summary>
    public int MaxRequestsPerIp { get; init; } = 24;

    /// <summary>v2 requests in any minute for an IP other than the requester's, default 12.</summary>
    public int MaxForeignDialsPerMinute { get; init; } = 12;

    /// <summary>Of those, to any one IP, whoever asks for it; default 4.</summary>
    public int MaxForeignDialsPerTarget { get; init; } = 4;

    /// <summary>v1 requests in any minute, default 30.</summary>
    public int MaxV1RequestsPerMinute { get; init; } = 30;

    /// <summary>v1 requests of one peer in any minute, default 3.</summary>
    public int MaxV1RequestsPerPeer { get; init; } = 3;

    /// <summary>Requests served at the same time, default 16.</summary>
    public int MaxConcurrent { get; init; } = 16;

    /// <summary>Requests of one peer served at the same time, default 2.</summary>
    public int MaxConcurrentPerPeer { get; init; } = 2;

    /// <summary>Addresses of a v2 request that are looked at, default 50.</summary>
    public int MaxAddresses { get; init; } = 50;

    /// <summary>Addresses of a v1 request that are looked at, default 16.</summary>
    public int MaxV1Addresses { get; init; } = 16;

    /// <summary>Addresses of a v1 request that are dialled, one after the other, default 4.</summary>
    public int MaxV1Dials { get; init; } = 4;

    /// <summary>Bytes of a message, default 8192.</summary>
    public int MaxMessageBytes { get; init; } = 8_192;

    /// <summary>Least upload asked for before an IP other than the requester's is dialled, default 30,000 bytes.</summary>
    public int MinDialDataBytes { get; init; } = 30_000;

    /// <summary>Largest such upload, default 100,000 bytes.</summary>
    public int MaxDialDataBytes { get; init; } = 100_000;

    /// <summary>Least bytes of a message of the upload but the last, default 64: less is a drip.</summary>
    public int MinDialDataChunkBytes { get; init; } = 64;

    /// <summary>Longest pause, of random length, before such a dial, default 3 s: many servers asked at once do not dial
    /// at once.</summary>
    public TimeSpan MaxForeignDialPause { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>How long a request may take to arrive, default 15 s.</summary>
    public TimeSpan RequestTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the upload may take, default 15 s.</summary>
    public TimeSpan DialDataTimeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>One dial with its handshakes, default 5 s: who does not answer the second repetition of a SYN does not answer.</summary>
    public TimeSpan DialTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The dial-back stream, default 5 s.</summary>
    public TimeSpan DialBackTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How often in any minute another server is asked to dial in our place, default 30; 0 for never. Each costs us
    /// the upload that it asks for, 100 kB at most, so that 30 nodes that join in a minute cost 50 kB/s.</summary>
    /// <remarks>The requester is connected to us, so that its NAT may let us pass though it lets no stranger: a server
    /// that it is not connected to is the better judge.</remarks>
    public int MaxDelegationsPerMinute { get; init; } = 30;

    /// <summary>Of those, for one peer, default 3.</summary>
    public int MaxDelegationsPerPeer { get; init; } = 3;

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        foreach (int count in (ReadOnlySpan<int>)
        [
            MaxRequestsPerMinute, MaxRequestsPerPeer, MaxRequestsPerIp, MaxV1RequestsPerMinute, MaxV1RequestsPerPeer,
            MaxConcurrent, MaxConcurrentPerPeer, MaxAddresses, MaxV1Addresses, MaxV1Dials, MinDialDataChunkBytes,
        ])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        }

        foreach (int count in (ReadOnlySpan<int>)
            [MaxForeignDialsPerMinute, MaxForeignDialsPerTarget, MaxDelegationsPerMinute, MaxDelegationsPerPeer])
        {
            ArgumentOutOfRangeException.ThrowIfNegative(count);
        }

        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)
            [RequestTimeout, DialDataTimeout, DialTimeout, DialBackTimeout])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MaxForeignDialPause, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxMessageBytes, 256);
        ArgumentOutOfRangeException.ThrowIfLessThan(MinDialDataBytes, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxDialDataBytes, MinDialDataBytes);
    }
}
