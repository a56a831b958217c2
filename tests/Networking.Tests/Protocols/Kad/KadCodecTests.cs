using CsCheck;
using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Wire;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

public sealed class KadCodecTests
{
    private static readonly DateTimeOffset Time = new(2026, 11, 22, 1, 2, 3, 456, TimeSpan.Zero);

    private static KadMessage Full => new()
    {
        Type = KadMessageType.GetValue,
        Key = "/p/k"u8.ToArray(),
        Record = new ValueRecord("/p/k"u8.ToArray(), "v"u8.ToArray(), Time),
        CloserPeers = [KadSamples.Peer(1) with { IsConnected = true }],
        ProviderPeers = [KadSamples.Peer(2)],
    };

    [Fact]
    public void A_message_has_these_bytes()
    {
        var put = new KadMessage
        {
            Type = KadMessageType.PutValue,
            Key = "/p/k"u8.ToArray(),
            Record = new ValueRecord("/p/k"u8.ToArray(), "v"u8.ToArray(), Time),
        };

        // type 0 is written: js and go read its absence, older ones did not
        Assert.Equal(
            "0800" + "1204" + "2f702f6b" + "1a29" + "0a04" + "2f702f6b" + "120176" + "2a1e"
            + Convert.ToHexStringLower("2026-11-22T01:02:03.456000000Z"u8),
            Convert.ToHexStringLower(KadCodec.Encode(put)));
        byte[] find = KadCodec.Encode(new KadMessage
        {
            Type = KadMessageType.FindNode,
            Key = new byte[] { 7 },
            CloserPeers = [KadSamples.Peer(1) with { IsConnected = true }],
        });
        Assert.Equal(
            "0804" + "120107" + "4230" + "0a22" + Convert.ToHexStringLower(KadSamples.Id(1).Bytes)
            + "1208" + "040a000001060fa1",
            Convert.ToHexStringLower(find)[..^4]);
        Assert.EndsWith("1801", Convert.ToHexStringLower(find), StringComparison.Ordinal);
    }

    [Fact]
    public void Every_message_comes_back_as_it_went() =>
        Gen.Select(Gen.Int[0, 5], Gen.Byte.Array[0, 256], Gen.Byte.Array[0, 4000].Null(), Gen.Int[0, 20], Gen.Int[0, 20])
            .Sample((type, key, value, closer, providers) =>
            {
                var message = new KadMessage
                {
                    Type = (KadMessageType)type,
                    Key = key,
                    Record = value is null ? null : new ValueRecord(key, value, Time),
                    CloserPeers = [.. Enumerable.Range(0, closer).Select(KadSamples.Peer)],
                    ProviderPeers = [.. Enumerable.Range(50, providers).Select(KadSamples.Peer)],
                };
                byte[] bytes = KadCodec.Encode(message);
                Assert.Equal(Text(message), Text(KadCodec.Decode(bytes, KadLimits.MaxRequestBytes)));
            });

    [Fact]
    public void Hostile_bytes_give_a_message_within_the_limits_or_a_violation() =>
        Hostile.Bytes(KadCodec.Encode(Full), KadCodec.Encode(Full with { Type = KadMessageType.AddProvider })).Sample(bytes =>
        {
            try
            {
                KadMessage message = KadCodec.Decode(bytes, KadLimits.MaxAnswerBytes);
                Assert.True(message.Key.Length <= KadLimits.MaxKeyBytes);
                Assert.True(Enum.IsDefined(message.Type));
                Assert.True(message.CloserPeers.Count <= KadLimits.MaxCloserPeers);
                KadCodec.Encode(message);
            }
            catch (ProtocolViolationException violation)
            {
                Assert.True(violation.Reason >= EndReason.MalformedMessage);
            }
        });

    [Fact]
    public void Of_thousands_of_closer_peers_twenty_are_looked_at()
    {
        var wire = new KadWire { Type = 4 };
        for (int i = 0; i < 5_000; i++)
        {
            wire.CloserPeers.Add(new KadPeerWire { Id = ByteString.CopyFrom(KadSamples.Id(i).Bytes) });
            wire.ProviderPeers.Add(new KadPeerWire());
        }

        byte[] bytes = wire.ToByteArray();
        Assert.Equal(
            EndReason.MessageTooLarge,
            Assert.Throws<ProtocolViolationException>(() => KadCodec.Decode(bytes, KadLimits.MaxRequestBytes)).Reason);
        KadMessage message = KadCodec.Decode(bytes, KadLimits.MaxAnswerBytes);

        Assert.Equal(KadLimits.MaxCloserPeers, message.CloserPeers.Count);
        Assert.Empty(message.ProviderPeers); // without ids
    }

