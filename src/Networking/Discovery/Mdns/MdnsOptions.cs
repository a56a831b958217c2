namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>How peers are looked for on the local network, and what strangers there may cost.</summary>
public sealed record MdnsOptions
{
    /// <summary>The service that is asked for and answered to; see <see cref="MdnsServiceName"/>.</summary>
    public string ServiceName { get; init; } = MdnsServiceName.Public;

    /// <summary>The UDP port; another than 5353 finds only peers that use it too.</summary>
    public int Port { get; init; } = 5353;

    /// <summary>Whether the loopback interface is used as well: nodes that listen on loopback alone then find each other.</summary>
    public bool IncludeLoopback { get; init; }

    /// <summary>How long after the first question of an interface comes the second. Each further wait is twice as long (RFC 6762, 5.2),
    /// up to <see cref="QueryInterval"/>: at 0, 1, 3, 7, 15, 31 and 63 seconds, then once an interval.</summary>
    public TimeSpan FirstQueryWait { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The wait between questions once the first minute is over, a tenth more at random.</summary>
    /// <remarks>
    /// js-libp2p asks every 10 s, and each question makes every peer on the network speak. A newcomer asks by itself, and its own answer
    /// goes to all, so that later questions only make up for lost packets: once a minute is enough, still twice within the life of an
    /// answer. A question heard from another peer counts as ours (RFC 6762, 7.3), so that a network of n nodes hears one a minute, not n.
    /// </remarks>
    public TimeSpan QueryInterval { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>How long others may hold our answer true, in whole seconds.</summary>
    public TimeSpan AnswerTtl { get; init; } = TimeSpan.FromSeconds(120);

    /// <summary>The least time that an answer waits, so that not all peers speak at once (RFC 6762, 6).</summary>
    public TimeSpan MinAnswerDelay { get; init; } = TimeSpan.FromMilliseconds(20);

    /// <summary>The most time that an answer waits when none was sent within <see cref="AnswerPause"/>.</summary>
    public TimeSpan MaxAnswerDelay { get; init; } = TimeSpan.FromMilliseconds(120);

    /// <summary>The least time between two answers on one interface (RFC 6762, 6): who asks faster is answered at this pace.</summary>
    public TimeSpan AnswerPause { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>The least time between two reports of one peer, however often its addresses change.</summary>
    public TimeSpan MinTellInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Peers remembered, a peer on two interfaces counted twice. Another one is not believed until one expires.</summary>
    public int MaxPeers { get; init; } = 256;

    /// <summary>Peers remembered of one source address: the nodes of one machine.</summary>
    public int MaxPeersPerSource { get; init; } = 16;

    /// <summary>Addresses taken of one answer, and put into ours.</summary>
    public int MaxAddressesPerPeer { get; init; } = 16;

    /// <summary>Packets looked at on one interface within a second; further ones are dropped unread. 300 peers that answer at
    /// once, by IPv4 and IPv6, stay below.</summary>
    public int MaxPacketsPerSecond { get; init; } = 1_000;

    /// <summary>Longest answer of ours; addresses that do not fit are left out. The default goes unfragmented over every IPv6 link.</summary>
    public int MaxAnswerBytes { get; init; } = 1_232;

    /// <summary>Interfaces used at once, those with an IPv4 address first; Linux lets a socket join 20 groups.</summary>
    public int MaxInterfaces { get; init; } = 16;

    /// <summary>Checks what can be checked before anything starts.</summary>
    /// <exception cref="ArgumentException">A name or limit that cannot work.</exception>
    public void Validate()
    {
        if (!DnsName.TryParse(ServiceName, out DnsName? service) || service.Wire.Length + 1 + MdnsState.PeerNameLength > DnsName.MaxBytes)
        {
            throw new ArgumentException($"'{ServiceName}' is no DNS-SD service name such as {MdnsServiceName.Public}");
        }

        ArgumentOutOfRangeException.ThrowIfNotEqual(Port, (ushort)Port);
        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)[FirstQueryWait, QueryInterval, MinAnswerDelay, AnswerPause, MinTellInterval])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }

        ArgumentOutOfRangeException.ThrowIfZero(Port);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(FirstQueryWait, QueryInterval);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(QueryInterval, TimeSpan.FromHours(1)); // RFC 6762, 5.2
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MinAnswerDelay, MaxAnswerDelay);
        ArgumentOutOfRangeException.ThrowIfLessThan(AnswerTtl, MdnsSightings.MinTtl);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(AnswerTtl, MdnsSightings.MaxTtl);
        foreach (int count in (ReadOnlySpan<int>)[MaxPeers, MaxPeersPerSource, MaxAddressesPerPeer, MaxPacketsPerSecond, MaxInterfaces])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MaxAnswerBytes, 512);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxAnswerBytes, DnsReader.MaxPacketBytes);
    }
}
