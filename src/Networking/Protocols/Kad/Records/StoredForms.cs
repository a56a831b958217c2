using System.Diagnostics.CodeAnalysis;
using Google.Protobuf;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Kad.Wire;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>What the stores hand over to storage, as bytes: <c>kad.proto</c>, the messages called Stored….</summary>
/// <remarks>What comes back is not trusted: a file may have been damaged or replaced.</remarks>
internal static class StoredForms
{
    /// <summary>A value, and who put it.</summary>
    public static byte[] Write(ValueRecord record, PeerId sender) => new StoredRecordWire
    {
        Key = ByteString.CopyFrom(record.Key.Span),
        Value = ByteString.CopyFrom(record.Value.Span),
        ReceivedMs = record.Received!.Value.ToUnixTimeMilliseconds(),
        Sender = ByteString.CopyFrom(sender.Bytes),
    }.ToByteArray();

    /// <summary>A provider of a key.</summary>
    public static byte[] Write(ReadOnlySpan<byte> multihash, KadPeer provider, DateTimeOffset received)
    {
        var wire = new StoredProviderWire
        {
            Key = ByteString.CopyFrom(multihash),
            Peer = ByteString.CopyFrom(provider.Peer.Bytes),
            ReceivedMs = received.ToUnixTimeMilliseconds(),
        };
        wire.Addrs.AddRange(provider.Addresses.Select(a => ByteString.CopyFrom(a.Bytes)));
        return wire.ToByteArray();
    }

    /// <summary>An announcement, and when it was last told; null for not yet.</summary>
    public static byte[] Write(Announcement announcement, DateTimeOffset? told)
    {
        var wire = new StoredAnnouncementWire { Key = ByteString.CopyFrom(announcement.Key.Span), ToldMs = told?.ToUnixTimeMilliseconds() ?? 0 };
        if (announcement.Value is { } value)
        {
            wire.Value = ByteString.CopyFrom(value.Span);
        }

        return wire.ToByteArray();
    }

    /// <summary>Reads a value. Whether it holds is for its validator.</summary>
    public static bool TryRead(ReadOnlySpan<byte> content, [NotNullWhen(true)] out ValueRecord? record, [NotNullWhen(true)] out PeerId? sender)
    {
        (record, sender) = (null, null);
        if (!BoundedProtobuf.TryParse(StoredRecordWire.Parser, content, KadLimits.MaxRequestBytes, out StoredRecordWire? wire)
            || wire.Key.IsEmpty || !PeerId.TryFromBytes(wire.Sender.Span, out sender) || TimeOf(wire.ReceivedMs) is not { } received)
        {
            return false;
        }

        record = new ValueRecord(wire.Key.Memory, wire.Value.Memory, received);
        return true;
    }

    /// <summary>Reads a provider; addresses of it that are none are left out.</summary>
    public static bool TryRead(
        ReadOnlySpan<byte> content, [NotNullWhen(true)] out byte[]? multihash, [NotNullWhen(true)] out KadPeer? provider, out DateTimeOffset received)
    {
        (multihash, provider, received) = (null, null, default);
        if (!BoundedProtobuf.TryParse(StoredProviderWire.Parser, content, KadLimits.MaxRequestBytes, out StoredProviderWire? wire)
            || !Multihash.TryFromBytes(wire.Key.Span, out _) || !PeerId.TryFromBytes(wire.Peer.Span, out PeerId? peer)
            || TimeOf(wire.ReceivedMs) is not { } time)
        {
            return false;
        }

        List<Multiaddr> addresses = [];
        foreach (ByteString bytes in wire.Addrs.Take(KadLimits.MaxAddresses))
        {
            if (Multiaddr.TryFromBytes(bytes.Span, out Multiaddr? address))
            {
                addresses.Add(address);
            }
        }

        (multihash, provider, received) = (wire.Key.ToByteArray(), new KadPeer(peer, addresses), time);
        return true;
    }

    /// <summary>Reads an announcement. Whether a value holds is for its validator.</summary>
    public static bool TryRead(ReadOnlySpan<byte> content, [NotNullWhen(true)] out Announcement? announcement, out DateTimeOffset? told)
    {
        (announcement, told) = (null, null);
        if (!BoundedProtobuf.TryParse(StoredAnnouncementWire.Parser, content, KadLimits.MaxRequestBytes, out StoredAnnouncementWire? wire)
            || wire.Key.IsEmpty || (!wire.HasValue && !Multihash.TryFromBytes(wire.Key.Span, out _)) || TimeOf(wire.ToldMs) is not { } time)
        {
            return false;
        }

        told = wire.ToldMs == 0 ? null : time;
        ReadOnlyMemory<byte>? value = wire.HasValue ? wire.Value.Memory : default(ReadOnlyMemory<byte>?); // a bare null would be an empty memory
        announcement = new Announcement(wire.Key.Memory, value);
        return true;
    }

    private static DateTimeOffset? TimeOf(long milliseconds) =>
        milliseconds >= 0 && milliseconds <= DateTimeOffset.MaxValue.ToUnixTimeMilliseconds()
            ? DateTimeOffset.FromUnixTimeMilliseconds(milliseconds)
            : null;
}
