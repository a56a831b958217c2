using System.Buffers.Binary;

namespace P2PLearn.Actors.Remoting;

/// <summary>What an association frame is.</summary>
internal enum AkkaPduKind
{
    /// <summary>Not a well-formed frame.</summary>
    Malformed = 0,

    /// <summary>A message, an acknowledgement, or both.</summary>
    Payload,

    /// <summary>The handshake: who the sender says it is.</summary>
    Associate,

    /// <summary>A heartbeat of the association.</summary>
    Heartbeat,

    /// <summary>The end of the association, for any of Akka's three reasons.</summary>
    Disassociate,
}

/// <summary>One frame of Akka's association protocol, read without deserializing anything. Slices of the frame.</summary>
/// <remarks>
/// Source: Akka.NET WireFormats.proto and ContainerFormats.proto.
/// <code>
/// AkkaProtocolMessage   1 payload bytes | 2 instruction AkkaControlMessage      (exactly one)
/// AkkaControlMessage    1 command enum, 2 AkkaHandshakeInfo{ 1 origin AddressData, 2 uid fixed64, 3 cookie string }
/// AddressData           1 system, 2 hostname, 3 port uint32, 4 protocol
/// </code>
/// </remarks>
internal ref struct AkkaPdu
{
    private const uint PayloadTag = (1 << 3) | 2;
    private const uint InstructionTag = (2 << 3) | 2;
    private const uint CommandTag = 1 << 3;
    private const uint HandshakeTag = (2 << 3) | 2;
    private const uint OriginTag = (1 << 3) | 2;
    private const uint UidTag = (2 << 3) | 1;

    /// <summary>What the frame is.</summary>
    public AkkaPduKind Kind { get; private set; }

    /// <summary>The AckAndEnvelopeContainer of a payload.</summary>
    public ReadOnlySpan<byte> Payload { get; private set; }

    /// <summary>The address that an associate frame claims.</summary>
    public AkkaOrigin Origin { get; private set; }

    /// <summary>The number of the sender's incarnation in an associate frame.</summary>
    public long Uid { get; private set; }

    /// <summary>Reads a frame; anything unexpected gives <see cref="AkkaPduKind.Malformed"/>.</summary>
    public static AkkaPdu Read(ReadOnlySpan<byte> frame)
    {
        var reader = new ProtoReader(frame);
        if (!reader.TryRead(out ProtoField field) || reader.TryRead(out _) || reader.Malformed)
        {
            return default; // neither, both or twice
        }

        return field.Tag switch
        {
            PayloadTag when !field.Bytes.IsEmpty => new AkkaPdu { Kind = AkkaPduKind.Payload, Payload = field.Bytes },
            InstructionTag => ReadInstruction(field.Bytes),
            _ => default,
        };
    }

    private static AkkaPdu ReadInstruction(ReadOnlySpan<byte> instruction)
    {
        var reader = new ProtoReader(instruction);
        var seen = default(SeenFields);
        ulong command = 0;
        ReadOnlySpan<byte> handshake = default;
        while (reader.TryRead(out ProtoField field))
        {
            if (!seen.TryAdd(field.Tag) || field.Tag is not (CommandTag or HandshakeTag))
            {
                return default;
            }

            command = field.Tag == CommandTag ? field.Value : command;
            handshake = field.Tag == HandshakeTag ? field.Bytes : handshake;
        }

        return reader.Malformed
            ? default
            : command switch
            {
                1 => ReadAssociate(handshake),
                2 or 4 or 5 when handshake.IsEmpty => new AkkaPdu { Kind = AkkaPduKind.Disassociate },
                3 when handshake.IsEmpty => new AkkaPdu { Kind = AkkaPduKind.Heartbeat },
                _ => default,
            };
    }

    private static AkkaPdu ReadAssociate(ReadOnlySpan<byte> handshake)
    {
        var reader = new ProtoReader(handshake);
        var seen = default(SeenFields);
        ReadOnlySpan<byte> origin = default;
        long uid = 0;
        while (reader.TryRead(out ProtoField field))
        {
            if (!seen.TryAdd(field.Tag) || field.Tag is not (OriginTag or UidTag))
            {
                return default;
            }

            origin = field.Tag == OriginTag ? field.Bytes : origin;
            uid = field.Tag == UidTag ? BinaryPrimitives.ReadInt64LittleEndian(field.Bytes) : uid;
        }

        return !reader.Malformed && AkkaOrigin.TryRead(origin, out AkkaOrigin address)
            ? new AkkaPdu { Kind = AkkaPduKind.Associate, Origin = address, Uid = uid }
            : default;
    }
}

/// <summary>An AddressData: system, host, port, protocol as UTF-8 slices.</summary>
internal ref struct AkkaOrigin
{
    public ReadOnlySpan<byte> System { get; private set; }

    public ReadOnlySpan<byte> Host { get; private set; }

    public ulong Port { get; private set; }

    public ReadOnlySpan<byte> Protocol { get; private set; }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out AkkaOrigin origin)
    {
        origin = default;
        var reader = new ProtoReader(bytes);
        var seen = default(SeenFields);
        while (reader.TryRead(out ProtoField field))
        {
            if (!seen.TryAdd(field.Tag))
            {
                return false;
            }

            switch (field.Tag)
            {
                case (1 << 3) | 2:
                    origin.System = field.Bytes;
                    break;
                case (2 << 3) | 2:
                    origin.Host = field.Bytes;
                    break;
                case 3 << 3:
                    origin.Port = field.Value;
                    break;
                case (4 << 3) | 2:
                    origin.Protocol = field.Bytes;
                    break;
                default:
                    return false;
            }
        }

        return !reader.Malformed;
    }

    /// <summary>True when this is exactly the mesh address of that host, in the driver's or the protocol's scheme.</summary>
    public readonly bool IsMeshAddress(ReadOnlySpan<byte> host) =>
        Host.SequenceEqual(host)
        && Port == AkkaAddress.Port
        && System.SequenceEqual("P2PLearn"u8)
        && (Protocol.SequenceEqual("akka.p2p"u8) || Protocol.SequenceEqual("p2p"u8));
}

