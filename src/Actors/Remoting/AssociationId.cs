using System.Buffers.Binary;
using System.Security.Cryptography;

namespace P2PLearn.Actors.Remoting;

/// <summary>What an association is called when it goes on over another stream: 128 random bits, chosen by its opener.</summary>
/// <remarks>Not a secret that protects anything by itself: it counts only together with the peer that the connection authenticated.</remarks>
internal readonly record struct AssociationId(UInt128 Value)
{
    /// <summary>Bytes on the wire, big-endian.</summary>
    public const int Bytes = 16;

    /// <summary>A new one.</summary>
    public static AssociationId Create()
    {
        Span<byte> random = stackalloc byte[Bytes];
        RandomNumberGenerator.Fill(random);
        return Read(random);
    }

    /// <summary>Reads the first <see cref="Bytes"/> bytes.</summary>
    public static AssociationId Read(ReadOnlySpan<byte> source) => new(BinaryPrimitives.ReadUInt128BigEndian(source));

    /// <summary>Writes <see cref="Bytes"/> bytes.</summary>
    public void Write(Span<byte> destination) => BinaryPrimitives.WriteUInt128BigEndian(destination, Value);
}
