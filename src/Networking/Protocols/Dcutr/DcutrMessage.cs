using Google.Protobuf;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Dcutr.Wire;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>One message of a hole punch.</summary>
/// <remarks>
/// Source: libp2p specs, DCUtR, "RPC messages": <c>uvarint length · protobuf { type = 1, ObsAddrs = 2 }</c>, at most
/// <see cref="DcutrOptions.MaxMessageBytes"/> of protobuf.
/// </remarks>
/// <param name="Kind">What it says.</param>
/// <param name="Addresses">Where the sender can be dialled; none in a SYNC.</param>
internal sealed record DcutrMessage(DcutrMessageKind Kind, IReadOnlyList<Multiaddr> Addresses)
{
    /// <summary>Addresses that are read; what follows is left.</summary>
    public const int MaxAddressesRead = 64;

    /// <summary>"Dial now."</summary>
    public static DcutrMessage Sync { get; } = new(DcutrMessageKind.Sync, []);

    /// <summary>"Here I can be dialled."</summary>
    public static DcutrMessage Connect(IReadOnlyList<Multiaddr> addresses) => new(DcutrMessageKind.Connect, addresses);

    /// <summary>The protobuf, without its length. Addresses that would make it too long are left out.</summary>
    public byte[] ToProtobuf()
    {
        var message = new HolePunchMessage { Type = (HolePunchMessage.Types.Kind)Kind };
        foreach (Multiaddr address in Addresses)
        {
            message.ObsAddrs.Add(ByteString.CopyFrom(address.Bytes));
            if (message.CalculateSize() > DcutrOptions.MaxMessageBytes)
            {
                message.ObsAddrs.RemoveAt(message.ObsAddrs.Count - 1);
                break;
            }
        }

        return message.ToByteArray();
    }

    /// <summary>Reads a message of a stranger. Addresses that we cannot read are skipped, never the message.</summary>
    /// <param name="bytes">The protobuf, without its length.</param>
    /// <param name="expected">The only kind that is allowed now.</param>
    /// <exception cref="ProtocolViolationException">No such message, too long, or another kind.</exception>
    public static DcutrMessage Parse(ReadOnlySpan<byte> bytes, DcutrMessageKind expected)
    {
        EndReason reason = BoundedProtobuf.Parse(
            HolePunchMessage.Parser, bytes, DcutrOptions.MaxMessageBytes, out HolePunchMessage? message);
        if (reason != EndReason.None || !message!.HasType)
        {
            throw Violation(reason == EndReason.None ? EndReason.MalformedMessage : reason, "no hole punch message");
        }

        var kind = (DcutrMessageKind)message.Type;
        if (kind != expected)
        {
            throw Violation(EndReason.UnexpectedMessage, $"a {kind} where a {expected} is due");
        }

        var addresses = new List<Multiaddr>();
        foreach (ByteString address in message.ObsAddrs.Take(MaxAddressesRead))
        {
            if (Multiaddr.TryFromBytes(address.Span, out Multiaddr? read))
            {
                addresses.Add(read);
            }
        }

        return new DcutrMessage(kind, addresses);
    }

    private static ProtocolViolationException Violation(EndReason reason, string message) =>
        new(reason, ViolationScope.Stream, message);
}

/// <summary>The kinds, numbered as on the wire.</summary>
internal enum DcutrMessageKind
{
    /// <summary>Addresses.</summary>
    Connect = 100,

    /// <summary>The moment to dial.</summary>
    Sync = 300,
}