/// <summary>An AckAndEnvelopeContainer: an acknowledgement, a message with its recipient and sender, or both. Slices.</summary>
/// <remarks>
/// <code>
/// AckAndEnvelopeContainer  1 ack { 1 cumulative fixed64, 2 nacks fixed64* }, 2 envelope
/// RemoteEnvelope           1 recipient { 1 path }, 2 message Payload, 4 sender { 1 path }, 5 seq fixed64
/// </code>
/// </remarks>
internal ref struct AkkaEnvelope
{
    private const uint AckTag = (1 << 3) | 2;
    private const uint EnvelopeTag = (2 << 3) | 2;

    /// <summary>True when there is a message; an acknowledgement may come alone.</summary>
    public bool HasMessage { get; private set; }

    public ReadOnlySpan<byte> Recipient { get; private set; }

    /// <summary>Empty when the message has no sender.</summary>
    public ReadOnlySpan<byte> Sender { get; private set; }

    public AkkaMessage Message { get; private set; }

    public static bool TryRead(ReadOnlySpan<byte> container, out AkkaEnvelope envelope)
    {
        envelope = default;
        var reader = new ProtoReader(container);
        var seen = default(SeenFields);
        while (reader.TryRead(out ProtoField field))
        {
            bool valid = seen.TryAdd(field.Tag) && field.Tag switch
            {
                AckTag => IsAck(field.Bytes),
                EnvelopeTag => TryReadEnvelope(field.Bytes, ref envelope),
                _ => false,
            };
            if (!valid)
            {
                return false;
            }
        }

        return !reader.Malformed;
    }

    private static bool IsAck(ReadOnlySpan<byte> ack)
    {
        var reader = new ProtoReader(ack);
        while (reader.TryRead(out ProtoField field))
        {
            // cumulative; nacks one by one; nacks packed
            bool packed = field.Tag == ((2 << 3) | 2);
            if (packed ? field.Bytes.Length % sizeof(ulong) != 0 : field.Tag is not ((1 << 3) | 1 or (2 << 3) | 1))
            {
                return false;
            }
        }

        return !reader.Malformed;
    }

    private static bool TryReadEnvelope(ReadOnlySpan<byte> bytes, ref AkkaEnvelope envelope)
    {
        var reader = new ProtoReader(bytes);
        var seen = default(SeenFields);
        bool valid = true;
        while (valid && reader.TryRead(out ProtoField field))
        {
            valid = seen.TryAdd(field.Tag);
            switch (field.Tag)
            {
                case (1 << 3) | 2:
                    valid &= TryReadPath(field.Bytes, out ReadOnlySpan<byte> recipient);
                    envelope.Recipient = recipient;
                    break;
                case (2 << 3) | 2:
                    valid &= AkkaMessage.TryRead(field.Bytes, out AkkaMessage message);
                    envelope.Message = message;
                    envelope.HasMessage = true;
                    break;
                case (4 << 3) | 2:
                    valid &= TryReadPath(field.Bytes, out ReadOnlySpan<byte> sender);
                    envelope.Sender = sender;
                    break;
                case (5 << 3) | 1:
                    break;
                default:
                    return false;
            }
        }

        return valid && !reader.Malformed && envelope.HasMessage && !envelope.Recipient.IsEmpty;
    }

    private static bool TryReadPath(ReadOnlySpan<byte> actorRef, out ReadOnlySpan<byte> path)
    {
        path = default;
        var reader = new ProtoReader(actorRef);
        if (!reader.TryRead(out ProtoField field))
        {
            return !reader.Malformed; // an empty reference: no sender
        }

        path = field.Bytes;
        return field.Tag == ((1 << 3) | 2) && !reader.TryRead(out _) && !reader.Malformed;
    }
}

/// <summary>A serialized message: Payload { 1 message bytes, 2 serializerId int32, 3 manifest bytes }. Slices.</summary>
internal ref struct AkkaMessage
{
    public int SerializerId { get; private set; }

    public ReadOnlySpan<byte> Manifest { get; private set; }

    public ReadOnlySpan<byte> Body { get; private set; }

    public static bool TryRead(ReadOnlySpan<byte> bytes, out AkkaMessage message)
    {
        message = default;
        var reader = new ProtoReader(bytes);
        var seen = default(SeenFields);
        while (reader.TryRead(out ProtoField field))
        {
            if (!seen.TryAdd(field.Tag))
            {
                return false;
            }

            switch (field.Tag)
            {
                case (1 << 3) | 2:
                    message.Body = field.Bytes;
                    break;
                case 2 << 3 when field.Value <= int.MaxValue:
                    message.SerializerId = (int)field.Value;
                    break;
                case (3 << 3) | 2:
                    message.Manifest = field.Bytes;
                    break;
                default:
                    return false;
            }
        }

        return !reader.Malformed;
    }
}
