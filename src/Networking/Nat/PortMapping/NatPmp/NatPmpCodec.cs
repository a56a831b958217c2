using System.Buffers.Binary;
using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping.NatPmp;

/// <summary>An answer of NAT-PMP; what its kind does not have is zero or null.</summary>
/// <param name="Result">0 is success; <see cref="NatPmpCodec.Describe"/> names the others.</param>
/// <param name="Epoch">Seconds since the gateway's mapping table was empty.</param>
/// <param name="ExternalAddress">Of an answer to the question for it.</param>
/// <param name="ExternalPort">Of a mapping; 0 when it was removed.</param>
/// <param name="Lifetime">Of a mapping, in seconds; 0 when it was removed.</param>
internal readonly record struct NatPmpAnswer(
    ushort Result, uint Epoch, IPAddress? ExternalAddress = null, ushort ExternalPort = 0, uint Lifetime = 0);

/// <summary>Bytes of NAT-PMP, all numbers big-endian.</summary>
/// <remarks>
/// Source: RFC 6886, 3.2 and 3.3.
/// <code>
/// request   | version 0 | op |                                                       op 0: external address
///           | version 0 | op | reserved 16 | internal port 16 | external port 16 | lifetime 32 |  op 2: map TCP
/// answer    | version 0 | 128 + op | result 16 | epoch 32 | external address 32 |
///           | version 0 | 128 + op | result 16 | epoch 32 | internal port 16 | external port 16 | lifetime 32 |
/// </code>
/// </remarks>
internal static class NatPmpCodec
{
    /// <summary>Result: the gateway does not speak this version.</summary>
    public const ushort UnsupportedVersion = 1;

    /// <summary>Asks for the external address.</summary>
    public const byte ExternalAddress = 0;

    /// <summary>Maps a TCP port.</summary>
    public const byte MapTcp = 2;

    private const byte AnswerBit = 0x80;
    private const int HeaderBytes = 8;
    private const int ExternalAddressBytes = 12;
    private const int MapBytes = 16;

    /// <summary>The question for the external address.</summary>
    public static byte[] WriteExternalAddress() => [0, ExternalAddress];

    /// <summary>The request for a mapping; a lifetime of 0 removes it (3.4: the external port is then 0 too).</summary>
    public static byte[] WriteMap(ushort internalPort, ushort externalPort, uint lifetime)
    {
        byte[] request = new byte[12];
        request[1] = MapTcp;
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(4), internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(request.AsSpan(6), externalPort);
        BinaryPrimitives.WriteUInt32BigEndian(request.AsSpan(8), lifetime);
        return request;
    }

    /// <summary>Reads the answer to the question for the external address.</summary>
    /// <returns>False for anything else.</returns>
    public static bool TryReadExternalAddress(ReadOnlySpan<byte> datagram, out NatPmpAnswer answer)
    {
        if (!TryReadHeader(datagram, ExternalAddress, ExternalAddressBytes, out answer))
        {
            return false;
        }

        if (answer.Result == 0)
        {
            answer = answer with { ExternalAddress = new IPAddress(datagram.Slice(HeaderBytes, 4)) };
        }

        return true;
    }

    /// <summary>Reads the answer to a request for a mapping of <paramref name="internalPort"/>.</summary>
    /// <returns>False for anything else, also for a mapping of another port, and for a live one to port 0.</returns>
    public static bool TryReadMap(ReadOnlySpan<byte> datagram, ushort internalPort, out NatPmpAnswer answer)
    {
        if (!TryReadHeader(datagram, MapTcp, MapBytes, out answer))
        {
            return false;
        }

        if (answer.Result != 0)
        {
            return true;
        }

        answer = answer with
        {
            ExternalPort = BinaryPrimitives.ReadUInt16BigEndian(datagram[10..]),
            Lifetime = BinaryPrimitives.ReadUInt32BigEndian(datagram[12..]),
        };
        return BinaryPrimitives.ReadUInt16BigEndian(datagram[8..]) == internalPort
            && (answer.ExternalPort != 0 || answer.Lifetime == 0);
    }

    /// <summary>What a result code means (3.5).</summary>
    public static string Describe(ushort result) => result switch
    {
        UnsupportedVersion => "unsupported version",
        2 => "not authorized: switched off in the gateway's settings",
        3 => MapAnswer.NoPublicAddress,
        4 => "the gateway has no free ports",
        5 => "unsupported opcode",
        _ => $"result {result}",
    };

    // An answer that says no may be as short as its header; success has all its fields.
    private static bool TryReadHeader(ReadOnlySpan<byte> datagram, byte opcode, int successBytes, out NatPmpAnswer answer)
    {
        answer = default;
        if (datagram.Length < HeaderBytes || datagram[0] != 0 || datagram[1] != (opcode | AnswerBit))
        {
            return false;
        }

        answer = new NatPmpAnswer(
            BinaryPrimitives.ReadUInt16BigEndian(datagram[2..]), BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]));
        return answer.Result != 0 || datagram.Length >= successBytes;
    }
}
