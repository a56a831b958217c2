using System.Text;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Remoting;

/// <summary>Looks into every frame of one association before Akka does, and lets pass only what honest nodes send.</summary>
/// <remarks>
/// Akka.Remote deserializes whatever arrives with any registered serializer and delivers it to any path: whoever can open an association could
/// down members, stop actors, start actors and create objects of chosen types. This reads the protobuf envelope strictly, compares bytes, creates
/// nothing, and allocates nothing. Messages nested in DistributedData's are compressed and not looked into; the deny serializers are the
/// layer for them. Immutable, safe for several threads.
/// </remarks>
public sealed class FrameFirewall
{
    /// <summary>Deepest chain of messages inside messages: a selection that holds an <c>Identify</c> that holds its id.</summary>
    public const int MaxNesting = 2;

    /// <summary>Longest path that a selection may spell; longer than any that is allowed.</summary>
    public const int MaxPathBytes = 256;

    private const int SelectionSerializer = 6;
    private readonly FirewallRules _rules;
    private readonly byte[] _localAddress;
    private readonly byte[] _peerAddress;
    private readonly byte[] _peerHost;

    /// <summary>Creates the firewall of an association.</summary>
    /// <param name="rules">What is allowed.</param>
    /// <param name="local">This node.</param>
    /// <param name="peer">The authenticated peer.</param>
    public FrameFirewall(FirewallRules rules, PeerId local, PeerId peer)
    {
        ArgumentNullException.ThrowIfNull(rules);
        ArgumentNullException.ThrowIfNull(local);
        ArgumentNullException.ThrowIfNull(peer);
        _rules = rules;
        _localAddress = Encoding.ASCII.GetBytes(AkkaAddress.Of(local).ToString());
        _peerAddress = Encoding.ASCII.GetBytes(AkkaAddress.Of(peer).ToString());
        _peerHost = Encoding.ASCII.GetBytes(peer.ToBase36());
    }

    /// <summary>Judges the first frame of an association, which has to be a handshake from the peer's own address.</summary>
    public FrameVerdict InspectHandshake(ReadOnlySpan<byte> frame)
    {
        AkkaPdu pdu = AkkaPdu.Read(frame);
        return pdu.Kind switch
        {
            AkkaPduKind.Associate => pdu.Origin.IsMeshAddress(_peerHost) ? FrameVerdict.Pass : FrameVerdict.ForeignClaim,
            AkkaPduKind.Disassociate => FrameVerdict.Pass, // "I have quarantined you" instead of an answer
            _ => FrameVerdict.Malformed,
        };
    }

    /// <summary>Judges a frame after the first.</summary>
    public FrameVerdict Inspect(ReadOnlySpan<byte> frame)
    {
        AkkaPdu pdu = AkkaPdu.Read(frame);
        return pdu.Kind switch
        {
            AkkaPduKind.Payload => InspectPayload(pdu.Payload),
            AkkaPduKind.Heartbeat or AkkaPduKind.Disassociate => FrameVerdict.Pass,
            AkkaPduKind.Associate => FrameVerdict.UnexpectedHandshake,
            _ => FrameVerdict.Malformed,
        };
    }

    /// <summary>True for a plain name: no separator, no pattern, no step up.</summary>
    internal static bool IsName(ReadOnlySpan<byte> name) =>
        !name.IsEmpty && Ascii.IsValid(name) && name.IndexOfAny("/*?#"u8) < 0 && !name.SequenceEqual(".."u8) && !name.SequenceEqual("."u8);

    private FrameVerdict InspectPayload(ReadOnlySpan<byte> payload)
    {
        if (!AkkaEnvelope.TryRead(payload, out AkkaEnvelope envelope))
        {
            return FrameVerdict.Malformed;
        }

        if (!envelope.HasMessage)
        {
            return FrameVerdict.Pass; // an acknowledgement of system messages
        }

        if (!envelope.Sender.IsEmpty && !TryStripAddress(envelope.Sender, _peerAddress, out _))
        {
            return FrameVerdict.ForeignSender;
        }

        return TryStripAddress(envelope.Recipient, _localAddress, out ReadOnlySpan<byte> path)
            ? InspectMessage(envelope.Message, path)
            : FrameVerdict.Recipient;
    }

    private FrameVerdict InspectMessage(in AkkaMessage message, ReadOnlySpan<byte> path)
    {
        if (message.SerializerId != SelectionSerializer)
        {
            return InspectPlain(message, path, depth: 0);
        }

        // Selections start at the root; from elsewhere they could climb.
        Span<byte> buffer = stackalloc byte[MaxPathBytes];
        if (!path.SequenceEqual("/"u8) || !message.Manifest.IsEmpty)
        {
            return FrameVerdict.Recipient;
        }

        return TryReadSelection(message.Body, buffer, out int length, out AkkaMessage selected)
            ? InspectPlain(selected, buffer[..length], depth: 1)
            : FrameVerdict.Recipient;
    }

