using System.Buffers;
using CsCheck;
using P2PLearn.Crdt.Counters;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Maps;
using P2PLearn.Crdt.Registers;
using P2PLearn.Crdt.Sets;

namespace P2PLearn.Crdt.Tests.Encoding;

public sealed class CrdtReaderTests
{
    private static readonly IElementCodec<GSet<string>> Texts = new GSetCodec<string>(ElementCodecs.Text);

    [Theory]
    [InlineData("00", DecodeError.None)]
    [InlineData("7f", DecodeError.None)]
    [InlineData("cc80", DecodeError.None)]
    [InlineData("cd0100", DecodeError.None)]
    [InlineData("ce00010000", DecodeError.None)]
    [InlineData("cf0000000100000000", DecodeError.None)]
    [InlineData("cfffffffffffffffff", DecodeError.None)]
    [InlineData("cc7f", DecodeError.NotCanonical)]
    [InlineData("cd00ff", DecodeError.NotCanonical)]
    [InlineData("ce0000ffff", DecodeError.NotCanonical)]
    [InlineData("cf00000000ffffffff", DecodeError.NotCanonical)]
    [InlineData("d005", DecodeError.NotCanonical)]
    [InlineData("d10100", DecodeError.NotCanonical)]
    [InlineData("d200010000", DecodeError.NotCanonical)]
    [InlineData("d30000000100000000", DecodeError.NotCanonical)]
    [InlineData("ff", DecodeError.NotCanonical)]
    [InlineData("d3ffffffffffffffff", DecodeError.NotCanonical)]
    [InlineData("", DecodeError.Truncated)]
    [InlineData("cd01", DecodeError.Truncated)]
    [InlineData("c0", DecodeError.WrongType)]
    [InlineData("c3", DecodeError.WrongType)]
    [InlineData("cb0000000000000000", DecodeError.WrongType)]
    [InlineData("a131", DecodeError.WrongType)]
    [InlineData("0500", DecodeError.TrailingBytes)]
    public void Integers_have_one_form(string hex, DecodeError expected) =>
        Assert.Equal(expected, Decode(ElementCodecs.UInt64, hex));

    [Theory]
    [InlineData("c400", DecodeError.None)]
    [InlineData("c40161", DecodeError.None)]
    [InlineData("c5000161", DecodeError.NotCanonical)]
    [InlineData("c60000000161", DecodeError.NotCanonical)]
    [InlineData("a161", DecodeError.WrongType)]
    [InlineData("c40261", DecodeError.Truncated)]
    [InlineData("c4", DecodeError.Truncated)]
    [InlineData("c6ffffffff", DecodeError.ValueTooLong)]
    public void Byte_strings_have_one_form(string hex, DecodeError expected) =>
        Assert.Equal(expected, Decode(ElementCodecs.Bytes, hex));

    [Theory]
    [InlineData("a0", DecodeError.None)]
    [InlineData("a161", DecodeError.None)]
    [InlineData("a3e282ac", DecodeError.None)]
    [InlineData("d90161", DecodeError.NotCanonical)]
    [InlineData("da000161", DecodeError.NotCanonical)]
    [InlineData("a1ff", DecodeError.NotCanonical)]
    [InlineData("a2c080", DecodeError.NotCanonical)]
    [InlineData("a3eda080", DecodeError.NotCanonical)]
    [InlineData("c40161", DecodeError.WrongType)]
    [InlineData("a261", DecodeError.Truncated)]
    [InlineData("dbffffffff", DecodeError.ValueTooLong)]
    public void Texts_have_one_form(string hex, DecodeError expected) =>
        Assert.Equal(expected, Decode(ElementCodecs.Text, hex));

    [Theory]
    [InlineData("90", DecodeError.None)]
    [InlineData("dc0000", DecodeError.NotCanonical)]
    [InlineData("dd00000001a161", DecodeError.NotCanonical)]
    [InlineData("dc0010", DecodeError.Truncated)]
    [InlineData("92c0", DecodeError.Truncated)] // refused for its count, before the wrong type inside is seen
    [InlineData("dd00010001", DecodeError.TooManyEntries)]
    [InlineData("80", DecodeError.WrongType)]
    public void Arrays_have_one_form(string hex, DecodeError expected) => Assert.Equal(expected, Decode(Texts, hex));

