using System.Buffers;
using System.Buffers.Binary;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>Writes the messages that <see cref="DnsReader"/> reads; names are not compressed.</summary>
/// <remarks>
/// Source: RFC 6762, 18: id 0; a response has QR and AA set. A TXT record is ours alone, so caches shall forget an older one (10.2);
/// a PTR record of the service is shared by all peers, so they shall not.
/// </remarks>
internal static class DnsWriter
{
    private const ushort ResponseFlags = 0x8400;

    /// <summary>Bytes of a record before its data, beside the name.</summary>
    public const int RecordHeadBytes = 10;

    /// <summary>Writes a message.</summary>
    public static void Write(IBufferWriter<byte> output, DnsMessage message)
    {
        WriteUInt16(output, 0);
        WriteUInt16(output, message.IsResponse ? ResponseFlags : (ushort)0);
        WriteUInt16(output, (ushort)message.Questions.Count);
        WriteUInt16(output, (ushort)message.Answers.Count);
        WriteUInt16(output, 0);
        WriteUInt16(output, (ushort)message.Additionals.Count);
        foreach (DnsQuestion question in message.Questions)
        {
            output.Write(question.Name.Wire);
            WriteUInt16(output, (ushort)question.Type);
            WriteUInt16(output, DnsReader.ClassInternet);
        }

        foreach (DnsRecord record in message.Answers.Concat(message.Additionals))
        {
            WriteRecord(output, record);
        }
    }

    private static void WriteRecord(IBufferWriter<byte> output, DnsRecord record)
    {
        bool isText = record is TxtRecord;
        ReadOnlySpan<byte> data = record is TxtRecord text ? text.Data.Span : ((PtrRecord)record).Target.Wire;
        output.Write(record.Name.Wire);
        WriteUInt16(output, (ushort)(isText ? DnsType.Txt : DnsType.Ptr));
        WriteUInt16(output, (ushort)(DnsReader.ClassInternet | (isText ? DnsReader.ClassFlag : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(output.GetSpan(4), (uint)record.Ttl.TotalSeconds);
        output.Advance(4);
        WriteUInt16(output, (ushort)data.Length);
        output.Write(data);
    }

    private static void WriteUInt16(IBufferWriter<byte> output, ushort value)
    {
        BinaryPrimitives.WriteUInt16BigEndian(output.GetSpan(2), value);
        output.Advance(2);
    }
}
