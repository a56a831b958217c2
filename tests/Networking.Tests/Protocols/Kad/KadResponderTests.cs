using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Protocols.Kad.Routing;
using P2PLearn.Networking.Tests.Protocols.Kad.Records;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

public sealed class KadResponderTests
{
    private static readonly DateTimeOffset Now = KadSamples.Start;
    private static readonly byte[] Hash = Multihash.Sha256("content"u8).Bytes.ToArray();
    private readonly RoutingTable _table = new(KadSamples.Id(0), new RoutingTableOptions());
    private readonly RecordStore _records;
    private readonly ProviderStore _providers;
    private readonly KadResponder _responder;
    private KadPeer? _client;
    private readonly KadAsker _asker = new(KadSamples.Id(1), IPAddress.Parse("10.0.0.1"), [Multiaddr.Parse("/ip4/10.0.0.1/tcp/9")]);

    public KadResponderTests()
    {
        var storage = new MemoryKadStorage();
        _records = new RecordStore(_table.SelfKey, new RecordStoreOptions(), AnyValidator.Only, storage, Now);
        _providers = new ProviderStore(_table.SelfKey, new ProviderStoreOptions(), storage, Now);
        _responder = new KadResponder(_table, _records, _providers, p => p == _client?.Peer ? _client : null, AddressRule.PublicInternet);
        for (int i = 1; i < 60; i++)
        {
            _table.Seen(KadSamples.Peer(i), [], Now, out _);
        }
    }

    [Fact]
    public void It_names_the_twenty_closest_without_the_asker()
    {
        KadMessage answer = Ask(KadMessageType.FindNode, KadSamples.Id(1).Bytes.ToArray())!;
        KadKey target = KadKey.Of(KadSamples.Id(1));
        Assert.Equal(_table.Closest(target, 21).Skip(1).Select(p => p.Peer), answer.CloserPeers.Select(p => p.Peer));
        Assert.Equal(KadSamples.Id(1), _table.Closest(target, 1)[0].Peer);
    }

    [Fact]
    public void A_client_that_is_connected_is_found_though_it_is_in_no_table()
    {
        _client = KadSamples.Peer(500);
        KadMessage answer = Ask(KadMessageType.FindNode, _client.Peer.Bytes.ToArray())!;
        Assert.Equal(20, answer.CloserPeers.Count);
        Assert.Equal((_client.Peer, true), (answer.CloserPeers[0].Peer, answer.CloserPeers[0].IsConnected));
        Assert.DoesNotContain(_client.Peer, Ask(KadMessageType.FindNode, [1])!.CloserPeers.Select(p => p.Peer));
        Assert.Empty(_responder.Answer(
            Message(KadMessageType.FindNode, _client.Peer.Bytes.ToArray()),
            _asker with { Ip = IPAddress.Parse("11.6.6.6") },
            Now)!.CloserPeers); // at home
    }

    [Fact]
    public void Who_answers_from_the_internet_is_not_believed_an_address_at_home()
    {
        KadMessage answer = Message(KadMessageType.GetProviders, Hash) with
        {
            CloserPeers = [KadSamples.Peer(1), KadSamples.Peer(2, "11.5.5.5")],
            ProviderPeers = [KadSamples.Peer(3)],
        };
        KadMessage believed = KadRequester.Believed(answer, [IPAddress.Parse("11.6.6.6")], AddressRule.PublicInternet);
        Assert.Equal([0, 1], believed.CloserPeers.Select(p => p.Addresses.Count));
        Assert.Empty(Assert.Single(believed.ProviderPeers).Addresses);
        Assert.Equal(answer, KadRequester.Believed(answer, [IPAddress.Parse("10.6.6.6")], AddressRule.PublicInternet));
    }

    [Fact]
    public void Who_asks_from_the_internet_is_told_of_public_addresses_only()
    {
        Multiaddr far = Multiaddr.Parse("/ip4/11.5.5.5/tcp/1");
        int near = KadSamples.WithPrefix(_table.SelfKey, 9, from: 100).First();
        _table.Seen(new KadPeer(KadSamples.Id(near), [Multiaddr.Parse("/ip4/192.168.1.1/tcp/1"), far]), [], Now, out _);
        KadAsker stranger = _asker with { Ip = IPAddress.Parse("11.6.6.6") };
        KadMessage answer = _responder.Answer(Message(KadMessageType.FindNode, KadSamples.Id(near).Bytes.ToArray()), stranger, Now)!;
        KadPeer told = Assert.Single(answer.CloserPeers); // all others are at home
        Assert.Equal(far, Assert.Single(told.Addresses));
        Assert.Equal(20, Ask(KadMessageType.FindNode, KadSamples.Id(near).Bytes.ToArray())!.CloserPeers.Count);
    }

    [Fact]
    public void A_value_is_stored_echoed_and_found()
    {
        KadMessage echo = Put("a")!;
        Assert.Equal("a"u8.ToArray(), echo.Record!.Value.ToArray());
        KadMessage found = Ask(KadMessageType.GetValue, AnyValidator.Key(1))!;
        Assert.Equal("a"u8.ToArray(), found.Record!.Value.ToArray());
        Assert.Equal(20, found.CloserPeers.Count);
        Assert.Null(Ask(KadMessageType.GetValue, AnyValidator.Key(2))!.Record);
    }

    [Fact]
    public void Who_puts_an_older_value_is_shown_the_better_one()
    {
        Put("b");
        Assert.Equal("b"u8.ToArray(), Put("a")!.Record!.Value.ToArray());
    }

