using System.Globalization;
using Google.Protobuf;
using Google.Protobuf.Collections;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Wire;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>DHT messages to bytes and back, without their length prefixes.</summary>
/// <remarks>
/// Source: libp2p specs, kad-dht, "RPC messages". Peers and addresses that we cannot read are skipped, never the message;
/// lists are cut at their limits. Bytes come from strangers; what <see cref="Decode"/> returns obeys
/// <see cref="KadLimits"/>.
/// </remarks>
internal static class KadCodec
{
    private const string TimeFormat = "yyyy-MM-dd'T'HH:mm:ss.fffffff'00Z'"; // nine digits, as go and js write it
    private const uint Connected = 1;

    /// <summary>Writes a message of at most <see cref="KadLimits.MaxRequestBytes"/>.</summary>
    /// <remarks>An answer that is too long loses peers from its end, the farthest ones: closer peers first, then providers.</remarks>
    /// <exception cref="ArgumentException">Key and record alone are too long.</exception>
    public static byte[] Encode(KadMessage message)
    {
        var wire = new KadWire { Type = (uint)message.Type };
        if (!message.Key.IsEmpty)
        {
            wire.Key = ByteString.CopyFrom(message.Key.Span);
        }

        if (message.Record is { } record)
        {
            wire.Record = Write(record);
        }

        int room = KadLimits.MaxRequestBytes - wire.CalculateSize();
        if (room < 0)
        {
            throw new ArgumentException("key and value are longer than a message may be", nameof(message));
        }

        room = Add(wire.ProviderPeers, message.ProviderPeers, room, KadLimits.MaxProviderPeers);
        Add(wire.CloserPeers, message.CloserPeers, room, KadLimits.MaxCloserPeers);
        return wire.ToByteArray();
    }

    /// <summary>Reads a message.</summary>
    /// <param name="bytes">Untrusted.</param>
    /// <param name="maxBytes">Of a request or of an answer.</param>
    /// <exception cref="ProtocolViolationException">It is none, or a part of it is too long.</exception>
    public static KadMessage Decode(ReadOnlySpan<byte> bytes, int maxBytes)
    {
        EndReason reason = BoundedProtobuf.Parse(KadWire.Parser, bytes, maxBytes, out KadWire? wire);
        if (wire is null)
        {
            throw Violation(reason, "it cannot be read");
        }

        // A message without a type is PUT_VALUE: proto3 leaves 0 out.
        if (wire.Type > (uint)KadMessageType.Ping)
        {
            throw Violation(EndReason.UnexpectedMessage, $"of unknown type {wire.Type}");
        }

        if (wire.Key.Length > KadLimits.MaxKeyBytes)
        {
            throw Violation(EndReason.MessageTooLarge, $"with a key of {wire.Key.Length} bytes");
        }

        return new KadMessage
        {
            Type = (KadMessageType)wire.Type,
            Key = wire.Key.Memory,
            Record = wire.Record is { } record ? Read(record) : null,
            CloserPeers = Read(wire.CloserPeers, KadLimits.MaxCloserPeers),
            ProviderPeers = Read(wire.ProviderPeers, KadLimits.MaxProviderPeers),
        };
    }

    private static KadRecordWire Write(ValueRecord record)
    {
        var wire = new KadRecordWire
        {
            Key = ByteString.CopyFrom(record.Key.Span),
            Value = ByteString.CopyFrom(record.Value.Span),
        };
        if (record.Received is { } received)
        {
            wire.TimeReceived = received.UtcDateTime.ToString(TimeFormat, CultureInfo.InvariantCulture);
        }

        return wire;
    }

    private static ValueRecord Read(KadRecordWire wire)
    {
        if (wire.Key.Length > KadLimits.MaxKeyBytes || wire.Value.Length > KadLimits.MaxValueBytes)
        {
            throw Violation(
                EndReason.MessageTooLarge, $"with a record of {wire.Key.Length} + {wire.Value.Length} bytes");
        }

        bool hasTime = DateTimeOffset.TryParse(
            wire.TimeReceived[..Math.Min(wire.TimeReceived.Length, KadLimits.MaxTimeLength)],
            CultureInfo.InvariantCulture,
            DateTimeStyles.AssumeUniversal,
            out DateTimeOffset received);
        return new ValueRecord(wire.Key.Memory, wire.Value.Memory, hasTime ? received : null);
    }

    private static int Add(RepeatedField<KadPeerWire> to, IReadOnlyList<KadPeer> peers, int room, int max)
    {
        foreach (KadPeer peer in peers.Take(max))
        {
            var wire = new KadPeerWire { Id = ByteString.CopyFrom(peer.Peer.Bytes) };
            wire.Addrs.AddRange(
                peer.Addresses.Take(KadLimits.MaxAddresses).Select(a => ByteString.CopyFrom(a.Bytes)));
            if (peer.IsConnected)
            {
                wire.Connection = Connected;
            }

            int bytes = wire.CalculateSize();
            bytes += 1 + Uvarint.GetLength((ulong)bytes);
            if (bytes > room)
            {
                break;
            }

            room -= bytes;
            to.Add(wire);
        }

        return room;
    }

    private static List<KadPeer> Read(RepeatedField<KadPeerWire> wire, int max)
    {
        List<KadPeer> peers = new(Math.Min(wire.Count, max));
        foreach (KadPeerWire entry in wire)
        {
            if (peers.Count == max)
            {
                break; // thousands may follow: not one is looked at
            }

            if (PeerId.TryFromBytes(entry.Id.Span, out PeerId? peer))
            {
                peers.Add(new KadPeer(peer, Addresses(entry, peer)) { IsConnected = entry.Connection == Connected });
            }
        }

        return peers;
    }

    private static List<Multiaddr> Addresses(KadPeerWire wire, PeerId peer)
    {
        List<Multiaddr> addresses = [];
        foreach (ByteString bytes in wire.Addrs.Take(KadLimits.MaxAddresses))
        {
            if (!bytes.IsEmpty
                && Multiaddr.TryFromBytes(bytes.Span, out Multiaddr? address)
                && (address.PeerId is null || address.PeerId == peer || address.IsRelayed)
                && address.WithoutPeerId() is { } bare)
            {
                addresses.Add(bare);
            }
        }

        return addresses;
    }

    private static ProtocolViolationException Violation(EndReason reason, string what) =>
        new(reason, ViolationScope.Stream, $"a DHT message {what}");
}
