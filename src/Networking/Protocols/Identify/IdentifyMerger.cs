using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Identify.Wire;

namespace P2PLearn.Networking.Protocols.Identify;

/// <summary>Merges the messages of one exchange: repeated fields append, single ones overwrite, sums are
/// capped.</summary>
/// <remarks>Addresses that we cannot read are skipped, never the message. Not safe for several threads.</remarks>
internal sealed class IdentifyMerger
{
    private readonly List<Multiaddr> _addresses = [];
    private readonly HashSet<string> _protocols = [];
    private IdentifyRecord _record = new();
    private int _messages;

    /// <summary>Takes the next message.</summary>
    /// <exception cref="ProtocolViolationException">It is no identify message, or one too many.</exception>
    public void Add(ReadOnlySpan<byte> message)
    {
        if (++_messages > IdentifyLimits.MaxMessages)
        {
            throw new ProtocolViolationException(
                EndReason.TooManyRequests,
                ViolationScope.Stream,
                $"more than {IdentifyLimits.MaxMessages} identify messages");
        }

        IdentifyMessage parsed = Parse(message);
        AddAddresses(parsed);
        AddProtocols(parsed);
        _record = _record with
        {
            PublicKey = parsed.HasPublicKey ? parsed.PublicKey.ToByteArray() : _record.PublicKey,
            ObservedAddress = Address(parsed.ObservedAddr) ?? _record.ObservedAddress,
            ProtocolVersion = parsed.HasProtocolVersion ? Cut(parsed.ProtocolVersion) : _record.ProtocolVersion,
            AgentVersion = parsed.HasAgentVersion ? Cut(parsed.AgentVersion) : _record.AgentVersion,
            SignedPeerRecord = parsed.HasSignedPeerRecord
                ? parsed.SignedPeerRecord.ToByteArray()
                : _record.SignedPeerRecord,
        };
    }

    /// <summary>The sum of the messages so far.</summary>
    public IdentifyRecord ToRecord() => _record with
    {
        ListenAddresses = _addresses.Count > 0 ? [.. _addresses] : null,
        Protocols = _protocols.Count > 0 ? [.. _protocols] : null,
    };

    private static IdentifyMessage Parse(ReadOnlySpan<byte> message)
    {
        try
        {
            return IdentifyMessage.Parser.ParseFrom(message);
        }
        catch (InvalidProtocolBufferException e)
        {
            throw new ProtocolViolationException(
                EndReason.MalformedMessage, ViolationScope.Stream, $"identify message: {e.Message}");
        }
    }

    private void AddAddresses(IdentifyMessage message)
    {
        foreach (ByteString bytes in message.ListenAddrs)
        {
            if (_addresses.Count >= IdentifyLimits.MaxAddresses)
            {
                return;
            }

            if (Address(bytes) is { } address)
            {
                _addresses.Add(address);
            }
        }
    }

    private void AddProtocols(IdentifyMessage message)
    {
        foreach (string protocol in message.Protocols)
        {
            if (_protocols.Count >= IdentifyLimits.MaxProtocols)
            {
                return;
            }

            if (protocol.Length is > 0 and <= ProtocolId.MaxBytes)
            {
                _protocols.Add(protocol);
            }
        }
    }

    private static Multiaddr? Address(ByteString bytes) =>
        !bytes.IsEmpty && Multiaddr.TryFromBytes(bytes.Span, out Multiaddr? address) ? address : null;

    private static string Cut(string text) =>
        text.Length <= IdentifyLimits.MaxVersionLength ? text : text[..IdentifyLimits.MaxVersionLength];
}
