using System.Net;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Which gateways are asked for a port, how, and what their answers may cost.</summary>
public sealed record PortMapperOptions
{
    /// <summary>Ask by UPnP IGD.</summary>
    public bool EnableUpnp { get; init; } = true;

    /// <summary>Ask by NAT-PMP.</summary>
    public bool EnableNatPmp { get; init; } = true;

    /// <summary>Ask by PCP.</summary>
    public bool EnablePcp { get; init; } = true;

    /// <summary>How long a mapping by PCP or NAT-PMP is asked for. RFC 6886, 3.3 recommends two hours.</summary>
    public TimeSpan Lifetime { get; init; } = TimeSpan.FromHours(2);

    /// <summary>How long a mapping by UPnP is asked for: shorter, since some gateways never forget one by themselves
    /// and many nodes end without a word.</summary>
    public TimeSpan UpnpLease { get; init; } = TimeSpan.FromHours(1);

    /// <summary>A grant shorter than this is taken as a refusal: renewing it would be all we do.</summary>
    public TimeSpan MinLifetime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>A longer grant is taken as this long. RFC 6887, 15: a client should not believe in more than a day.</summary>
    public TimeSpan MaxLifetime { get; init; } = TimeSpan.FromHours(24);

    /// <summary>Wait for the answer to the first datagram; each further wait is twice as long (RFC 6886, 3.1).</summary>
    public TimeSpan FirstRetryPause { get; init; } = TimeSpan.FromMilliseconds(250);

    /// <summary>Datagrams for one question. Three make 1.75 s; RFC 6886 allows nine, which make two minutes.</summary>
    public int MaxTries { get; init; } = 3;

    /// <summary>How long the answers to a UPnP search are waited for.</summary>
    public TimeSpan SsdpTimeout { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>One HTTP exchange with the gateway, from the connection to the last byte.</summary>
    public TimeSpan HttpTimeout { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Wait after the first search that found nothing; doubled after each further one.</summary>
    public TimeSpan FirstSearchPause { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>The longest wait between two searches.</summary>
    public TimeSpan MaxSearchPause { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often a held mapping is looked after: has the gateway restarted, is its address the same?</summary>
    public TimeSpan CheckInterval { get; init; } = TimeSpan.FromMinutes(2);

    /// <summary>The shortest wait between two attempts to renew (RFC 6887, 11.2.1).</summary>
    public TimeSpan MinRenewPause { get; init; } = TimeSpan.FromSeconds(4);

    /// <summary>How often the machine's default gateways are looked up, besides when its addresses change.</summary>
    public TimeSpan GatewayInterval { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How long the removal of the mappings may hold up <see cref="PortMapper.DisposeAsync"/>.</summary>
    public TimeSpan ReleaseTimeout { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Default gateways asked; a machine with more asks the first.</summary>
    public int MaxGateways { get; init; } = 4;

    /// <summary>Other external ports tried when a UPnP gateway says that one is taken.</summary>
    public int MaxUpnpPorts { get; init; } = 4;

    /// <summary>Different answers to one UPnP search that are looked into.</summary>
    public int MaxSsdpAnswers { get; init; } = 4;

    /// <summary>Longest answer to a UPnP search; they have some 400 bytes.</summary>
    public int MaxSsdpAnswerBytes { get; init; } = 2_048;

    /// <summary>Longest UPnP device description; they have some 4 to 20 kB.</summary>
    public int MaxDescriptionBytes { get; init; } = 128 * 1_024;

    /// <summary>Longest SOAP answer; they have some 500 bytes.</summary>
    public int MaxSoapAnswerBytes { get; init; } = 16 * 1_024;

    /// <summary>The gateways to ask instead of the machine's default gateways; null: those. An address given here may be
    /// outside the private ranges.</summary>
    public IReadOnlyList<IPAddress>? Gateways { get; init; }

    /// <summary>UDP port on which gateways answer PCP and NAT-PMP.</summary>
    public int PcpPort { get; init; } = 5351;

    /// <summary>UDP port on which gateways answer UPnP searches.</summary>
    public int SsdpPort { get; init; } = 1900;

    /// <summary>UDP port on which gateways announce over multicast that they have restarted (RFC 6886, 3.2.1; RFC 6887, 14);
    /// 0: do not listen.</summary>
    public int AnnouncementPort { get; init; } = 5350;

    /// <summary>Which external addresses are worth a mapping; others mean another NAT behind the gateway.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Checks what can be checked before anything starts.</summary>
    /// <exception cref="ArgumentException">A time or limit that cannot work.</exception>
    public void Validate()
    {
        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)
            [
                Lifetime, UpnpLease, MinLifetime, FirstRetryPause, SsdpTimeout, HttpTimeout, FirstSearchPause, MaxSearchPause,
                CheckInterval, MinRenewPause, GatewayInterval, ReleaseTimeout,
            ])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(time, TimeSpan.FromDays(7)); // UPnP's longest lease
        }

        ArgumentOutOfRangeException.ThrowIfLessThan(MaxLifetime, MinLifetime);
        ArgumentOutOfRangeException.ThrowIfLessThan(MaxSearchPause, FirstSearchPause);
        foreach (int limit in (ReadOnlySpan<int>)
            [
                MaxTries, MaxGateways, MaxUpnpPorts, MaxSsdpAnswers, MaxSsdpAnswerBytes, MaxDescriptionBytes, MaxSoapAnswerBytes,
            ])
        {
            ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        }

        ArgumentOutOfRangeException.ThrowIfGreaterThan(MaxTries, 9); // RFC 6886, 3.1
        foreach (int port in (ReadOnlySpan<int>)[PcpPort, SsdpPort, AnnouncementPort])
        {
            ArgumentOutOfRangeException.ThrowIfNegative(port);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(port, ushort.MaxValue);
        }
    }
}
