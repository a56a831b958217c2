using System.Text;
using CsCheck;
using P2PLearn.Networking.Discovery.Mdns;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

public sealed class DnsCodecTests
{
    private const string Service = "045f703270045f756470056c6f63616c00"; // _p2p._udp.local, 17 bytes
    private const string QueryHex = "000000000001000000000000" + Service + "000c0001";

    // PTR at 12: name 17, head 10, data "abc" + pointer to 12. TXT at 45: its name points to the PTR's data at 39.
    private const string CompressedAnswerHex =
        "000084000000000100000001" + Service + "000c0001000000780006" + "03616263c00c"
        + "c027" + "001080010000007800080161" + "0562633d6465";

    private static readonly DnsName P2P = DnsName.Parse("_p2p._udp.local");

    private static readonly Gen<DnsName> Name = Gen.String[Gen.Char["abcXYZ019_-"], 1, 63].List[1, 4]
        .Where(labels => labels.Sum(l => l.Length + 1) < DnsName.MaxBytes)
        .Select(labels => DnsName.Parse(string.Join('.', labels)));

    private static readonly Gen<TimeSpan> Ttl = Gen.Int[0, int.MaxValue].Select(s => TimeSpan.FromSeconds(s));

    private static readonly Gen<byte[]> Text = Gen.Byte.Array[0, 255].List[0, 5]
        .Select(strings => strings.SelectMany(s => (byte[])[(byte)s.Length, .. s]).ToArray());

    private static readonly Gen<DnsRecord> Record = Gen.OneOf(
        Gen.Select(Name, Ttl, Name, (n, t, target) => (DnsRecord)new PtrRecord(n, t, target)),
        Gen.Select(Name, Ttl, Text, (n, t, data) => (DnsRecord)new TxtRecord(n, t, data)));

    private static readonly Gen<DnsMessage> Message = Gen.Select(
        Gen.Bool, Gen.Select(Name, Gen.UShort, (n, t) => new DnsQuestion(n, (DnsType)t)).List[0, 3], Record.List[0, 3], Record.List[0, 3],
        (response, questions, answers, additionals) => new DnsMessage(response, questions, answers, additionals));

    [Fact]
    public void The_question_for_all_peers_has_these_bytes()
    {
        var query = new DnsMessage(false, [new DnsQuestion(P2P, DnsType.Ptr)], [], []);
        Assert.Equal(QueryHex, Convert.ToHexStringLower(MdnsAnnouncement.Bytes(query)));
        DnsMessage read = Read(QueryHex)!;
        Assert.False(read.IsResponse);
        Assert.Equal([new DnsQuestion(P2P, DnsType.Ptr)], read.Questions);
    }

    [Fact]
    public void An_answer_has_these_bytes()
    {
        DnsName name = P2P.Child("abc");
        TimeSpan ttl = TimeSpan.FromSeconds(120);
        var answer = new DnsMessage(
            true, [], [new PtrRecord(P2P, ttl, name)], [new TxtRecord(name, ttl, new byte[] { 1, (byte)'a', 2, (byte)'b', (byte)'c' })]);
        const string Child = "03616263" + Service;
        const string Expected = "000084000000000100000001" + Service + "000c0001000000780015" + Child
            + Child + "0010800100000078" + "0005" + "0161026263";
        Assert.Equal(Expected, Convert.ToHexStringLower(MdnsAnnouncement.Bytes(answer)));
    }

    [Fact]
    public void Compressed_names_are_read()
    {
        DnsMessage read = Read(CompressedAnswerHex)!;
        Assert.True(read.IsResponse);
        var pointer = Assert.IsType<PtrRecord>(Assert.Single(read.Answers));
        Assert.Equal("abc._p2p._udp.local", pointer.Target.ToString());
        Assert.Equal(TimeSpan.FromSeconds(120), pointer.Ttl);
        Assert.True(pointer.Target.IsChildOf(pointer.Name));
        var text = Assert.IsType<TxtRecord>(Assert.Single(read.Additionals));
        Assert.Equal(pointer.Target, text.Name);
        Assert.Equal(["a", "bc=de"], text.Strings().Select(s => Encoding.ASCII.GetString(s.Span)));
    }