    [Fact]
    public void A_record_of_another_key_than_the_messages_is_refused()
    {
        var record = new ValueRecord(AnyValidator.Key(2), "a"u8.ToArray(), null);
        Assert.Equal(EndReason.MalformedMessage, Refused(Message(KadMessageType.PutValue, AnyValidator.Key(1)) with { Record = record }));
        Assert.Equal(EndReason.MalformedMessage, Refused(Message(KadMessageType.PutValue, AnyValidator.Key(1))));
        Assert.Equal(0, _records.Count);
    }

    [Fact]
    public void A_forged_value_is_a_broken_rule_and_one_of_an_unknown_namespace_is_not()
    {
        Assert.Equal(EndReason.AuthenticationFailed, Refused(PutMessage(AnyValidator.Key(1), "!x")));
        Assert.Null(_responder.Answer(PutMessage("/else/x"u8.ToArray(), "x"), _asker, Now));
        Assert.Equal(0, _records.Count);
    }

    [Fact]
    public void Nobody_but_the_sender_becomes_a_provider()
    {
        KadMessage others = Message(KadMessageType.AddProvider, Hash) with { ProviderPeers = [KadSamples.Peer(2), KadSamples.Peer(3)] };
        Assert.Equal(EndReason.UnexpectedMessage, Refused(others));
        Assert.Null(_responder.Answer(others with { ProviderPeers = [KadSamples.Peer(2), KadSamples.Peer(1)] }, _asker, Now));
        KadAsker other = _asker with { Peer = KadSamples.Id(9) };
        KadMessage answer = _responder.Answer(Message(KadMessageType.GetProviders, Hash), other, Now)!;
        Assert.Equal(KadSamples.Id(1), Assert.Single(answer.ProviderPeers).Peer);
        Assert.Equal(20, answer.CloserPeers.Count);
    }

    [Fact]
    public void A_provider_that_names_no_address_has_those_of_its_identify()
    {
        KadMessage bare = Message(KadMessageType.AddProvider, Hash) with { ProviderPeers = [new KadPeer(_asker.Peer, [])] };
        _responder.Answer(bare, _asker, Now);
        Assert.Equal(_asker.Addresses, Assert.Single(_providers.Get(Multihash.Sha256("content"u8), Now)).Addresses);
    }

    [Fact]
    public void A_cid_stands_for_its_multihash()
    {
        byte[] cid = Cid.ForRaw("content"u8).Bytes.ToArray();
        _responder.Answer(Message(KadMessageType.AddProvider, cid) with { ProviderPeers = [KadSamples.Peer(1)] }, _asker, Now);
        Assert.Single(_providers.Get(Multihash.Sha256("content"u8), Now));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(33)]
    [InlineData(35)]
    [InlineData(81)]
    [InlineData(256)]
    public void A_provider_key_of_a_wrong_length_is_refused(int length)
    {
        byte[] key = new byte[length];
        Hash.AsSpan(0, Math.Min(length, Hash.Length)).CopyTo(key);
        foreach (KadMessageType type in (KadMessageType[])[KadMessageType.AddProvider, KadMessageType.GetProviders])
        {
            Assert.Equal(EndReason.MalformedMessage, Refused(Message(type, key) with { ProviderPeers = [KadSamples.Peer(1)] }));
        }
    }

    [Fact]
    public void Nothing_but_a_ping_comes_without_a_key()
    {
        Assert.All(
            Enum.GetValues<KadMessageType>().Except([KadMessageType.Ping]),
            t => Assert.Equal(EndReason.MalformedMessage, Refused(Message(t, []))));
        Assert.Equal(KadMessageType.Ping, Ask(KadMessageType.Ping, [])!.Type);
    }

    [Fact]
    public void An_echo_carries_nothing_but_the_record()
    {
        KadMessage put = PutMessage(AnyValidator.Key(1), "a") with { CloserPeers = [KadSamples.Peer(70)], ProviderPeers = [KadSamples.Peer(71)] };
        KadMessage echo = _responder.Answer(put, _asker, Now)!;
        Assert.Empty(echo.CloserPeers);
        Assert.Empty(echo.ProviderPeers);
    }

    [Theory]
    [InlineData(-1000)]
    [InlineData(100_000)]
    public void The_time_that_a_sender_claims_is_not_believed(int hours)
    {
        KadMessage put = PutMessage(AnyValidator.Key(1), "a");
        put = put with { Record = put.Record! with { Received = Now.AddHours(hours) } };
        Assert.Equal(Now, _responder.Answer(put, _asker, Now)!.Record!.Received);
        Assert.NotNull(_records.Get(AnyValidator.Key(1), Now.AddHours(47)));
        Assert.Null(_records.Get(AnyValidator.Key(1), Now.AddHours(48)));
    }

    private static KadMessage Message(KadMessageType type, byte[] key) => new() { Type = type, Key = key };

    private static KadMessage PutMessage(byte[] key, string value) => Message(KadMessageType.PutValue, key) with
    {
        Record = new ValueRecord(key, System.Text.Encoding.UTF8.GetBytes(value), null),
    };

    private KadMessage? Put(string value) => _responder.Answer(PutMessage(AnyValidator.Key(1), value), _asker, Now);

    private KadMessage? Ask(KadMessageType type, byte[] key) => _responder.Answer(Message(type, key), _asker, Now);

    private EndReason Refused(KadMessage request) =>
        Assert.Throws<ProtocolViolationException>(() => _responder.Answer(request, _asker, Now)).Reason;
}
