using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

public sealed class ProviderStoreTests
{
    private static readonly KadKey Self = KadKey.Of(KadSamples.Id(0));
    private static readonly DateTimeOffset Start = KadSamples.Start;
    private readonly MemoryKadStorage _storage = new();

    [Fact]
    public void A_provider_counts_for_two_days_and_its_addresses_for_one()
    {
        ProviderStore store = New();
        Assert.Equal(PutOutcome.Stored, store.Add(Key(1), KadSamples.Peer(1), Start));
        Assert.Single(Assert.Single(store.Get(Key(1), Start.AddHours(23))).Addresses);
        Assert.Empty(Assert.Single(store.Get(Key(1), Start.AddHours(24))).Addresses);
        Assert.Empty(store.Get(Key(1), Start.AddHours(48)));
        store.RemoveExpired(Start.AddHours(48));
        Assert.Equal(0, store.Count);
        Assert.Empty(_storage.Load(KadTable.Providers));
    }

    [Fact]
    public void A_provider_that_says_so_again_lives_longer_and_the_latest_comes_first()
    {
        ProviderStore store = New();
        store.Add(Key(1), KadSamples.Peer(1), Start);
        store.Add(Key(1), KadSamples.Peer(2), Start.AddHours(1));
        store.Add(Key(1), KadSamples.Peer(1), Start.AddHours(40));
        Assert.Equal(2, store.Count);
        Assert.Equal([KadSamples.Id(1), KadSamples.Id(2)], store.Get(Key(1), Start.AddHours(41)).Select(p => p.Peer));
        Assert.Equal(KadSamples.Id(1), Assert.Single(store.Get(Key(1), Start.AddHours(50))).Peer);
    }

    [Fact]
    public void A_key_has_its_number_of_providers_and_of_each_ip_group()
    {
        ProviderStore store = New(new ProviderStoreOptions { MaxPerKey = 10, MaxPerGroup = 3 });
        for (int i = 0; i < 100; i++)
        {
            store.Add(Key(1), KadSamples.Peer(i, $"11.1.{i}.1"), Start); // one owner
        }

        Assert.Equal(3, store.Count);
        Assert.Equal(PutOutcome.Stored, store.Add(Key(1), KadSamples.Peer(200, "11.2.0.1"), Start));
        for (int i = 0; i < 100; i++)
        {
            store.Add(Key(1), KadSamples.Peer(300 + i), Start);
        }

        Assert.Equal(10, store.Count);
        Assert.Equal(PutOutcome.Stored, store.Add(Key(1), KadSamples.Peer(999), Start.AddHours(48))); // all others are over
    }

    [Fact]
    public void A_peer_has_its_share_of_keys()
    {
        ProviderStore store = New(new ProviderStoreOptions { MaxPerPeer = 50 });
        int stored = Enumerable.Range(0, 10_000).Count(i => store.Add(Key(i), KadSamples.Peer(1), Start) == PutOutcome.Stored);
        Assert.Equal((50, 50), (stored, store.Count));
        Assert.Equal(PutOutcome.Stored, store.Add(Key(1), KadSamples.Peer(2), Start));
    }

    [Fact]
    public void A_flood_from_many_peers_does_not_drive_out_the_keys_near_this_node()
    {
        ProviderStore store = New(new ProviderStoreOptions { MaxProviders = 100 });
        int[] ranked = [.. Enumerable.Range(0, 2_000).OrderBy(i => KadKey.Of(Key(i).Bytes).DistanceTo(Self))];
        store.Add(Key(ranked[10]), KadSamples.Peer(1), Start);
        foreach (int i in ranked[500..])
        {
            store.Add(Key(i), KadSamples.Peer(i), Start);
        }

        Assert.Equal(100, store.Count);
        Assert.Single(store.Get(Key(ranked[10]), Start));
        Assert.Equal(PutOutcome.Stored, store.Add(Key(ranked[20]), KadSamples.Peer(1), Start));
        Assert.Equal(PutOutcome.Full, store.Add(Key(ranked[1_999]), KadSamples.Peer(1), Start));
        Assert.Equal(100, _storage.Load(KadTable.Providers).Count);
    }

    [Fact]
    public void What_it_stored_is_there_after_a_restart_and_what_is_over_is_not()
    {
        ProviderStore store = New();
        store.Add(Key(1), KadSamples.Peer(1), Start);
        store.Add(Key(1), KadSamples.Peer(2), Start.AddHours(10));
        _storage.Save(new KadStoredEntry(KadTable.Providers, new byte[] { 1 }, new byte[] { 0xff }));

        ProviderStore again = new(Self, new ProviderStoreOptions(), _storage, Start.AddHours(50));
        KadPeer provider = Assert.Single(again.Get(Key(1), Start.AddHours(20)));
        Assert.Equal((KadSamples.Id(2), "/ip4/10.0.0.2/tcp/4001"), (provider.Peer, provider.Addresses[0].ToString()));
        Assert.Single(_storage.Load(KadTable.Providers));
    }

    [Fact]
    public void What_was_stored_in_the_future_counts_no_longer_than_from_now()
    {
        New().Add(Key(1), KadSamples.Peer(1), Start.AddHours(10_000)); // the clock was wrong then
        ProviderStore again = New();
        Assert.Single(again.Get(Key(1), Start.AddHours(47)));
        Assert.Empty(again.Get(Key(1), Start.AddHours(48)));
    }

    private static Multihash Key(int number) => Multihash.Sha256(BitConverter.GetBytes(number));

    private ProviderStore New(ProviderStoreOptions? options = null) =>
        new(Self, options ?? new ProviderStoreOptions(), _storage, Start);
}
