using System.Net;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Simulation;

/// <summary>A server of the DHT without sockets: the same table, stores and responder as a real one.</summary>
internal sealed class SimNode
{
    public static readonly RecordValidators Validators = new(new SignedValueValidator(), new SimValidator());

    public SimNode(int number, PeerId peer, string ip, DateTimeOffset now)
    {
        Number = number;
        Ip = IPAddress.Parse(ip);
        Self = new KadPeer(peer, [Multiaddr.Parse($"/ip4/{ip}/tcp/4001")]);
        Table = new RoutingTable(peer, new RoutingTableOptions());
        Records = new RecordStore(Table.SelfKey, new RecordStoreOptions(), Validators, new MemoryKadStorage(), now);
        var providers = new ProviderStore(Table.SelfKey, new ProviderStoreOptions(), new MemoryKadStorage(), now);
        Responder = new KadResponder(Table, Records, providers, _ => null, AddressRule.PublicInternet);
    }

    public int Number { get; }

    public IPAddress Ip { get; }

    public KadPeer Self { get; }

    public RoutingTable Table { get; }

    public RecordStore Records { get; }

    public KadResponder Responder { get; }

    public bool IsAlive { get; set; } = true;

    public bool IsAdversary { get; init; }

    public KadAsker Asker => new(Self.Peer, Ip, Self.Addresses);

    /// <summary>Takes every value of <c>/sim/</c>: signatures are not what is measured.</summary>
    private sealed class SimValidator : IRecordValidator
    {
        public string Namespace => "sim";

        public RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now) => RecordCheck.Valid;

        public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
            left.SequenceCompareTo(right);
    }
}
