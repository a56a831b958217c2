using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>Reads DNS messages of strangers.</summary>
/// <remarks>
/// Source: RFC 1035, 4; RFC 6762, 18.
/// <code>
/// header    | id 16 | QR 1, opcode 4, AA TC RD RA Z AD CD 7, rcode 4 | questions 16 | answers 16 | authorities 16 | additionals 16 |
/// question  | name | type 16 | unicast wanted 1, class 15 |
/// record    | name | type 16 | cache flush 1, class 15 | ttl 32 | length 16 | data |
/// </code>
/// Big-endian. A message is read whole or not at all. Nothing is allocated for a count before the bytes are there: each question and
/// record is one name of at most 255 bytes, and <see cref="MaxQuestions"/> and <see cref="MaxRecords"/> bound them.
/// </remarks>
internal static class DnsReader
{
    /// <summary>Longest packet, the headers of IP and UDP not counted. RFC 6762, 17: 9000 bytes with them.</summary>
    public const int MaxPacketBytes = 9_000;

    /// <summary>Bytes of the header.</summary>
    public const int HeaderBytes = 12;

    /// <summary>Questions in one message; a browser of services asks a handful.</summary>
    public const int MaxQuestions = 32;

    /// <summary>Records in one message, of all three sections.</summary>
    public const int MaxRecords = 256;

    /// <summary>The top bit of a class: a unicast answer is wanted, or caches shall forget what they had.</summary>
    public const ushort ClassFlag = 0x8000;

    /// <summary>Class IN.</summary>
    public const ushort ClassInternet = 1;

    private const ushort ClassAny = 255;
    private const ushort ResponseFlag = 0x8000;
    private const ushort OpcodeAndRcode = 0x780f;

    /// <summary>Reads a message.</summary>
    /// <param name="packet">Untrusted; the message's texts are slices of it.</param>
    /// <param name="message">The message.</param>
    /// <returns>False for anything broken or beyond a limit, and for an opcode or rcode other than 0 (RFC 6762, 18.3 and 18.11).</returns>
    public static bool TryRead(ReadOnlyMemory<byte> packet, [NotNullWhen(true)] out DnsMessage? message)
    {
        message = null;
        ReadOnlySpan<byte> bytes = packet.Span;
        if (bytes.Length is < HeaderBytes or > MaxPacketBytes)
        {
            return false;
        }

        ushort flags = ReadUInt16(bytes, 2);
        int questionCount = ReadUInt16(bytes, 4);
        int answerCount = ReadUInt16(bytes, 6);
        int authorityCount = ReadUInt16(bytes, 8);
        int additionalCount = ReadUInt16(bytes, 10);
        if ((flags & OpcodeAndRcode) != 0
            || questionCount > MaxQuestions
            || answerCount + authorityCount + additionalCount > MaxRecords)
        {
            return false;
        }

        int offset = HeaderBytes;
        List<DnsQuestion> questions = [];
        List<DnsRecord> answers = [];
        List<DnsRecord> additionals = [];
        if (!TryReadQuestions(bytes, ref offset, questionCount, questions)
            || !TryReadRecords(packet, ref offset, answerCount, answers)
            || !TryReadRecords(packet, ref offset, authorityCount, null)
            || !TryReadRecords(packet, ref offset, additionalCount, additionals))
        {
            return false;
        }

        message = new DnsMessage((flags & ResponseFlag) != 0, questions, answers, additionals);
        return true;
    }

    private static bool TryReadQuestions(ReadOnlySpan<byte> bytes, ref int offset, int count, List<DnsQuestion> questions)
    {
        for (int i = 0; i < count; i++)
        {
            if (!DnsName.TryRead(bytes, ref offset, out DnsName? name) || bytes.Length - offset < 4)
            {
                return false;
            }

            var type = (DnsType)ReadUInt16(bytes, offset);
            if ((ReadUInt16(bytes, offset + 2) & ~ClassFlag) is ClassInternet or ClassAny)
            {
                questions.Add(new DnsQuestion(name, type));
            }

            offset += 4;
        }

        return true;
    }

    private static bool TryReadRecords(ReadOnlyMemory<byte> packet, ref int offset, int count, List<DnsRecord>? records)
    {
        for (int i = 0; i < count; i++)
        {
            if (!TryReadRecord(packet, ref offset, out DnsRecord? record))
            {
                return false;
            }

            if (record is not null)
            {
                records?.Add(record);
            }
        }

        return true;
    }

    /// <param name="packet">The whole packet: names point back into it.</param>
    /// <param name="offset">Where the record begins, and then ends.</param>
    /// <param name="record">Null, with the answer true, for a record of another type or class.</param>
    private static bool TryReadRecord(ReadOnlyMemory<byte> packet, ref int offset, out DnsRecord? record)
    {
        record = null;
        ReadOnlySpan<byte> bytes = packet.Span;
        if (!DnsName.TryRead(bytes, ref offset, out DnsName? name) || bytes.Length - offset < 10)
        {
            return false;
        }

        var type = (DnsType)ReadUInt16(bytes, offset);
        bool isInternet = (ReadUInt16(bytes, offset + 2) & ~ClassFlag) == ClassInternet;
        uint seconds = BinaryPrimitives.ReadUInt32BigEndian(bytes[(offset + 4)..]);
        int start = offset + 10;
        int end = start + ReadUInt16(bytes, offset + 8);
        offset = end;
        if (end > bytes.Length)
        {
            return false;
        }

        // RFC 2181, 8: a time of life with its top bit set counts as zero.
        TimeSpan ttl = TimeSpan.FromSeconds(seconds > int.MaxValue ? 0 : seconds);
        if (isInternet && type == DnsType.Ptr)
        {
            int at = start;
            record = DnsName.TryRead(bytes[..end], ref at, out DnsName? target) && at == end ? new PtrRecord(name, ttl, target) : null;
            return record is not null;
        }

        if (isInternet && type == DnsType.Txt)
        {
            record = TxtRecord.IsWhole(bytes[start..end]) ? new TxtRecord(name, ttl, packet[start..end]) : null;
            return record is not null;
        }

        return true;
    }

    private static ushort ReadUInt16(ReadOnlySpan<byte> bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes[at..]);
}
