using CsCheck;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

public sealed class ExchangePrecisionTests
{
    [Fact]
    public void Float32_is_what_is_computed_with() => Gen.Single.Array.Sample(model =>
    {
        byte[] bytes = new byte[model.Length * 4];
        float[] read = new float[model.Length];
        ExchangePrecision.Float32.Encode(model, bytes);
        ExchangePrecision.Float32.Decode(bytes, read);
        Assert.Equal(model.Select(BitConverter.SingleToInt32Bits), read.Select(BitConverter.SingleToInt32Bits));
        ExchangePrecision.Float32.Round(read);
        Assert.Equal(model.Select(BitConverter.SingleToInt32Bits), read.Select(BitConverter.SingleToInt32Bits));
    });

    [Fact]
    public void Float16_is_the_nearest_half_of_each_and_rounding_is_reading_what_was_written() => Gen.Single.Array[0, 1200].Sample(model =>
    {
        byte[] bytes = new byte[model.Length * 2];
        float[] read = new float[model.Length];
        float[] rounded = [.. model];
        ExchangePrecision.Float16.Encode(model, bytes);
        ExchangePrecision.Float16.Decode(bytes, read);
        ExchangePrecision.Float16.Round(rounded);
        Assert.Equal(read.Select(BitConverter.SingleToInt32Bits), rounded.Select(BitConverter.SingleToInt32Bits));
        Assert.All(model.Zip(read), pair => Assert.True(
            float.IsNaN(pair.First) ? float.IsNaN(pair.Second) : pair.Second == (float)(Half)pair.First, $"{pair.First:R} became {pair.Second:R}"));
        for (int i = 0; i < model.Length; i++)
        {
            Assert.Equal(BitConverter.HalfToInt16Bits((Half)read[i]), BitConverter.ToInt16(bytes, 2 * i)); // little-endian, in order
        }
    });

    [Fact]
    public void Weights_of_a_model_keep_eleven_bits() => Gen.Single[6.2e-5f, 65_000f].Array[1, 600].Sample(model =>
    {
        float[] rounded = [.. model];
        ExchangePrecision.Float16.Round(rounded);
        Assert.All(model.Zip(rounded), pair => Assert.InRange(MathF.Abs(pair.Second - pair.First), 0, pair.First / 2048));
    });

    [Fact]
    public void Rounding_and_coding_allocate_nothing()
    {
        float[] model = new float[10_000];
        byte[] bytes = new byte[20_000];
        Work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
        {
            Work();
        }

        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 100); // once: the runtime's own

        void Work()
        {
            ExchangePrecision.Float16.Encode(model, bytes);
            ExchangePrecision.Float16.Decode(bytes, model);
            ExchangePrecision.Float16.Round(model);
        }
    }

    [Fact]
    public void Names_are_read_and_others_refused_in_one_line()
    {
        Assert.All(ExchangePrecisions.Names, name => Assert.Equal(name, ExchangePrecisions.Parse(name).ToName()));
        Assert.Equal("unknown exchange precision 'int8': use float32 or float16", Assert.Throws<ArgumentException>(() => ExchangePrecisions.Parse("int8")).Message);
    }

    [Theory]
    [InlineData(ExchangePrecision.Float32, 12)]
    [InlineData(ExchangePrecision.Float16, 5)]
    public void Bytes_of_another_length_are_refused(ExchangePrecision precision, int bytes)
    {
        Assert.Throws<ArgumentException>(() => precision.Encode(new float[2], new byte[bytes]));
        Assert.Throws<ArgumentException>(() => precision.Decode(new byte[bytes], new float[2]));
    }
}
