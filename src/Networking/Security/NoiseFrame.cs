using System.Buffers.Binary;

namespace P2PLearn.Networking.Security;

/// <summary>The outline of everything that Noise puts on the wire.</summary>
/// <remarks>
/// Source: libp2p specs, noise, Wire Format.
/// <code>
/// +----------------+------------------------------------------+
/// | length, u16 BE | message, at most 65535 bytes              |
/// +----------------+------------------------------------------+
///   a transport message is ciphertext ‖ 16-byte tag
/// </code>
/// </remarks>
internal static class NoiseFrame
{
    public const int HeaderBytes = 2;
    public const int TagBytes = 16;
    public const int MaxMessageBytes = ushort.MaxValue;
    public const int MaxPlaintextBytes = MaxMessageBytes - TagBytes;
    public const int MaxBytes = HeaderBytes + MaxMessageBytes;
    public const int OverheadBytes = HeaderBytes + TagBytes;

    /// <summary>Reads the length of the message that follows.</summary>
    /// <returns>False when the header is not there yet.</returns>
    public static bool TryReadHeader(ReadOnlySpan<byte> source, out int messageBytes)
    {
        messageBytes = 0;
        if (source.Length < HeaderBytes)
        {
            return false;
        }

        messageBytes = BinaryPrimitives.ReadUInt16BigEndian(source); // unsigned: signed readers break at 32 KiB
        return true;
    }

    /// <summary>Writes the length of the message that follows.</summary>
    public static void WriteHeader(Span<byte> destination, int messageBytes) =>
        BinaryPrimitives.WriteUInt16BigEndian(destination, checked((ushort)messageBytes));
}