    [Fact]
    public void Of_many_addresses_eight_are_kept_and_those_of_somebody_else_none()
    {
        PeerId peer = KadSamples.Id(1);
        var wire = new KadPeerWire { Id = ByteString.CopyFrom(peer.Bytes) };
        wire.Addrs.Add(ByteString.CopyFrom(Multiaddr.Parse("/ip4/1.2.3.4/tcp/1").WithPeerId(KadSamples.Id(2)).Bytes));
        wire.Addrs.Add(ByteString.CopyFrom(Multiaddr.Parse("/ip4/1.2.3.4/tcp/2").WithPeerId(peer).Bytes));
        wire.Addrs.Add(ByteString.CopyFrom(0xff, 0xff)); // a code that we do not know
        wire.Addrs.Add(ByteString.Empty);
        for (int i = 0; i < 100; i++)
        {
            wire.Addrs.Add(ByteString.CopyFrom(Multiaddr.Parse($"/ip4/1.2.3.4/tcp/{100 + i}").Bytes));
        }

        var message = new KadWire { Type = 4, CloserPeers = { wire } };
        KadPeer read = Assert.Single(KadCodec.Decode(message.ToByteArray(), KadLimits.MaxAnswerBytes).CloserPeers);

        Assert.Equal(
            ["/ip4/1.2.3.4/tcp/2", "/ip4/1.2.3.4/tcp/100", "/ip4/1.2.3.4/tcp/101", "/ip4/1.2.3.4/tcp/102", "/ip4/1.2.3.4/tcp/103"],
            read.Addresses.Select(a => a.ToString()));
    }

    [Theory]
    [InlineData(6u)]
    [InlineData(uint.MaxValue)]
    public void An_unknown_type_is_refused(uint type)
    {
        byte[] bytes = new KadWire { Type = type }.ToByteArray();
        Assert.Equal(
            EndReason.UnexpectedMessage,
            Assert.Throws<ProtocolViolationException>(() => KadCodec.Decode(bytes, 100)).Reason);
    }

    [Fact]
    public void A_type_left_out_is_put_value() =>
        Assert.Equal(KadMessageType.PutValue, KadCodec.Decode([], 100).Type);

    [Fact]
    public void A_key_or_value_that_is_too_long_is_refused()
    {
        var key = new KadWire { Type = 4, Key = ByteString.CopyFrom(new byte[KadLimits.MaxKeyBytes + 1]) };
        var recordKey = new KadWire { Record = new() { Key = key.Key } };
        var value = new KadWire { Record = new() { Value = ByteString.CopyFrom(new byte[KadLimits.MaxValueBytes + 1]) } };
        foreach (KadWire wire in (KadWire[])[key, recordKey, value])
        {
            Assert.Equal(
                EndReason.MessageTooLarge,
                Assert.Throws<ProtocolViolationException>(
                    () => KadCodec.Decode(wire.ToByteArray(), KadLimits.MaxAnswerBytes)).Reason);
        }
    }

    [Fact]
    public void An_answer_that_is_too_long_loses_its_farthest_peers_and_no_record()
    {
        List<KadPeer> peers =
        [
            .. Enumerable.Range(0, 64).Select(i => new KadPeer(
                KadSamples.Id(i),
                [.. Enumerable.Range(0, 8).Select(a => Multiaddr.Parse($"/dns4/{new string('x', 60)}/tcp/{a + 1}"))])),
        ];
        var message = new KadMessage
        {
            Type = KadMessageType.GetProviders,
            Key = new byte[10],
            Record = new ValueRecord(new byte[10], new byte[8_000], Time),
            ProviderPeers = peers[..4],
            CloserPeers = peers,
        };
        byte[] bytes = KadCodec.Encode(message);
        KadMessage read = KadCodec.Decode(bytes, KadLimits.MaxRequestBytes);

        Assert.InRange(bytes.Length, KadLimits.MaxRequestBytes - 800, KadLimits.MaxRequestBytes);
        Assert.Equal(8_000, read.Record!.Value.Length);
        Assert.Equal(4, read.ProviderPeers.Count);
        Assert.Equal(peers[..read.CloserPeers.Count].Select(p => p.Peer), read.CloserPeers.Select(p => p.Peer));
    }

    [Theory]
    [InlineData("2026-11-22T01:02:03Z", true)]
    [InlineData("2026-11-22T01:02:03.123456789+01:00", true)]
    [InlineData("yesterday", false)]
    [InlineData("", false)]
    public void The_time_of_a_record_is_read_when_it_is_one(string text, bool isTime)
    {
        byte[] bytes = new KadWire { Record = new() { TimeReceived = text } }.ToByteArray();
        Assert.Equal(isTime, KadCodec.Decode(bytes, 100).Record!.Received is not null);
    }

    private static string Text(KadMessage message) => string.Join(
        '|',
        message.Type,
        Convert.ToHexString(message.Key.Span),
        message.Record is { } r ? $"{Convert.ToHexString(r.Key.Span)}={Convert.ToHexString(r.Value.Span)}@{r.Received:o}" : "",
        string.Join(',', message.CloserPeers.Select(p => $"{p.Peer}{p.Addresses[0]}")),
        string.Join(',', message.ProviderPeers.Select(p => $"{p.Peer}{p.Addresses[0]}")));
}
