using P2PLearn.Networking.Negotiation;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>How relayed connections are replaced by direct ones.</summary>
public sealed record DcutrOptions
{
    /// <summary>The protocol.</summary>
    public static readonly ProtocolId Protocol = new("/libp2p/dcutr");

    /// <summary>Longest message in bytes (libp2p specs, DCUtR).</summary>
    public const int MaxMessageBytes = 4_096;

    /// <summary>Inbound streams of one peer: one in use, one on its way out.</summary>
    public const int MaxStreamsPerPeer = 2;

    /// <summary>Whether this node begins it; it always answers.</summary>
    public bool Enabled { get; init; } = true;

    /// <summary>Attempts at one connection, default 3.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Addresses of a peer that are dialled at once, and of ours that it is told.</summary>
    public int MaxAddresses { get; init; } = 8;

    /// <summary>Hole punches that this node has under way as the one that began; further ones wait.</summary>
    public int MaxOpenedAtOnce { get; init; } = 8;

    /// <summary>Hole punches that others have under way with this node; further ones are refused.</summary>
    public int MaxAnsweredAtOnce { get; init; } = 16;

    /// <summary>Exchanges that a peer may begin in a row; one more comes back every <see cref="ExchangePause"/>.</summary>
    public int ExchangeBurst { get; init; } = 6;

    /// <summary>See <see cref="ExchangeBurst"/>.</summary>
    public TimeSpan ExchangePause { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a peer may take for each message.</summary>
    public TimeSpan MessageTimeout { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How long one attempt dials. A remote that leaves it to its kernel sends its second SYN after 1 s and its
    /// third after 3 s.</summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>The handshakes over a punched link.</summary>
    public TimeSpan UpgradeTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Pause before a dial that was refused is made anew; doubles up to <see cref="MaxRedialPause"/>.</summary>
    public TimeSpan MinRedialPause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>See <see cref="MinRedialPause"/>.</summary>
    public TimeSpan MaxRedialPause { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How much longer than a round trip a silent link is listened to before the side that should answer
    /// speaks first.</summary>
    public TimeSpan RoleMargin { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Silence before the next attempt when a link of the one before came up and broke: Linux routers keep the
    /// ended connection for 10 s, and let no SYN of the other side through until then.</summary>
    public TimeSpan QuietPause { get; init; } = TimeSpan.FromSeconds(11);

    /// <summary>Pause after a failure before the same connection is tried again; doubles up to
    /// <see cref="MaxRetryPause"/>.</summary>
    public TimeSpan RetryPause { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>See <see cref="RetryPause"/>.</summary>
    public TimeSpan MaxRetryPause { get; init; } = TimeSpan.FromHours(1);

    /// <summary>Least pause after a failure when this node has learnt new addresses of its own.</summary>
    public TimeSpan MinRetryPause { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        foreach (int count in (ReadOnlySpan<int>)
            [MaxAttempts, MaxAddresses, MaxOpenedAtOnce, MaxAnsweredAtOnce, ExchangeBurst])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        }

        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)
            [
                ExchangePause, MessageTimeout, AttemptTimeout, UpgradeTimeout, MinRedialPause, MaxRedialPause, RoleMargin,
                QuietPause, RetryPause, MaxRetryPause, MinRetryPause,
            ])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }
    }
}