    [Theory]
    [InlineData("80", DecodeError.None)]
    [InlineData("de0000", DecodeError.NotCanonical)]
    [InlineData("82c4016101", DecodeError.Truncated)]
    [InlineData("82c0c0c0", DecodeError.Truncated)]
    [InlineData("df7fffffff", DecodeError.TooManyEntries)]
    [InlineData("90", DecodeError.WrongType)]
    public void Maps_have_one_form(string hex, DecodeError expected) =>
        Assert.Equal(expected, Decode(CounterCodecs.GCounter, hex));

    [Theory]
    [InlineData("c0", DecodeError.None)]
    [InlineData("9305c40161a0", DecodeError.None)]
    [InlineData("9205c40161", DecodeError.WrongType)]
    [InlineData("9305c400a0", DecodeError.InvalidValue)]
    public void A_tuple_has_the_length_the_format_says(string hex, DecodeError expected) =>
        Assert.Equal(expected, Decode(new LwwRegisterCodec<string>(ElementCodecs.Text), hex));

    [Fact]
    public void Integers_of_a_narrower_field_are_checked()
    {
        CrdtReader reader = new([0xcf, 0, 0, 0, 1, 0, 0, 0, 0], CrdtLimits.Default);
        Assert.False(reader.TryReadUInt32(out _));
        Assert.Equal(DecodeError.InvalidValue, reader.Error);
        reader = new([0xcd, 1, 0], CrdtLimits.Default);
        Assert.False(reader.TryReadByte(out _));
        Assert.Equal(DecodeError.InvalidValue, reader.Error);
        reader = new([0xc4, 1, 0], CrdtLimits.Default);
        Assert.False(reader.TryReadFixedBytes(2, out _));
        Assert.Equal(DecodeError.InvalidValue, reader.Error);
    }

    [Fact]
    public void The_first_error_stays_and_nothing_is_read_after_it()
    {
        CrdtReader reader = new([0xcc, 0x7f, 0x01, 0xc0], CrdtLimits.Default);
        Assert.False(reader.TryReadUInt64(out _));
        Assert.False(reader.TryReadUInt64(out _));
        Assert.False(reader.TryReadText(out _));
        Assert.False(reader.TakeNil());
        Assert.False(reader.TryFinish());
        Assert.False(reader.Fail(DecodeError.TooDeep));
        Assert.Equal(DecodeError.NotCanonical, reader.Error);
    }

    [Fact]
    public void The_limit_of_entries_is_checked()
    {
        string two = "92a161a162";
        Assert.Equal(DecodeError.None, Decode(Texts, two, new() { MaxEntries = 2 }));
        Assert.Equal(DecodeError.TooManyEntries, Decode(Texts, two, new() { MaxEntries = 1 }));
    }

    [Fact]
    public void Keys_and_values_have_their_own_limits()
    {
        LwwRegisterCodec<string> register = new(ElementCodecs.Text);
        CrdtLimits limits = new() { MaxKeyBytes = 2, MaxValueBytes = 3 };

        Assert.Equal(DecodeError.None, Decode(Texts, "91a26161", limits));
        Assert.Equal(DecodeError.KeyTooLong, Decode(Texts, "91a3616161", limits));
        Assert.Equal(DecodeError.None, Decode(register, "9300c4026161a3616161", limits));
        Assert.Equal(DecodeError.ValueTooLong, Decode(register, "9300c4026161a461616161", limits));
        Assert.Equal(DecodeError.KeyTooLong, Decode(register, "9300c403616161a161", limits));
    }

    [Fact]
    public void The_limit_of_depth_is_checked_and_leaving_a_container_counts()
    {
        OrMapCodec<ulong, OrSet<ulong>> nested = new(ElementCodecs.UInt64, new OrSetCodec<ulong>(ElementCodecs.UInt64));
        string map = "92 9281c401610190 82 01 91 93c4016101 92 9281c401610190 8101 91 92c4016101"
            + "02 91 93c4016101 92 9281c401610190 8101 91 92c4016101";

        Assert.Equal(DecodeError.None, Decode(nested, map, new() { MaxDepth = 8 }));
        Assert.Equal(DecodeError.TooDeep, Decode(nested, map, new() { MaxDepth = 7 }));
    }

    [Fact]
    public void The_limit_of_bytes_is_checked_for_one_segment_and_for_several()
    {
        byte[] bytes = Convert.FromHexString("92a161a162");
        ReadOnlySequence<byte> split = Split(bytes);

        Assert.True(CanonicalEncoding.TryDecode(Texts, split, new() { MaxTotalBytes = 5 }, out GSet<string>? read, out _));
        Assert.Equal(["a", "b"], read.Elements);
        Assert.False(CanonicalEncoding.TryDecode(Texts, split, new() { MaxTotalBytes = 4 }, out _, out DecodeError error));
        Assert.Equal(DecodeError.TooLarge, error);
        Assert.False(CanonicalEncoding.TryDecode(Texts, bytes, new() { MaxTotalBytes = 4 }, out _, out error));
        Assert.Equal(DecodeError.TooLarge, error);
    }

