using System.Text;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>Builds frames of Akka's association protocol by hand, right ones and wrong ones.</summary>
internal static class FrameBuilder
{
    public static byte[] Varint(ulong value)
    {
        List<byte> bytes = [];
        for (; value >= 0x80; value >>= 7)
        {
            bytes.Add((byte)(value | 0x80));
        }

        return [.. bytes, (byte)value];
    }

    public static byte[] Field(int number, byte[] bytes) => [.. Varint((ulong)((number << 3) | 2)), .. Varint((ulong)bytes.Length), .. bytes];

    public static byte[] Field(int number, string text) => Field(number, Encoding.UTF8.GetBytes(text));

    public static byte[] Field(int number, ulong value) => [.. Varint((ulong)(number << 3)), .. Varint(value)];

    public static byte[] Fixed64(int number, ulong value) => [.. Varint((ulong)((number << 3) | 1)), .. BitConverter.GetBytes(value)];

    public static byte[] Address(PeerId peer) =>
        [.. Field(1, "P2PLearn"), .. Field(2, peer.ToBase36()), .. Field(3, 4001), .. Field(4, "akka.p2p")];

    public static byte[] Associate(PeerId peer, ulong uid = 77) => Control(1, [.. Field(1, Address(peer)), .. Fixed64(2, uid)]);

    /// <summary>A body as a Data frame of an association's stream.</summary>
    public static byte[] Data(byte[] body)
    {
        byte[] frame = new byte[FrameCodec.PrefixBytes + body.Length];
        FrameCodec.WritePrefix(frame, body.Length);
        body.CopyTo(frame, FrameCodec.PrefixBytes);
        return frame;
    }

    public static byte[] Open(AssociationId id)
    {
        byte[] frame = new byte[FrameCodec.MaxControlBytes];
        return frame[..FrameCodec.WriteOpen(frame, id)];
    }

    public static byte[] Resume(AssociationId id, ulong number)
    {
        byte[] frame = new byte[FrameCodec.MaxControlBytes];
        return frame[..FrameCodec.WriteResume(frame, id, number)];
    }

    public static byte[] Number(FrameKind kind, ulong number)
    {
        byte[] frame = new byte[FrameCodec.AckBytes];
        FrameCodec.WriteNumber(frame, kind, number);
        return frame;
    }

    public static byte[] Control(ulong command, byte[]? handshake = null) =>
        Field(2, [.. Field(1, command), .. handshake is null ? [] : Field(2, handshake)]);

    public static byte[] Message(int serializer, string manifest, byte[] body) =>
        [.. Field(1, body), .. Field(2, (ulong)serializer), .. manifest.Length == 0 ? [] : Field(3, manifest)];

    public static byte[] Envelope(string recipient, byte[] message, string? sender = null) =>
    [
        .. Field(1, Field(1, recipient)), .. Field(2, message), .. sender is null ? [] : Field(4, Field(1, sender)), .. Fixed64(5, ulong.MaxValue),
    ];

    public static byte[] Frame(byte[] envelope) => Field(1, Field(2, envelope));

    public static string Path(PeerId peer, string path) => AkkaAddress.Of(peer) + path;

    /// <summary>A selection of plain names below the root that holds a message.</summary>
    public static byte[] Selection(byte[] message, params string[] names) =>
        Message(6, "", [.. Field(1, message), .. names.SelectMany(name => Field(2, [.. Field(1, 2), .. Field(2, name)]))]);
}
