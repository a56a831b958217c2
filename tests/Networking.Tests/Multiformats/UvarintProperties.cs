using System.Buffers;
using CsCheck;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Tests.Multiformats;

public sealed class UvarintProperties
{
    private static readonly Gen<ulong> Number = Gen.Select(
        Gen.ULong[0, Uvarint.MaxValue], Gen.Int[0, 62], (value, shift) => value >> shift);

    [Fact]
    public void Every_number_of_63_bits_round_trips_in_spans_and_sequences() => Number.Sample(value =>
    {
        var output = new ArrayBufferWriter<byte>();
        Uvarint.Write(output, value);
        ReadOnlySequence<byte> pieces = Segments.OneByteEach([.. output.WrittenSpan, 0xff]);
        return output.WrittenCount == Uvarint.GetLength(value)
            && Uvarint.TryRead(output.WrittenSpan, out ulong fromSpan, out int length) && fromSpan == value
            && length == output.WrittenCount
            && Uvarint.TryRead(pieces, out ulong fromPieces, out int pieceLength) && fromPieces == value
            && pieceLength == length;
    });

    [Fact]
    public void Every_prefix_needs_more_data() => Number.Sample(value =>
    {
        byte[] bytes = new byte[Uvarint.GetLength(value)];
        Uvarint.Write(bytes, value);
        return Enumerable.Range(0, bytes.Length).All(
            n => Uvarint.Read(bytes.AsSpan(0, n), out _, out _) == OperationStatus.NeedMoreData
                && Uvarint.Read(Segments.OneByteEach(bytes[..n]), out _, out _) == OperationStatus.NeedMoreData);
    });

    [Fact]
    public void What_is_read_is_the_only_encoding_of_its_number() => Gen.Byte.Array[0, 12].Sample(bytes =>
    {
        if (!Uvarint.TryRead(bytes, out ulong value, out int length))
        {
            return true;
        }

        byte[] written = new byte[Uvarint.GetLength(value)];
        Uvarint.Write(written, value);
        return written.AsSpan().SequenceEqual(bytes.AsSpan(0, length));
    });

    [Theory]
    [InlineData("8000")] // zero in two bytes
    [InlineData("ac8200")] // 300 in three
    [InlineData("ffffffffffffffffff01")] // ten bytes
    [InlineData("ffffffffffffffffff")] // nine bytes and no end
    public void Longer_forms_are_invalid(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Assert.Equal(OperationStatus.InvalidData, Uvarint.Read(bytes, out _, out _));
        Assert.Equal(OperationStatus.InvalidData, Uvarint.Read(Segments.OneByteEach(bytes), out _, out _));
    }

    [Fact]
    public void Sixty_four_bits_are_not_written()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Uvarint.GetLength(Uvarint.MaxValue + 1));
        Assert.Throws<ArgumentException>(() => Uvarint.Write(new byte[1], 128));
    }
}
