using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;

namespace P2PLearn.Networking.Tests.Protocols.Kad.Records;

public sealed class RecordStoreTests
{
    private static readonly KadKey Self = KadKey.Of(KadSamples.Id(0));
    private static readonly DateTimeOffset Start = KadSamples.Start;
    private readonly MemoryKadStorage _storage = new();

    [Fact]
    public void A_value_is_kept_for_its_lifetime_and_longer_when_it_is_put_again()
    {
        RecordStore store = New();
        Assert.Equal(PutOutcome.Stored, Put(store, 1, "a"));
        ValueRecord held = store.Get(AnyValidator.Key(1), Start.AddHours(47))!;
        Assert.Equal(("a", Start), (Text(held), held.Received));
        Assert.Equal(PutOutcome.Stored, Put(store, 1, "a", at: 40));
        Assert.NotNull(store.Get(AnyValidator.Key(1), Start.AddHours(87)));
        Assert.Null(store.Get(AnyValidator.Key(1), Start.AddHours(88)));
        Assert.Equal((0, 0), (store.Count, store.Bytes));
        Assert.Empty(_storage.Load(KadTable.Records));
    }

    [Fact]
    public void A_worse_value_does_not_replace_a_better_one_unless_that_is_over()
    {
        RecordStore store = New();
        Put(store, 1, "b");
        Assert.Equal(PutOutcome.Older, Put(store, 1, "a"));
        Assert.Equal(PutOutcome.Stored, Put(store, 1, "c"));
        Assert.Equal("c", Text(store.Get(AnyValidator.Key(1), Start)!));
        Assert.Equal(PutOutcome.Stored, Put(store, 1, "a", at: 48));
        Assert.Equal(1, store.Count);
    }

    [Fact]
    public void A_value_that_does_not_hold_is_refused()
    {
        RecordStore store = New();
        Assert.Equal(PutOutcome.Invalid, store.Put(AnyValidator.Key(1), "!"u8, KadSamples.Id(1), Start, out RecordCheck check));
        Assert.Equal(RecordCheck.BadSignature, check);
        Assert.Equal(PutOutcome.Invalid, store.Put("/else/1"u8, "a"u8, KadSamples.Id(1), Start, out check));
        Assert.Equal(RecordCheck.UnknownNamespace, check);
        Assert.Equal(0, store.Count);
    }

    [Fact]
    public void A_signed_value_is_not_given_out_after_its_end()
    {
        var store = new RecordStore(Self, new RecordStoreOptions(), RecordValidators.Default, _storage, Start);
        byte[] key = SignedValue.KeyOf(P2PLearn.TestKit.TestPeers.Id(1), "model");
        store.Put(key, RecordValidatorTests.Sealed(), KadSamples.Id(1), Start, out _);
        Assert.NotNull(store.Get(key, Start.AddMinutes(59)));
        Assert.Null(store.Get(key, Start.AddMinutes(60)));
    }

    [Fact]
    public void A_peer_has_its_share_in_number_and_bytes()
    {
        RecordStore store = New(new RecordStoreOptions { MaxRecordsPerPeer = 2, MaxBytesPerPeer = 100 });
        Assert.Equal(PutOutcome.Stored, Put(store, 1, "a"));
        Assert.Equal(PutOutcome.Stored, Put(store, 2, "a"));
        Assert.Equal(PutOutcome.PeerFull, Put(store, 3, "a"));
        Assert.Equal(PutOutcome.Stored, Put(store, 2, "b")); // its own place
        Assert.Equal(PutOutcome.PeerFull, Put(store, 2, new string('c', 100)));
        Assert.Equal(PutOutcome.Stored, Put(store, 3, "a", from: 2));
        store.RemoveExpired(Start.AddHours(48));
        Assert.Equal(PutOutcome.Stored, Put(store, 3, "a", at: 48)); // its share is free again
    }

    [Fact]
    public void A_flood_from_many_peers_does_not_drive_out_the_keys_near_this_node()
    {
        RecordStore store = New(new RecordStoreOptions { MaxRecords = 100 });
        int[] ranked = [.. Enumerable.Range(0, 2_000).OrderBy(i => KadKey.Of(AnyValidator.Key(i)).DistanceTo(Self))];
        Put(store, ranked[0], "mine");
        Put(store, ranked[50], "mine");
        int[] flood = [.. ranked[500..]];
        foreach (int i in flood)
        {
            Put(store, i, "flood", from: i);
        }

        Assert.Equal(100, store.Count);
        Assert.Equal("mine", Text(store.Get(AnyValidator.Key(ranked[0]), Start)!));
        Assert.Equal("mine", Text(store.Get(AnyValidator.Key(ranked[50]), Start)!));
        Assert.Equal(PutOutcome.Stored, Put(store, ranked[100], "mine")); // nearer: the farthest goes
        Assert.Equal(PutOutcome.Full, Put(store, ranked[1_999], "far"));
        Assert.Equal(100, store.Count);
        Assert.Equal(100, _storage.Load(KadTable.Records).Count);
    }

    [Fact]
    public void Bytes_are_limited_in_all()
    {
        RecordStore store = New(new RecordStoreOptions { MaxBytes = 20_000 });
        for (int i = 0; i < 100; i++)
        {
            Put(store, i, new string('x', 1_000), from: i);
        }

        Assert.InRange(store.Bytes, 18_000, 20_000);
    }

    [Fact]
    public void What_it_stored_is_there_after_a_restart_and_what_is_over_is_not()
    {
        RecordStore store = New();
        Put(store, 1, "a");
        Put(store, 2, "b", at: 10);
        _storage.Save(new KadStoredEntry(KadTable.Records, new byte[] { 1 }, new byte[] { 0xff, 0xff })); // a torn one

        RecordStore again = new(Self, new RecordStoreOptions(), AnyValidator.Only, _storage, Start.AddHours(50));
        Assert.Equal(1, again.Count);
        Assert.Equal("b", Text(again.Get(AnyValidator.Key(2), Start.AddHours(50))!));
        Assert.Single(_storage.Load(KadTable.Records));
        again.RemoveExpired(Start.AddHours(58));
        Assert.Empty(_storage.Load(KadTable.Records));
    }

    [Fact]
    public void What_was_stored_in_the_future_is_kept_no_longer_than_from_now()
    {
        Put(New(), 1, "a", at: 10_000); // the clock was wrong then
        RecordStore again = New();
        Assert.NotNull(again.Get(AnyValidator.Key(1), Start.AddHours(47)));
        Assert.Null(again.Get(AnyValidator.Key(1), Start.AddHours(48)));
    }

    private RecordStore New(RecordStoreOptions? options = null) =>
        new(Self, options ?? new RecordStoreOptions(), AnyValidator.Only, _storage, Start);

    private static PutOutcome Put(RecordStore store, int key, string value, int from = 1, int at = 0) => store.Put(
        AnyValidator.Key(key), System.Text.Encoding.UTF8.GetBytes(value), KadSamples.Id(from), Start.AddHours(at), out _);

    private static string Text(ValueRecord record) => System.Text.Encoding.UTF8.GetString(record.Value.Span);
}
