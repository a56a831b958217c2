using System.Buffers;
using System.Text;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>The messages of a proof, each behind its length as uvarint.</summary>
/// <remarks>
/// <code>
/// hello   01 | version length: 1 | version | name length: 1 | name | nonce: 32
/// proof   02 | mac: 32
/// accept  03
/// refuse  04 | reason: 1
/// </code>
/// The version comes first, so that a later one may change all that follows it. See <c>docs/wire/mesh.md</c>.
/// </remarks>
internal static class MeshMessage
{
    /// <summary>Longest message accepted; the longest that this version sends has 131 bytes.</summary>
    public const int MaxBytes = 512;

    private const byte HelloKind = 0x01;
    private const byte ProofKind = 0x02;
    private const byte AcceptKind = 0x03;
    private const byte RefuseKind = 0x04;

    /// <summary>Writes a hello.</summary>
    public static void WriteHello(IBufferWriter<byte> output, MeshTerms terms, ReadOnlySpan<byte> nonce)
    {
        Uvarint.Write(output, (ulong)(1 + 1 + terms.Version.Length + 1 + terms.Name.Length + nonce.Length));
        output.Write((ReadOnlySpan<byte>)[HelloKind]);
        WriteText(output, terms.Version);
        WriteText(output, terms.Name);
        output.Write(nonce);
    }

    /// <summary>Writes a proof.</summary>
    public static void WriteProof(IBufferWriter<byte> output, ReadOnlySpan<byte> mac)
    {
        Uvarint.Write(output, (ulong)(1 + mac.Length));
        output.Write((ReadOnlySpan<byte>)[ProofKind]);
        output.Write(mac);
    }

    /// <summary>Writes an accept.</summary>
    public static void WriteAccept(IBufferWriter<byte> output) => output.Write((ReadOnlySpan<byte>)[1, AcceptKind]);

    /// <summary>Writes a refusal.</summary>
    public static void WriteRefuse(IBufferWriter<byte> output, AdmissionRefusal refusal) =>
        output.Write((ReadOnlySpan<byte>)[2, RefuseKind, (byte)refusal]);

    /// <summary>Reads the part of a hello that every version has.</summary>
    /// <param name="message">Untrusted.</param>
    /// <param name="version">The sender's version.</param>
    /// <param name="rest">What that version defines.</param>
    public static bool TryReadHello(ReadOnlySpan<byte> message, out string version, out ReadOnlySpan<byte> rest)
    {
        version = string.Empty;
        rest = default;
        return message is [HelloKind, ..] && TryReadText(message[1..], out version, out rest) && MeshOptions.IsVersion(version);
    }

    /// <summary>Reads the rest of a hello of this version.</summary>
    public static bool TryReadHelloRest(ReadOnlySpan<byte> rest, out string name, out ReadOnlySpan<byte> nonce) =>
        TryReadText(rest, out name, out nonce) && MeshOptions.IsName(name) && nonce.Length == MeshTerms.NonceBytes;

    /// <summary>Reads a proof.</summary>
    public static bool TryReadProof(ReadOnlySpan<byte> message, out ReadOnlySpan<byte> mac)
    {
        mac = message.IsEmpty ? default : message[1..];
        return message is [ProofKind, ..] && mac.Length == MeshTerms.MacBytes;
    }

    /// <summary>Whether it is an accept.</summary>
    public static bool IsAccept(ReadOnlySpan<byte> message) => message is [AcceptKind];

    /// <summary>Reads a refusal.</summary>
    public static bool TryReadRefuse(ReadOnlySpan<byte> message, out AdmissionRefusal refusal)
    {
        refusal = message is [RefuseKind, _] ? (AdmissionRefusal)message[1] : AdmissionRefusal.None;
        return refusal is > AdmissionRefusal.None and <= AdmissionRefusal.Malformed;
    }

    private static void WriteText(IBufferWriter<byte> output, string text)
    {
        output.Write((ReadOnlySpan<byte>)[(byte)text.Length]);
        Encoding.ASCII.GetBytes(text, output);
    }

    private static bool TryReadText(ReadOnlySpan<byte> bytes, out string text, out ReadOnlySpan<byte> rest)
    {
        text = string.Empty;
        rest = default;
        if (bytes.IsEmpty || bytes.Length <= bytes[0])
        {
            return false;
        }

        text = Encoding.Latin1.GetString(bytes.Slice(1, bytes[0])); // what is not ASCII is refused with the text
        rest = bytes[(1 + bytes[0])..];
        return true;
    }
}
