using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Swarm.Peers;

public sealed class PeerStoreTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public void A_newer_record_replaces_and_an_older_one_is_ignored()
    {
        PeerStore store = Create();
        Assert.Equal(EnvelopeCheck.Valid, store.AddRecord(Record(1, seq: 5, Addresses(1, 2)), TestPeers.Id(1)));

        Assert.Equal(EnvelopeCheck.Valid, store.AddRecord(Record(1, seq: 4, Addresses(3, 1)), TestPeers.Id(1)));
        Assert.Equal(Addresses(1, 2), store.AddressesOf(TestPeers.Id(1)));

        byte[] newer = Record(1, seq: 6, Addresses(4, 1));
        Assert.Equal(EnvelopeCheck.Valid, store.AddRecord(newer, TestPeers.Id(1)));
        Assert.Equal(Addresses(4, 1), store.AddressesOf(TestPeers.Id(1)));
        Assert.Equal(newer, store.RecordOf(TestPeers.Id(1)));
    }

    [Fact]
    public void A_signed_record_wins_over_unsigned_addresses()
    {
        PeerStore store = Create();
        store.AddAddresses(TestPeers.Id(1), Addresses(7, 2));

        store.AddRecord(Record(1, seq: 1, Addresses(1, 1)), TestPeers.Id(1));
        store.AddAddresses(TestPeers.Id(1), Addresses(8, 1));

        Assert.Equal(Addresses(1, 1), store.AddressesOf(TestPeers.Id(1)));
    }

    [Fact]
    public void A_record_from_another_than_its_subject_is_refused_where_only_the_subject_may_send_it()
    {
        PeerStore store = Create();
        byte[] record = Record(1, seq: 1, Addresses(1, 1));

        Assert.Equal(EnvelopeCheck.NotTheSender, store.AddRecord(record, sender: TestPeers.Id(2)));
        Assert.Equal(0, store.Count);
        Assert.Equal(EnvelopeCheck.Valid, store.AddRecord(record, sender: null));
        record[^1] ^= 1;
        Assert.Equal(EnvelopeCheck.BadSignature, store.AddRecord(record, sender: null));
        Assert.NotEqual(EnvelopeCheck.Valid, store.AddRecord([1, 2, 3], sender: null));
        Assert.Equal(EnvelopeCheck.TooLarge, store.AddRecord(new byte[100_000], sender: null));
    }

    [Fact]
    public void Records_of_invented_peers_do_not_fill_the_memory()
    {
        PeerStore store = Create(new() { MaxUnconnectedPeers = 10 });
        store.Connected(TestPeers.Id(0));

        for (int i = 1; i <= 50; i++)
        {
            store.AddRecord(Record(i, seq: 1, Addresses(1, 1)), sender: null);
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(11, store.Count);
        Assert.NotNull(store.InfoOf(TestPeers.Id(0)));
        Assert.Empty(store.AddressesOf(TestPeers.Id(40))); // the oldest made room
        Assert.NotEmpty(store.AddressesOf(TestPeers.Id(41)));
    }

    [Fact]
    public void A_peer_that_is_not_connected_has_few_addresses_and_expires()
    {
        PeerStore store = Create(new() { MaxAddresses = 30 });
        store.AddAddresses(TestPeers.Id(1), Addresses(1, 100));
        Assert.Equal(20, store.AddressesOf(TestPeers.Id(1)).Count);

        store.Connected(TestPeers.Id(1));
        store.AddAddresses(TestPeers.Id(1), Addresses(1, 100));
        Assert.Equal(30, store.AddressesOf(TestPeers.Id(1)).Count);
        _time.Advance(TimeSpan.FromHours(5));
        Assert.Equal(30, store.AddressesOf(TestPeers.Id(1)).Count);

        store.Disconnected(TestPeers.Id(1));
        Assert.Equal(20, store.AddressesOf(TestPeers.Id(1)).Count);
        _time.Advance(TimeSpan.FromMinutes(31));
        Assert.Empty(store.AddressesOf(TestPeers.Id(1)));
        Assert.Null(store.InfoOf(TestPeers.Id(1)));
        Assert.Equal(0, store.Count);
    }

    [Fact]
    public void Doubles_and_trailing_peer_ids_are_dropped()
    {
        PeerStore store = Create();
        Multiaddr bare = Addresses(1, 1)[0];

        store.AddAddresses(
            TestPeers.Id(1), [bare, bare.WithPeerId(TestPeers.Id(1)), Multiaddr.Parse($"/p2p/{TestPeers.Id(1)}")]);

        Assert.Equal([bare], store.AddressesOf(TestPeers.Id(1)));
    }

    [Fact]
    public void What_a_peer_does_not_say_stays_and_its_protocols_end_with_its_connections()
    {
        PeerStore store = Create();
        store.Connected(TestPeers.Id(1));
        Assert.Null(store.Speaks(TestPeers.Id(1), "/a"));

        store.Describe(TestPeers.Id(1), ["/a"], "agent", "family");
        store.Describe(TestPeers.Id(1), null, null, null);
        Assert.True(store.Speaks(TestPeers.Id(1), "/a"));
        Assert.False(store.Speaks(TestPeers.Id(1), "/b"));
        PeerInfo info = store.InfoOf(TestPeers.Id(1))!;
        Assert.Equal(("agent", "family"), (info.AgentVersion, info.ProtocolVersion));

        store.Describe(TestPeers.Id(1), ["/b"], null, null);
        Assert.False(store.Speaks(TestPeers.Id(1), "/a"));
        store.Disconnected(TestPeers.Id(1));
        Assert.Null(store.Speaks(TestPeers.Id(1), "/b"));
    }

    private static byte[] Record(int peer, ulong seq, IReadOnlyList<Multiaddr> addresses)
    {
        using KeyPair key = KeyPair.FromSeed(TestPeers.Seed(peer));
        return new PeerRecord(key.PeerId, seq, addresses).Seal(key).ToProtobuf();
    }

    private static Multiaddr[] Addresses(int host, int count) =>
        [.. Enumerable.Range(1, count).Select(port => Multiaddr.Parse($"/ip4/192.0.2.{host}/tcp/{port}"))];

    private PeerStore Create(PeerStoreOptions? options = null) => new(options ?? new PeerStoreOptions(), _time);
}
