using Google.Protobuf;
using Google.Protobuf.Collections;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Relay.Wire;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>Hop and stop messages to bytes and back, without their length prefixes.</summary>
/// <remarks>
/// Source: libp2p specs, circuit relay v2. A message without a type, of an unknown type, or with a peer id that is none is
/// malformed; unknown status numbers and fields, and addresses with unknown codes, are not. Zero limits and absent ones are
/// the same.
/// </remarks>
internal static class RelayCodec
{
    /// <summary>Longest message, the spec's number.</summary>
    public const int MaxMessageBytes = 4096;

    /// <summary>Addresses taken of a message; the rest is dropped.</summary>
    public const int MaxAddresses = 64;

    /// <summary>Longest time that a date can hold.</summary>
    private static readonly ulong LastUnixSecond = (ulong)DateTimeOffset.MaxValue.ToUnixTimeSeconds();

    /// <summary>Writes a hop message.</summary>
    public static byte[] Encode(HopMessage message)
    {
        var wire = new HopWire { Type = (HopTypeCode)message.Type };
        if (message.Peer is { } peer)
        {
            wire.Peer = ToWire(peer);
        }

        if (message.Reservation is { } grant)
        {
            wire.Reservation = ToWire(grant);
        }

        if (ToWire(message.Limit) is { } limit)
        {
            wire.Limit = limit;
        }

        if (message.Status != RelayStatusCode.None)
        {
            wire.Status = (uint)message.Status;
        }

        return wire.ToByteArray();
    }

    /// <summary>Writes a stop message.</summary>
    public static byte[] Encode(StopMessage message)
    {
        var wire = new StopWire { Type = (StopTypeCode)message.Type };
        if (message.Peer is { } peer)
        {
            wire.Peer = ToWire(peer);
        }

        if (ToWire(message.Limit) is { } limit)
        {
            wire.Limit = limit;
        }

        if (message.Status != RelayStatusCode.None)
        {
            wire.Status = (uint)message.Status;
        }

        return wire.ToByteArray();
    }

    /// <summary>Reads a hop message from untrusted bytes.</summary>
    /// <returns><see cref="EndReason.None"/> with the message, or <see cref="EndReason.MessageTooLarge"/> or
    /// <see cref="EndReason.MalformedMessage"/> without.</returns>
    public static EndReason Decode(ReadOnlySpan<byte> bytes, out HopMessage? message)
    {
        message = null;
        EndReason reason = BoundedProtobuf.Parse(HopWire.Parser, bytes, MaxMessageBytes, out HopWire? wire);
        if (wire is null)
        {
            return reason;
        }

        if (!wire.HasType || !Enum.IsDefined((HopMessageType)wire.Type)
            || !TryRead(wire.Peer, out RelayPeer? peer) || !TryRead(wire.Reservation, out ReservationGrant? grant))
        {
            return EndReason.MalformedMessage;
        }

        message = new HopMessage((HopMessageType)wire.Type)
        {
            Peer = peer,
            Reservation = grant,
            Limit = Read(wire.Limit),
            Status = (RelayStatusCode)wire.Status,
        };
        return EndReason.None;
    }

    /// <summary>Reads a stop message from untrusted bytes.</summary>
    /// <returns>As for hop messages.</returns>
    public static EndReason Decode(ReadOnlySpan<byte> bytes, out StopMessage? message)
    {
        message = null;
        EndReason reason = BoundedProtobuf.Parse(StopWire.Parser, bytes, MaxMessageBytes, out StopWire? wire);
        if (wire is null)
        {
            return reason;
        }

        if (!wire.HasType || !Enum.IsDefined((StopMessageType)wire.Type) || !TryRead(wire.Peer, out RelayPeer? peer))
        {
            return EndReason.MalformedMessage;
        }

        message = new StopMessage((StopMessageType)wire.Type)
        {
            Peer = peer,
            Limit = Read(wire.Limit),
            Status = (RelayStatusCode)wire.Status,
        };
        return EndReason.None;
    }

    /// <summary>Reads the next hop message of a stream.</summary>
    /// <exception cref="ProtocolViolationException">Not a message, or too long; scope: the stream.</exception>
    /// <exception cref="EndOfStreamException">The remote closed its side instead.</exception>
    public static async ValueTask<HopMessage> ReadHopAsync(FramedReader reader, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> bytes = await ReadAsync(reader, cancellationToken).ConfigureAwait(false);
        EndReason reason = Decode(bytes.Span, out HopMessage? message);
        return message ?? throw Violation(reason);
    }

