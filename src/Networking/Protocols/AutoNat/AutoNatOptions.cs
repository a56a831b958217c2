namespace P2PLearn.Networking.Protocols.AutoNat;

/// <summary>How a node finds out whether it can be reached, and how much it helps others to.</summary>
public sealed record AutoNatOptions
{
    /// <summary>Whether it asks others.</summary>
    public bool Client { get; init; } = true;

    /// <summary>Whether it answers others by dialling back.</summary>
    public bool Server { get; init; } = true;

    /// <summary>Distinct observers, by IP network, that have to agree before an observed address is believed, default 2.</summary>
    public int Observers { get; init; } = 2;

    /// <summary>Observed addresses kept of each address we listen on, default 3; as many guesses of each family for hole
    /// punching.</summary>
    public int MaxObservedPerListen { get; init; } = 3;

    /// <summary>Observers remembered of each address we listen on, default 64.</summary>
    public int MaxObservers { get; init; } = 64;

    /// <summary>How long an observation outlives its connection, default 40 min.</summary>
    public TimeSpan ObservationLifetime { get; init; } = TimeSpan.FromMinutes(40);

    /// <summary>Servers at different IPs that have to agree on an address, default 2. A v1 answer, which proves nothing,
    /// counts half. Where there is one server only, it is asked as often.</summary>
    public int Confirmations { get; init; } = 2;

    /// <summary>By how many answers the others have to be ahead before a verdict is turned round, default 2.</summary>
    public int FlipMargin { get; init; } = 2;

    /// <summary>How long an answer counts, default 45 min.</summary>
    public TimeSpan AnswerLifetime { get; init; } = TimeSpan.FromMinutes(45);

    /// <summary>From a server's identify until it is asked, default 1 s: time for a second address to be learnt.</summary>
    public TimeSpan FirstProbeDelay { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>When the only server is asked again for the confirmation, default 5 s.</summary>
    public TimeSpan ConfirmDelay { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>When a server is asked again while there is no verdict, or after it failed, default 90 s.</summary>
    public TimeSpan RetryInterval { get; init; } = TimeSpan.FromSeconds(90);

    /// <summary>When a verdict is tested anew, default 15 min.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMinutes(15);

    /// <summary>Servers asked at the same time, default 3.</summary>
    public int MaxProbesAtOnce { get; init; } = 3;

    /// <summary>Addresses of ours that are tested, default 16.</summary>
    public int MaxTestedAddresses { get; init; } = 16;

    /// <summary>Bytes that a server may ask us to upload before it dials an address that is not where it sees us, default
    /// 200 KiB, as js-libp2p.</summary>
    public int MaxDialDataBytes { get; init; } = 200 * 1024;

    /// <summary>One request with everything in it: upload, the server's pause and its dial; default 45 s.</summary>
    public TimeSpan ProbeTimeout { get; init; } = TimeSpan.FromSeconds(45);

    /// <summary>Whether an address behind a NAT counts as public only when somebody got through whom we had not contacted,
    /// default true.</summary>
    /// <remarks>A NAT that filters by address lets the dial-backs of every server pass that we are connected to: their yes
    /// proves nothing for others. Servers of this program have another one dial back (<see
    /// cref="AutoNatServerLimits.MaxDelegationsPerMinute"/>), those of other programs do not.</remarks>
    public bool RequireStranger { get; init; } = true;

    /// <summary>How long a node that may be behind a NAT waits for the first answer before it dials everybody, default 15 s:
    /// whom it has dialled is no stranger any more.</summary>
    /// <remarks>A first yes that came from somebody contacted answers nothing: a second answer is waited for. As long, counted from the first request, nobody is dialled for others either.</remarks>
    public TimeSpan FirstAnswerPatience { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long somebody we were connected to is no stranger, default 2 h 4 min (RFC 5382, REQ-5: how long a NAT
    /// keeps an idle TCP mapping).</summary>
    public TimeSpan ContactMemory { get; init; } = TimeSpan.FromMinutes(124);

    /// <summary>What others may ask of us.</summary>
    public AutoNatServerLimits Limits { get; init; } = new();

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A value that cannot work.</exception>
    public void Validate()
    {
        foreach (int count in (ReadOnlySpan<int>)
            [Observers, MaxObservedPerListen, MaxObservers, Confirmations, FlipMargin, MaxProbesAtOnce, MaxTestedAddresses])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        }

        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)
            [ObservationLifetime, AnswerLifetime, ConfirmDelay, RetryInterval, RefreshInterval, ProbeTimeout])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(FirstProbeDelay, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(ContactMemory, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfLessThan(FirstAnswerPatience, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxDialDataBytes);
        Limits.Validate();
    }
}
