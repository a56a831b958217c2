using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CsCheck;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class BatchTests
{
    [Fact]
    public void Every_byte_is_scaled_as_in_the_papers_code()
    {
        byte[] pixels = [.. Enumerable.Range(0, 256).Select(i => (byte)i)];
        float[] scaled = new float[256];

        PixelScaling.Mnist.Scale(pixels, scaled);

        for (int i = 0; i < 256; i++)
        {
            Assert.Equal(((i / 255.0) - 0.1307) / 0.3081, scaled[i], 1e-6);
        }
    }

    [Fact]
    public void The_vector_kernel_gives_the_bits_of_the_scalar_one() =>
        Gen.Byte.Array[0, 100].Sample(pixels =>
        {
            float[] whole = new float[pixels.Length];
            float[] one = new float[1];
            PixelScaling.Mnist.Scale(pixels, whole);
            for (int i = 0; i < pixels.Length; i++)
            {
                PixelScaling.Mnist.Scale(pixels.AsSpan(i, 1), one);
                if (BitConverter.SingleToUInt32Bits(one[0]) != BitConverter.SingleToUInt32Bits(whole[i]))
                {
                    return false;
                }
            }

            return true;
        });

    [Fact]
    public void Scaling_into_too_little_room_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => PixelScaling.Mnist.Scale(new byte[17], new float[16]));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    public void A_deviation_that_is_not_positive_is_refused(double deviation) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new PixelScaling(0.5, deviation));

    [Fact]
    public void A_batch_holds_the_chosen_images_in_order()
    {
        LabelledImages data = TestData.Noise(count: 20, side: 5, classCount: 3, seed: 1);
        var batch = new Batch(4, 25);

        batch.Fill(data, [19, 0, 7]);

        Assert.Equal(3, batch.Count);
        int[] chosen = [19, 0, 7];
        for (int i = 0; i < 3; i++)
        {
            float[] expected = new float[25];
            data.Scaling.Scale(data.Image(chosen[i]), expected);
            Assert.Equal(expected, batch.Inputs.Slice(25 * i, 25).ToArray());
            Assert.Equal(data.Labels[chosen[i]], batch.Labels[i]);
        }
    }

    [Fact]
    public void A_data_sets_own_scaling_is_used()
    {
        var data = new LabelledImages(new byte[] { 255 }, new byte[] { 0 }, 1, 1, 1) { Scaling = new PixelScaling(0, 1) };
        var batch = new Batch(1, 1);

        batch.FillRange(data, 0, 1);

        Assert.Equal(1, batch.Inputs[0], 1e-6);
    }

    [Fact]
    public void More_images_than_room_and_other_sizes_are_refused()
    {
        LabelledImages data = TestData.Noise(count: 20, side: 5, classCount: 3, seed: 1);

        Assert.Throws<ArgumentOutOfRangeException>(() => new Batch(4, 25).Fill(data, [1, 2, 3, 4, 5]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Batch(4, 24).Fill(data, [1]));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Batch(4, 24).FillRange(data, 0, 1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Batch(4, 25) { Count = -1 });
    }

    [Fact]
    public unsafe void Images_begin_on_a_cache_line()
    {
        for (int capacity = 1; capacity < 20; capacity++)
        {
            var batch = new Batch(capacity, 7);
            Assert.Equal(0, (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(batch.Inputs)) % 64);
            Assert.Equal(capacity * 7, batch.Inputs.Length);
        }
    }
}