    /// <summary>Reads the next stop message of a stream.</summary>
    /// <inheritdoc cref="ReadHopAsync" path="/exception"/>
    public static async ValueTask<StopMessage> ReadStopAsync(FramedReader reader, CancellationToken cancellationToken)
    {
        ReadOnlyMemory<byte> bytes = await ReadAsync(reader, cancellationToken).ConfigureAwait(false);
        EndReason reason = Decode(bytes.Span, out StopMessage? message);
        return message ?? throw Violation(reason);
    }

    private static async ValueTask<ReadOnlyMemory<byte>> ReadAsync(
        FramedReader reader, CancellationToken cancellationToken) =>
        await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
            ?? throw new EndOfStreamException("the stream ended where a relay message was awaited");

    private static ProtocolViolationException Violation(EndReason reason) =>
        new(reason, ViolationScope.Stream, "not a circuit relay message");

    private static PeerWire ToWire(RelayPeer peer)
    {
        var wire = new PeerWire { Id = ByteString.CopyFrom(peer.Id.Bytes) };
        AddTo(wire.Addrs, peer.Addresses);
        return wire;
    }

    private static ReservationWire ToWire(ReservationGrant grant)
    {
        var wire = new ReservationWire { Expire = (ulong)Math.Max(0, grant.Expires.ToUnixTimeSeconds()) };
        AddTo(wire.Addrs, grant.Addresses);
        if (grant.Voucher is { } voucher)
        {
            wire.Voucher = ByteString.CopyFrom(voucher.Span);
        }

        return wire;
    }

    /// <summary>A limit of less than a second is a second: zero would mean none.</summary>
    private static LimitWire? ToWire(LinkLimit? limit)
    {
        if (limit is null or { Duration: null, Bytes: null })
        {
            return null;
        }

        var wire = new LimitWire();
        if (limit.Duration is { } duration)
        {
            wire.Duration = (uint)Math.Clamp(Math.Ceiling(duration.TotalSeconds), 1, uint.MaxValue);
        }

        if (limit.Bytes is { } bytes)
        {
            wire.Data = (ulong)Math.Max(1, bytes);
        }

        return wire;
    }

    private static void AddTo(RepeatedField<ByteString> field, IReadOnlyList<Multiaddr> addresses)
    {
        foreach (Multiaddr address in addresses)
        {
            field.Add(ByteString.CopyFrom(address.Bytes));
        }
    }

    private static bool TryRead(PeerWire? wire, out RelayPeer? peer)
    {
        peer = null;
        if (wire is null)
        {
            return true;
        }

        if (!PeerId.TryFromBytes(wire.Id.Span, out PeerId? id))
        {
            return false;
        }

        peer = new RelayPeer(id, Read(wire.Addrs));
        return true;
    }

    private static bool TryRead(ReservationWire? wire, out ReservationGrant? grant)
    {
        grant = null;
        if (wire is null)
        {
            return true;
        }

        if (!wire.HasExpire)
        {
            return false;
        }

        var expires = DateTimeOffset.FromUnixTimeSeconds((long)Math.Min(wire.Expire, LastUnixSecond));
        grant = new ReservationGrant(expires, Read(wire.Addrs), wire.HasVoucher ? wire.Voucher.Memory : default(ReadOnlyMemory<byte>?));
        return true;
    }

    private static LinkLimit? Read(LimitWire? wire)
    {
        if (wire is null or { Duration: 0, Data: 0 })
        {
            return null;
        }

        return new LinkLimit(
            wire.Duration == 0 ? null : TimeSpan.FromSeconds(wire.Duration),
            wire.Data == 0 ? null : (long)Math.Min(wire.Data, long.MaxValue));
    }

    private static List<Multiaddr> Read(RepeatedField<ByteString> field)
    {
        List<Multiaddr> addresses = [];
        foreach (ByteString bytes in field)
        {
            if (addresses.Count == MaxAddresses)
            {
                break;
            }

            if (Multiaddr.TryFromBytes(bytes.Span, out Multiaddr? address))
            {
                addresses.Add(address);
            }
        }

        return addresses;
    }
}
