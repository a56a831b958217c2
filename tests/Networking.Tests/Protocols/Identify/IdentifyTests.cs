using CsCheck;
using Google.Protobuf;
using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Identify;
using P2PLearn.Networking.Protocols.Identify.Wire;
using P2PLearn.Networking.Swarm.Peers;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Identify;

public sealed class IdentifyTests
{
    private static readonly Multiaddr Address = Multiaddr.Parse("/ip4/192.0.2.1/tcp/4001");

    [Fact]
    public void A_small_record_is_one_message_and_comes_back_whole()
    {
        IdentifyRecord record = Full(addresses: 3, protocols: 3);

        byte[] message = Assert.Single(IdentifyCodec.Encode(record));

        AssertSame(record, Merge([message]));
    }

    [Fact]
    public void A_large_record_goes_out_in_pieces_that_everybody_reads()
    {
        IdentifyRecord record = Full(addresses: 400, protocols: 500);

        List<byte[]> messages = IdentifyCodec.Encode(record);

        Assert.InRange(messages.Count, 2, IdentifyLimits.MaxMessages);
        Assert.All(messages, m => Assert.InRange(m.Length, 1, IdentifyLimits.MaxOutboundMessageBytes));
        Assert.True(IdentifyMessage.Parser.ParseFrom(messages[^1]).HasSignedPeerRecord);
        AssertSame(record, Merge(messages));
    }

    [Fact]
    public void What_does_not_fit_in_ten_messages_is_left_out()
    {
        List<byte[]> messages = IdentifyCodec.Encode(new IdentifyRecord
        {
            AgentVersion = "agent",
            Protocols = [.. Enumerable.Range(0, 1000).Select(i => $"/{new string('x', 100)}/{i}")],
            SignedPeerRecord = new byte[5_000],
        });

        Assert.Equal(IdentifyLimits.MaxMessages, messages.Count);
        IdentifyRecord read = Merge(messages);
        Assert.Equal("agent", read.AgentVersion);
        Assert.Null(read.SignedPeerRecord);
    }

    [Fact]
    public void Any_record_survives_its_encoding() =>
        Gen.Select(Gen.Int[0, 120], Gen.Int[0, 120], Gen.Bool, Gen.Bool).Sample((addresses, protocols, key, observed) =>
        {
            IdentifyRecord record = Full(addresses, protocols);
            record = record with
            {
                PublicKey = key ? record.PublicKey : null,
                ObservedAddress = observed ? record.ObservedAddress : null,
                ListenAddresses = addresses == 0 ? null : record.ListenAddresses,
                Protocols = protocols == 0 ? null : record.Protocols,
            };
            AssertSame(record, Merge(IdentifyCodec.Encode(record)));
        }, iter: 50);