    private FrameVerdict InspectPlain(in AkkaMessage message, ReadOnlySpan<byte> path, int depth)
    {
        FrameVerdict verdict = _rules.Find(message, path, out FirewallContent content);
        return verdict != FrameVerdict.Pass
            ? verdict
            : content switch
            {
                FirewallContent.IsOwnAddress => IsOwnAddress(message.Body) ? FrameVerdict.Pass : FrameVerdict.ForeignClaim,
                FirewallContent.OwnAddress => IsOwn(message.Body) ? FrameVerdict.Pass : FrameVerdict.ForeignClaim,
                FirewallContent.OwnUniqueAddress =>
                    TryFirstField(message.Body, out ReadOnlySpan<byte> unique) && IsOwn(unique)
                        ? FrameVerdict.Pass
                        : FrameVerdict.ForeignClaim,
                FirewallContent.NestedMessage => InspectNested(message.Body, depth + 1),
                _ => FrameVerdict.Pass,
            };
    }

    /// <summary>Field 1 is an AddressData equal to the peer's.</summary>
    private bool IsOwn(ReadOnlySpan<byte> holder) => TryFirstField(holder, out ReadOnlySpan<byte> address) && IsOwnAddress(address);

    private bool IsOwnAddress(ReadOnlySpan<byte> address) =>
        AkkaOrigin.TryRead(address, out AkkaOrigin origin) && origin.IsMeshAddress(_peerHost);

    private FrameVerdict InspectNested(ReadOnlySpan<byte> holder, int depth)
    {
        if (!TryFirstField(holder, out ReadOnlySpan<byte> payload) || !AkkaMessage.TryRead(payload, out AkkaMessage nested))
        {
            return FrameVerdict.Malformed;
        }

        bool isNull = nested.SerializerId == 0 && nested.Body.IsEmpty && nested.Manifest.IsEmpty;
        return depth <= MaxNesting && (isNull || _rules.MayNest(nested.SerializerId)) ? FrameVerdict.Pass : FrameVerdict.Nested;
    }

    /// <summary>Field 1, length-delimited, exactly once, whatever else there is.</summary>
    private static bool TryFirstField(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> value)
    {
        value = default;
        bool found = false;
        var reader = new ProtoReader(message);
        while (reader.TryRead(out ProtoField field))
        {
            if (field.Tag >> 3 == 1)
            {
                if (found || field.Tag != ((1 << 3) | 2))
                {
                    return false;
                }

                found = true;
                value = field.Bytes;
            }
        }

        return found && !reader.Malformed;
    }

    /// <summary>Takes the address off an actor path and the incarnation number off its end.</summary>
    private static bool TryStripAddress(ReadOnlySpan<byte> actor, ReadOnlySpan<byte> address, out ReadOnlySpan<byte> path)
    {
        path = default;
        if (!actor.StartsWith(address) || !Ascii.IsValid(actor)) // bad UTF-8 would throw in Akka's parser
        {
            return false;
        }

        path = actor[address.Length..];
        int hash = path.IndexOf((byte)'#');
        path = hash < 0 ? path : path[..hash];
        return !path.IsEmpty && path[0] == (byte)'/';
    }

    /// <summary>Reads SelectionEnvelope { 1 payload, 2 pattern* { 1 type, 2 matcher } } whose elements are all plain names.</summary>
    private static bool TryReadSelection(ReadOnlySpan<byte> body, Span<byte> path, out int length, out AkkaMessage message)
    {
        length = 0;
        message = default;
        bool found = false;
        var reader = new ProtoReader(body);
        while (reader.TryRead(out ProtoField field))
        {
            bool valid = field.Tag switch
            {
                (1 << 3) | 2 => !found && AkkaMessage.TryRead(field.Bytes, out message) && (found = true),
                (2 << 3) | 2 => TryAppendName(field.Bytes, path, ref length),
                _ => false,
            };
            if (!valid)
            {
                return false;
            }
        }

        return found && length > 0 && !reader.Malformed;
    }

    private static bool TryAppendName(ReadOnlySpan<byte> selection, Span<byte> path, ref int length)
    {
        const ulong ChildName = 2;
        var reader = new ProtoReader(selection);
        var seen = default(SeenFields);
        ulong type = 0;
        ReadOnlySpan<byte> name = default;
        while (reader.TryRead(out ProtoField field))
        {
            if (!seen.TryAdd(field.Tag) || field.Tag is not (1 << 3 or (2 << 3) | 2))
            {
                return false;
            }

            type = field.Tag == 1 << 3 ? field.Value : type;
            name = field.Tag == ((2 << 3) | 2) ? field.Bytes : name;
        }

        if (reader.Malformed || type != ChildName || !IsName(name) || length + 1 + name.Length > path.Length)
        {
            return false;
        }

        path[length] = (byte)'/';
        name.CopyTo(path[(length + 1)..]);
        length += 1 + name.Length;
        return true;
    }
}