    [Fact]
    public void Records_of_other_types_and_classes_are_stepped_over()
    {
        const string A = "c00c" + "00010001000000780004" + "c0000201";
        const string Chaos = "c00c" + "000c0003000000780002" + "c00c";
        const string Unknown = "c00c" + "ffff0001000000780003" + "ffffff";
        const string Ptr = "c00c" + "000c0001ffffffff0002" + "c00c";
        DnsMessage read = Read("000084000001000300010001" + Service + "00010003" + A + Chaos + Unknown + A + Ptr)!;
        Assert.Empty(read.Questions); // of class CH
        Assert.Empty(read.Answers);
        Assert.Equal(TimeSpan.Zero, Assert.Single(read.Additionals).Ttl); // the top bit counts as zero
    }

    [Theory]
    [InlineData("0000780000010000")] // opcode 15
    [InlineData("0000840300010000")] // rcode 3
    [InlineData("00000000ffff0000")] // 65,535 questions
    [InlineData("000000000001ffff")] // 65,535 records
    [InlineData("0000000000210000")] // one question more than the limit
    public void A_header_that_asks_too_much_is_refused(string start) =>
        Assert.Null(Read(start + "00000000" + string.Concat(Enumerable.Repeat(Service + "000c0001", 40))));

    [Theory]
    [InlineData("c00c")] // to itself
    [InlineData("c00e")] // forward
    [InlineData("c0ff")] // beyond the end
    [InlineData("c0")] // half a pointer
    [InlineData("0361c00c")] // label longer than the message
    [InlineData("0161c00c")] // back to its own beginning: a loop
    [InlineData("40")] // reserved label types
    [InlineData("80")]
    [InlineData("016101620163")] // no end
    public void Names_that_lead_nowhere_are_refused(string name)
    {
        byte[] bytes = Convert.FromHexString("000000000001000000000000" + name);
        int offset = DnsReader.HeaderBytes;
        Assert.False(DnsName.TryRead(bytes, ref offset, out _));
        Assert.False(DnsReader.TryRead((byte[])[.. bytes, 0, 12, 0, 1], out _));
    }

    [Fact]
    public void A_chain_of_pointers_ends_at_the_limit()
    {
        Assert.NotNull(NameBehindPointers(DnsName.MaxPointers));
        Assert.Null(NameBehindPointers(DnsName.MaxPointers + 1));
    }

    [Fact]
    public void A_name_has_at_most_255_bytes()
    {
        string label = "3f" + string.Concat(Enumerable.Repeat("61", 63));
        string label61 = "3d" + string.Concat(Enumerable.Repeat("61", 61));
        string label62 = "3e" + string.Concat(Enumerable.Repeat("61", 62));
        Assert.Equal(255, NameOf(label + label + label + label61 + "00")!.Wire.Length);
        Assert.Null(NameOf(label + label + label + label62 + "00"));
        Assert.Null(NameOf(label + label + label + label + "00"));
    }

    [Fact]
    public void Names_are_equal_in_any_case_and_print_what_is_odd()
    {
        Assert.Equal(DnsName.Parse("_P2P._UDP.Local"), P2P);
        Assert.Equal(NameOf("0241420000"), DnsName.Parse("ab"));
        Assert.Equal(@"a\046b\000", NameOf("04612e620000")!.ToString());
        Assert.Equal(".", NameOf("00")!.ToString());
        Assert.False(NameOf("00")!.IsChildOf(P2P));
    }

    [Theory]
    [InlineData("")]
    [InlineData("a..b")]
    [InlineData(".a")]
    [InlineData("a b")]
    [InlineData("ä")]
    public void Texts_that_are_no_names_are_refused(string text)
    {
        Assert.False(DnsName.TryParse(text, out _));
        Assert.Throws<FormatException>(() => P2P.Child(text));
    }