    [Fact]
    public void Any_bytes_are_a_record_or_our_error() =>
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            try
            {
                Merge([bytes]);
            }
            catch (ProtocolViolationException e)
            {
                Assert.Equal(EndReason.MalformedMessage, e.Reason);
            }
        }, iter: 2_000);

    [Fact]
    public void Repeated_fields_append_and_single_ones_overwrite()
    {
        ByteString address = ByteString.CopyFrom(Address.Bytes);
        IdentifyRecord record = Merge(
        [
            new IdentifyMessage { AgentVersion = "old", Protocols = { "/a" }, ListenAddrs = { address } }.ToByteArray(),
            new IdentifyMessage { AgentVersion = "new", Protocols = { "/b", "/a" } }.ToByteArray(),
            [],
        ]);

        Assert.Equal("new", record.AgentVersion);
        Assert.Equal(["/a", "/b"], record.Protocols!.Order());
        Assert.Equal([Address], record.ListenAddresses);
        Assert.Null(record.PublicKey);
        Assert.Null(record.ObservedAddress);
    }

    [Fact]
    public void Eighteen_hundred_protocols_in_pieces_are_not_planted()
    {
        // go-libp2p#3501: each message within its limit, the sum of all without one.
        IEnumerable<byte[]> messages = Enumerable.Range(0, 10).Select(piece =>
        {
            var message = new IdentifyMessage();
            message.Protocols.AddRange(Enumerable.Range(0, 180).Select(i => $"/planted/{piece}/{i}"));
            message.ListenAddrs.AddRange(Enumerable.Range(0, 180).Select(
                i => ByteString.CopyFrom(Multiaddr.Parse($"/ip4/10.0.{piece}.{i}/tcp/1").Bytes)));
            return message.ToByteArray();
        });

        IdentifyRecord record = Merge(messages);

        Assert.Equal(IdentifyLimits.MaxProtocols, record.Protocols!.Count);
        Assert.Equal(IdentifyLimits.MaxAddresses, record.ListenAddresses!.Count);
    }

    [Fact]
    public void An_eleventh_message_is_one_too_many()
    {
        ProtocolViolationException e = Assert.Throws<ProtocolViolationException>(
            () => Merge(Enumerable.Repeat(Array.Empty<byte>(), IdentifyLimits.MaxMessages + 1)));

        Assert.Equal(EndReason.TooManyRequests, e.Reason);
    }

    [Fact]
    public void Addresses_we_cannot_read_are_skipped_and_long_texts_cut()
    {
        var message = new IdentifyMessage
        {
            AgentVersion = new string('a', 5_000),
            ListenAddrs =
            {
                ByteString.Empty,
                ByteString.CopyFrom(0xff, 0xff, 0x7f),
                ByteString.CopyFrom(Address.Bytes),
            },
            ObservedAddr = ByteString.CopyFrom(0xff),
            Protocols = { string.Empty, new string('p', 2_000), "/good/1.0.0" },
        };

        IdentifyRecord record = Merge([message.ToByteArray()]);

        Assert.Equal([Address], record.ListenAddresses);
        Assert.Equal(["/good/1.0.0"], record.Protocols);
        Assert.Equal(IdentifyLimits.MaxVersionLength, record.AgentVersion!.Length);
        Assert.Null(record.ObservedAddress);
    }

    [Fact]
    public void The_key_of_somebody_else_is_refused()
    {
        PeerStore store = new(new PeerStoreOptions(), new FakeTimeProvider());

        ProtocolViolationException e = Assert.Throws<ProtocolViolationException>(
            () => IdentifyService.Apply(Full(1, 1, peer: 2) with { SignedPeerRecord = null }, TestPeers.Id(1), store));

        Assert.Equal(EndReason.AuthenticationFailed, e.Reason);
        Assert.Throws<ProtocolViolationException>(
            () => IdentifyService.Apply(new IdentifyRecord { PublicKey = [1, 2, 3] }, TestPeers.Id(1), store));
        Assert.Equal(0, store.Count);
    }

    [Fact]
    public void The_signed_record_of_somebody_else_is_refused()
    {
        PeerStore store = new(new PeerStoreOptions(), new FakeTimeProvider());

        Assert.Throws<ProtocolViolationException>(
            () => IdentifyService.Apply(Full(1, 1, peer: 2) with { PublicKey = null }, TestPeers.Id(1), store));

        Assert.Equal(0, store.Count);
    }

    [Fact]
    public void A_signed_record_wins_over_the_unsigned_addresses_beside_it()
    {
        PeerStore store = new(new PeerStoreOptions(), new FakeTimeProvider());

        IdentifyService.Apply(
            Full(1, 1) with { ListenAddresses = [Multiaddr.Parse("/ip4/203.0.113.9/tcp/9")] }, TestPeers.Id(1), store);

        Assert.Equal([Address], store.AddressesOf(TestPeers.Id(1)));
        Assert.Equal("agent", store.InfoOf(TestPeers.Id(1))!.AgentVersion);
    }

    [Fact]
    public void A_record_that_cannot_be_checked_leaves_the_unsigned_addresses()
    {
        PeerStore store = new(new PeerStoreOptions(), new FakeTimeProvider());

        IdentifyService.Apply(Full(1, 1) with { SignedPeerRecord = [1, 2, 3] }, TestPeers.Id(1), store);

        Assert.Single(store.AddressesOf(TestPeers.Id(1)));
    }

    private static IdentifyRecord Merge(IEnumerable<byte[]> messages)
    {
        var merger = new IdentifyMerger();
        foreach (byte[] message in messages)
        {
            merger.Add(message);
        }

        return merger.ToRecord();
    }

    private static IdentifyRecord Full(int addresses, int protocols, int peer = 1)
    {
        using KeyPair key = KeyPair.FromSeed(TestPeers.Seed(peer));
        return new IdentifyRecord
        {
            PublicKey = key.PublicKey.Protobuf.ToArray(),
            ListenAddresses =
            [
                .. Enumerable.Range(0, addresses).Select(i => Multiaddr.Parse($"/ip4/10.0.{i / 256}.{i % 256}/tcp/4001")),
            ],
            Protocols = [.. Enumerable.Range(0, protocols).Select(i => $"/test/protocol/{i}/1.0.0")],
            ObservedAddress = Address,
            ProtocolVersion = "family",
            AgentVersion = "agent",
            SignedPeerRecord = new PeerRecord(key.PeerId, 1, [Address]).Seal(key).ToProtobuf(),
        };
    }

    private static void AssertSame(IdentifyRecord expected, IdentifyRecord actual)
    {
        Assert.Equal(expected.PublicKey, actual.PublicKey);
        Assert.Equal(expected.ListenAddresses, actual.ListenAddresses);
        Assert.Equal(expected.Protocols?.Order(), actual.Protocols?.Order());
        Assert.Equal(expected.ObservedAddress, actual.ObservedAddress);
        Assert.Equal(expected.ProtocolVersion, actual.ProtocolVersion);
        Assert.Equal(expected.AgentVersion, actual.AgentVersion);
        Assert.Equal(expected.SignedPeerRecord, actual.SignedPeerRecord);
    }
}
