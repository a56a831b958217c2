using CsCheck;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Encoding;

public sealed class ElementOrderTests
{
    private static readonly Gen<string> Texts =
        from runes in Gen.OneOf(Gen.Int[0x20, 0x80], Gen.Int[0xD000, 0xD7FF], Gen.Int[0xE000, 0xFFFF], Gen.Int[0x10000, 0x10FFFF])
            .Array[0, 4]
        select string.Concat(runes.Select(char.ConvertFromUtf32));

    [Fact]
    public void Texts_order_as_their_utf_8_bytes_do() =>
        Gen.Select(Texts, Texts, Texts).Check(test =>
        {
            string left = test.Item3 + test.Item1;
            string right = test.Item3 + test.Item2;
            int bytes = System.Text.Encoding.UTF8.GetBytes(left).AsSpan()
                .SequenceCompareTo(System.Text.Encoding.UTF8.GetBytes(right));
            Assert.Equal(Math.Sign(bytes), Math.Sign(ElementOrder.Of<string>().Compare(left, right)));
        });

    [Fact]
    public void Byte_arrays_order_by_content_and_other_types_by_themselves()
    {
        Assert.Equal(0, ElementOrder.Of<byte[]>().Compare([1, 2], [1, 2]));
        Assert.True(ElementOrder.Of<byte[]>().Compare([1, 2], [0x80]) < 0);
        Assert.True(ElementOrder.Of<ulong>().Compare(2, 10) < 0);
    }
}
