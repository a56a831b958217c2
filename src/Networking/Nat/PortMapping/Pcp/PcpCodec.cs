using System.Buffers.Binary;
using System.Net;

namespace P2PLearn.Networking.Nat.PortMapping.Pcp;

/// <summary>An answer of PCP.</summary>
/// <param name="Result">0 is success; <see cref="PcpCodec.Describe"/> names the others.</param>
/// <param name="Epoch">Seconds since the gateway lost its state.</param>
/// <param name="Lifetime">Of the mapping, or of the refusal, in seconds.</param>
/// <param name="ExternalAddress">Of a mapping; null otherwise.</param>
/// <param name="ExternalPort">Of a mapping.</param>
internal readonly record struct PcpAnswer(
    byte Result, uint Epoch, uint Lifetime, IPAddress? ExternalAddress = null, ushort ExternalPort = 0);

/// <summary>Bytes of PCP, all numbers big-endian, IPv4 addresses as IPv4-mapped IPv6.</summary>
/// <remarks>
/// Source: RFC 6887, 7 (header), 11.1 (MAP), 14.1 (ANNOUNCE, which has no body).
/// <code>
/// request   | version 2 | 0 + opcode | reserved 16            | lifetime 32 | client address 128 |
/// answer    | version 2 | 128 + opcode | reserved 8 | result 8 | lifetime 32 | epoch 32 | reserved 96 |
/// MAP       | nonce 96 | protocol 8 | reserved 24 | internal port 16 | external port 16 | external address 128 |
/// </code>
/// </remarks>
internal static class PcpCodec
{
    /// <summary>Bytes of a nonce.</summary>
    public const int NonceBytes = 12;

    /// <summary>Result: another version is wanted.</summary>
    public const byte UnsupportedVersion = 1;

    private const byte Version = 2;
    private const byte Announce = 0;
    private const byte Map = 1;
    private const byte AnswerBit = 0x80;
    private const byte Tcp = 6;
    private const int HeaderBytes = 24;
    private const int MapBytes = 36;

    /// <summary>Asks whether the gateway is there, which tells its epoch.</summary>
    public static byte[] WriteAnnounce(IPAddress client)
    {
        byte[] request = new byte[HeaderBytes];
        WriteHeader(request, Announce, lifetime: 0, client);
        return request;
    }

    /// <summary>Asks for a mapping of a TCP port to any external address; a lifetime of 0 removes it.</summary>
    /// <param name="client">This machine's address, as the gateway sees it.</param>
    /// <param name="nonce">Of this mapping, the same in each of its requests; 12 bytes.</param>
    /// <param name="internalPort">This machine's port.</param>
    /// <param name="externalPort">The port that would be best.</param>
    /// <param name="lifetime">Seconds.</param>
    public static byte[] WriteMap(IPAddress client, ReadOnlySpan<byte> nonce, ushort internalPort, ushort externalPort, uint lifetime)
    {
        ArgumentOutOfRangeException.ThrowIfNotEqual(nonce.Length, NonceBytes);
        byte[] request = new byte[HeaderBytes + MapBytes];
        WriteHeader(request, Map, lifetime, client);
        Span<byte> body = request.AsSpan(HeaderBytes);
        nonce.CopyTo(body);
        body[12] = Tcp;
        BinaryPrimitives.WriteUInt16BigEndian(body[16..], internalPort);
        BinaryPrimitives.WriteUInt16BigEndian(body[18..], externalPort);
        IPAddress.Any.MapToIPv6().TryWriteBytes(body[20..], out _); // ::ffff:0.0.0.0, 11.1: any IPv4 address
        return request;
    }

    /// <summary>Reads the answer to <see cref="WriteAnnounce"/>.</summary>
    /// <returns>False for anything else.</returns>
    public static bool TryReadAnnounce(ReadOnlySpan<byte> datagram, out PcpAnswer answer) =>
        TryReadVersionRefusal(datagram, out answer) || TryReadHeader(datagram, Announce, out answer);

    /// <summary>Reads the answer to <see cref="WriteMap"/>.</summary>
    /// <returns>False for anything else: another nonce, protocol or internal port, or a live mapping to port 0.</returns>
    public static bool TryReadMap(
        ReadOnlySpan<byte> datagram, ReadOnlySpan<byte> nonce, ushort internalPort, out PcpAnswer answer)
    {
        if (TryReadVersionRefusal(datagram, out answer))
        {
            return true;
        }

        if (!TryReadHeader(datagram, Map, out answer) || datagram.Length < HeaderBytes + MapBytes)
        {
            return false;
        }

        // 8.3: a refusal repeats the request's body, so it is held to the same test.
        ReadOnlySpan<byte> body = datagram[HeaderBytes..];
        if (!body[..NonceBytes].SequenceEqual(nonce)
            || body[12] != Tcp
            || BinaryPrimitives.ReadUInt16BigEndian(body[16..]) != internalPort)
        {
            return false;
        }

        if (answer.Result != 0)
        {
            return true;
        }

        var address = new IPAddress(body.Slice(20, 16));
        answer = answer with
        {
            ExternalAddress = address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address,
            ExternalPort = BinaryPrimitives.ReadUInt16BigEndian(body[18..]),
        };
        return answer.ExternalPort != 0 || answer.Lifetime == 0;
    }

    /// <summary>What a result code means (7.4).</summary>
    public static string Describe(byte result) => result switch
    {
        UnsupportedVersion => "unsupported version",
        2 => "not authorized",
        3 => "malformed request",
        4 => "unsupported opcode",
        5 => "unsupported option",
        6 => "malformed option",
        7 => MapAnswer.NoPublicAddress,
        8 => "the gateway has no free ports",
        9 => "unsupported protocol",
        10 => "quota exceeded",
        11 => "no suitable external port",
        12 => "another NAT is between this machine and the gateway",
        13 => "too many remote peers",
        _ => $"result {result}",
    };

    private static void WriteHeader(Span<byte> request, byte opcode, uint lifetime, IPAddress client)
    {
        request[0] = Version;
        request[1] = opcode;
        BinaryPrimitives.WriteUInt32BigEndian(request[4..], lifetime);
        client.MapToIPv6().TryWriteBytes(request[8..], out _);
    }

    private static bool TryReadHeader(ReadOnlySpan<byte> datagram, byte opcode, out PcpAnswer answer)
    {
        answer = default;
        if (datagram.Length < HeaderBytes
            || datagram.Length % 4 != 0 // 7: every message is a multiple of four bytes
            || datagram[0] != Version
            || datagram[1] != (opcode | AnswerBit))
        {
            return false;
        }

        answer = new PcpAnswer(
            datagram[3],
            BinaryPrimitives.ReadUInt32BigEndian(datagram[8..]),
            BinaryPrimitives.ReadUInt32BigEndian(datagram[4..]));
        return true;
    }

    // 9 and appendix A: a NAT-PMP gateway answers with version 0 and result 1 in 16 bits, an older PCP one with its own
    // version and result 1 in the low 8 of them.
    private static bool TryReadVersionRefusal(ReadOnlySpan<byte> datagram, out PcpAnswer answer)
    {
        answer = new PcpAnswer(UnsupportedVersion, Epoch: 0, Lifetime: 0);
        return datagram.Length >= 8 && (datagram[1] & AnswerBit) != 0 && datagram[3] == UnsupportedVersion;
    }
}
