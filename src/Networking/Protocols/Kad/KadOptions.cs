using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Kad.Lookups;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Everything that the DHT of a node is made of.</summary>
public sealed record KadOptions
{
    /// <summary>Our own network.</summary>
    public static readonly ProtocolId OwnProtocol = new("/p2plearn/kad/1.0.0");

    /// <summary>The public network of IPFS.</summary>
    public static readonly ProtocolId IpfsProtocol = new("/ipfs/kad/1.0.0");

    /// <summary>Which network: nodes of different ids never meet.</summary>
    public ProtocolId Protocol { get; init; } = OwnProtocol;

    /// <summary>Whether this node answers others.</summary>
    public KadMode Mode { get; init; } = KadMode.Auto;

    /// <summary>
    /// In <see cref="KadMode.Auto"/>, answer others also while nobody can tell whether this node can be dialled and nothing points to a NAT: on a local
    /// network nobody tests, and somebody has to serve.
    /// </summary>
    public bool ServesWithoutNat { get; init; }

    /// <summary>The routing table.</summary>
    public RoutingTableOptions Table { get; init; } = new();

    /// <summary>How the network is searched.</summary>
    public LookupOptions Lookup { get; init; } = new();

    /// <summary>Values kept for others.</summary>
    public RecordStoreOptions Records { get; init; } = new();

    /// <summary>Providers kept for others.</summary>
    public ProviderStoreOptions Providers { get; init; } = new();

    /// <summary>Which values hold.</summary>
    public RecordValidators Validators { get; init; } = RecordValidators.Default;

    /// <summary>Where values and providers survive a restart; null for memory.</summary>
    public IKadStorage? Storage { get; init; }

    /// <summary>Which addresses are public: others are not told to, nor believed of, peers on the Internet.</summary>
    public AddressRule PublicAddresses { get; init; } = AddressRule.PublicInternet;

    /// <summary>Values from distinct peers that a search waits for; fewer are taken when there are no more.</summary>
    public int Quorum { get; init; } = 3;

    /// <summary>How often buckets that no lookup went through are looked up.</summary>
    public TimeSpan RefreshInterval { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>How often what this node put or provides is told again: before others forget it.</summary>
    public TimeSpan RepublishInterval { get; init; } = TimeSpan.FromHours(22);

    /// <summary>Values and keys of this node that are told again; further ones are told once.</summary>
    public int MaxAnnouncements { get; init; } = 4_096;

    /// <summary>Connections kept that lookups made and nobody else uses; the one used longest ago is closed for a further
    /// one.</summary>
    public int MaxDialledConnections { get; init; } = 96;

    /// <summary>How often that is looked at.</summary>
    public TimeSpan DialledCheckInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Requests of one peer that are answered at once; further ones wait.</summary>
    public int RequestBurstPerPeer { get; init; } = 200;

    /// <summary>Requests of one peer a second in the long run.</summary>
    public int RequestsPerSecondPerPeer { get; init; } = 50;

    /// <summary>Requests of all peers a second in the long run; ten times that are answered at once.</summary>
    public int RequestsPerSecond { get; init; } = 1_000;

    /// <summary>Inbound streams of one peer.</summary>
    public int MaxStreamsPerPeer { get; init; } = 32;

    /// <summary>How long an inbound stream may wait for its next whole request.</summary>
    public TimeSpan IdleTimeout { get; init; } = TimeSpan.FromSeconds(60);

    /// <summary>Checks the ranges.</summary>
    /// <exception cref="ArgumentException">An option is out of its range.</exception>
    public void Validate()
    {
        Table.Validate();
        Lookup.Validate();
        Records.Validate();
        Providers.Validate();
        foreach (int count in (ReadOnlySpan<int>)
            [Quorum, MaxAnnouncements, MaxDialledConnections, RequestBurstPerPeer, RequestsPerSecondPerPeer, RequestsPerSecond, MaxStreamsPerPeer])
        {
            ArgumentOutOfRangeException.ThrowIfNegativeOrZero(count);
        }

        foreach (TimeSpan time in (ReadOnlySpan<TimeSpan>)[RefreshInterval, RepublishInterval, DialledCheckInterval, IdleTimeout])
        {
            ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(time, TimeSpan.Zero);
        }
    }
}