    [Fact]
    public void A_child_is_one_label_that_fits()
    {
        Assert.Throws<FormatException>(() => P2P.Child("a.b"));
        Assert.Throws<FormatException>(() => P2P.Child(new string('a', 64)));
        DnsName longest = DnsName.Parse(string.Join('.', Enumerable.Repeat(new string('a', 62), 4)));
        Assert.Throws<FormatException>(() => longest.Child("ab"));
        Assert.False(longest.IsChildOf(P2P));
    }

    [Theory]
    [InlineData("04616263")] // longer than the data
    [InlineData("ff")]
    [InlineData("0161ff")]
    public void Texts_that_do_not_fill_their_record_are_refused(string data)
    {
        string length = (data.Length / 2).ToString("x4", System.Globalization.CultureInfo.InvariantCulture);
        Assert.Null(Read("000084000000000100000000" + "00" + "0010000100000078" + length + data));
    }

    [Theory]
    [InlineData("0003", "c00c00")] // a byte left over
    [InlineData("0001", "c00c")] // a pointer that ends behind the data
    [InlineData("0000", "")]
    public void A_pointer_record_is_its_name_exactly(string length, string data) =>
        Assert.Null(Read("000084000000000100000000" + Service + "000c000100000078" + length + data));

    [Fact]
    public void A_packet_beyond_9000_bytes_is_refused()
    {
        byte[] query = Convert.FromHexString(QueryHex);
        Assert.True(DnsReader.TryRead((byte[])[.. query, .. new byte[DnsReader.MaxPacketBytes - query.Length]], out _));
        Assert.False(DnsReader.TryRead((byte[])[.. query, .. new byte[DnsReader.MaxPacketBytes - query.Length + 1]], out _));
    }

    [Fact]
    public void Every_message_round_trips() => Message.Sample(message =>
    {
        Assert.True(DnsReader.TryRead(MdnsAnnouncement.Bytes(message), out DnsMessage? read));
        Assert.Equal(message.IsResponse, read.IsResponse);
        Assert.Equal(message.Questions, read.Questions);
        Assert.Equal(message.Answers.Select(Describe), read.Answers.Select(Describe));
        Assert.Equal(message.Additionals.Select(Describe), read.Additionals.Select(Describe));
    }, iter: 300);

    [Fact]
    public void Every_prefix_of_a_message_is_refused() => Message.Sample(message =>
    {
        byte[] bytes = MdnsAnnouncement.Bytes(message);
        return Enumerable.Range(0, bytes.Length).All(n => !DnsReader.TryRead(bytes.AsMemory(0, n), out _));
    }, iter: 30);

    [Fact]
    public void Hostile_packets_never_throw() =>
        Hostile.Bytes(Convert.FromHexString(QueryHex), Convert.FromHexString(CompressedAnswerHex)).Sample(bytes =>
        {
            if (DnsReader.TryRead(bytes, out DnsMessage? message))
            {
                Assert.All(message.Answers.Concat(message.Additionals), r => Describe(r));
            }
        }, iter: 20_000);

    private static string Describe(DnsRecord record) => record switch
    {
        PtrRecord ptr => $"{ptr.Name} {ptr.Ttl} PTR {ptr.Target}",
        TxtRecord txt => $"{txt.Name} {txt.Ttl} TXT {string.Join(',', txt.Strings().Select(s => Convert.ToHexString(s.Span)))}",
        _ => throw new ArgumentException("no such record"),
    };

    private static DnsMessage? Read(string hex) =>
        DnsReader.TryRead(Convert.FromHexString(hex), out DnsMessage? message) ? message : null;

    private static DnsName? NameOf(string hex)
    {
        int offset = 0;
        return DnsName.TryRead(Convert.FromHexString(hex), ref offset, out DnsName? name) ? name : null;
    }

    /// <summary>The root, and behind it pointers of which each leads to the one before.</summary>
    private static DnsName? NameBehindPointers(int count)
    {
        byte[] bytes =
        [
            0, .. Enumerable.Range(0, count).SelectMany(i => (byte[])[0xc0, (byte)(i == 0 ? 0 : 1 + (2 * (i - 1)))]),
        ];
        int offset = bytes.Length - 2;
        return DnsName.TryRead(bytes, ref offset, out DnsName? name) ? name : null;
    }
}