    [Fact]
    public void Segments_beyond_the_limit_are_not_copied()
    {
        ReadOnlySequence<byte> large = Split(new byte[100_000]);
        CrdtLimits limits = new() { MaxTotalBytes = 99_999 };
        CanonicalEncoding.TryDecode(Texts, large, limits, out _, out _); // warm up
        long before = GC.GetAllocatedBytesForCurrentThread();
        CanonicalEncoding.TryDecode(Texts, large, limits, out _, out DecodeError error);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.Equal(DecodeError.TooLarge, error);
        Assert.InRange(allocated, 0, 512);
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused()
    {
        CrdtLimits.Default.Validate();
        Assert.All(
            new CrdtLimits[]
            {
                new() { MaxEntries = 0 }, new() { MaxKeyBytes = 0 }, new() { MaxValueBytes = -1 },
                new() { MaxDepth = 0 }, new() { MaxTotalBytes = 0 },
            },
            limits => Assert.Throws<ArgumentOutOfRangeException>(limits.Validate));
    }

    [Theory]
    [InlineData("dd0000ffff")]
    [InlineData("dd7fffffff")]
    [InlineData("91dbffffffff")]
    [InlineData("91db0000ffff61")]
    public void A_large_announcement_allocates_nothing_for_it(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        CanonicalEncoding.TryDecode(Texts, bytes, CrdtLimits.Default, out _, out _); // warm up
        long before = GC.GetAllocatedBytesForCurrentThread();
        bool read = CanonicalEncoding.TryDecode(Texts, bytes, CrdtLimits.Default, out _, out _);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.False(read);
        Assert.InRange(allocated, 0, 512);
    }

    [Fact]
    public void Plain_values_round_trip()
    {
        Gen.String.Where(text => text.All(c => !char.IsSurrogate(c))).Check(text => RoundTrips(ElementCodecs.Text, text));
        Gen.Byte.Array[0, 300].Check(bytes => RoundTrips(ElementCodecs.Bytes, bytes));
        Gen.ULong.Check(number => RoundTrips(ElementCodecs.UInt64, number));
        Gen.Int[0, 63].Check(shift => RoundTrips(ElementCodecs.UInt64, 1ul << shift));
        RoundTrips(ElementCodecs.Text, new string('x', 65_536));
        RoundTrips(ElementCodecs.Text, "😀 ∞");
    }

    [Fact]
    public void A_text_that_has_no_utf_8_and_an_empty_replica_are_bugs_of_the_caller()
    {
        Assert.Throws<System.Text.EncoderFallbackException>(() => CanonicalEncoding.Encode(ElementCodecs.Text, "\ud800"));
        Assert.Throws<ArgumentException>(() => CanonicalEncoding.Encode(ElementCodecs.Replica, default));
    }

    private static void RoundTrips<T>(IElementCodec<T> codec, T value)
    {
        byte[] bytes = CanonicalEncoding.Encode(codec, value);
        Assert.True(CanonicalEncoding.TryDecode(codec, bytes, CrdtLimits.Default, out T? read, out DecodeError error), $"{error}");
        Assert.Equal(value, read);
    }

    private static DecodeError Decode<T>(IElementCodec<T> codec, string hex, CrdtLimits? limits = null)
    {
        byte[] bytes = Convert.FromHexString(hex.Replace(" ", ""));
        bool read = CanonicalEncoding.TryDecode(codec, bytes, limits ?? CrdtLimits.Default, out _, out DecodeError error);
        Assert.Equal(read, error == DecodeError.None);
        return error;
    }

    private static ReadOnlySequence<byte> Split(byte[] bytes)
    {
        Segment first = new(bytes.AsMemory(0, 2), null);
        Segment second = new(bytes.AsMemory(2), first);
        return new ReadOnlySequence<byte>(first, 0, second, second.Memory.Length);
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        public Segment(ReadOnlyMemory<byte> memory, Segment? previous)
        {
            Memory = memory;
            if (previous is not null)
            {
                RunningIndex = previous.RunningIndex + previous.Memory.Length;
                previous.Next = this;
            }
        }
    }
}
