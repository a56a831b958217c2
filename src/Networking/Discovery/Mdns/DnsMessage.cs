namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>What of a DNS message mDNS discovery looks at.</summary>
/// <param name="IsResponse">The QR bit.</param>
/// <param name="Questions">Of class IN or ANY.</param>
/// <param name="Answers">PTR and TXT records of class IN; others are stepped over.</param>
/// <param name="Additionals">Likewise. Authority records are stepped over.</param>
internal sealed record DnsMessage(
    bool IsResponse,
    IReadOnlyList<DnsQuestion> Questions,
    IReadOnlyList<DnsRecord> Answers,
    IReadOnlyList<DnsRecord> Additionals);

/// <summary>The record types that matter here; any other number may stand in a question.</summary>
internal enum DnsType : ushort
{
    /// <summary>A name.</summary>
    Ptr = 12,

    /// <summary>Texts of at most 255 bytes.</summary>
    Txt = 16,

    /// <summary>In questions: every type.</summary>
    Any = 255,
}

/// <summary>What is asked.</summary>
internal readonly record struct DnsQuestion(DnsName Name, DnsType Type)
{
    /// <summary>Whether a record of this name and type answers it.</summary>
    public bool Asks(DnsName name, DnsType type) => (Type == type || Type == DnsType.Any) && Name.Equals(name);
}

/// <summary>A record.</summary>
/// <param name="Name">Whose.</param>
/// <param name="Ttl">How long it holds, whole seconds; zero: not any more.</param>
internal abstract record DnsRecord(DnsName Name, TimeSpan Ttl);

/// <summary>Points to a name.</summary>
internal sealed record PtrRecord(DnsName Name, TimeSpan Ttl, DnsName Target) : DnsRecord(Name, Ttl);

/// <summary>Holds texts.</summary>
/// <param name="Name">Whose.</param>
/// <param name="Ttl">How long it holds.</param>
/// <param name="Data">Strings, each behind its length byte, none cut off. As long valid as the packet it was read from.</param>
internal sealed record TxtRecord(DnsName Name, TimeSpan Ttl, ReadOnlyMemory<byte> Data) : DnsRecord(Name, Ttl)
{
    /// <summary>The strings, each of 0–255 bytes.</summary>
    public IEnumerable<ReadOnlyMemory<byte>> Strings()
    {
        for (int at = 0; at < Data.Length; at += 1 + Data.Span[at])
        {
            yield return Data.Slice(at + 1, Data.Span[at]);
        }
    }

    /// <summary>Whether strings fill the data exactly.</summary>
    public static bool IsWhole(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            if (data[0] >= data.Length)
            {
                return false;
            }

            data = data[(1 + data[0])..];
        }

        return true;
    }
}
