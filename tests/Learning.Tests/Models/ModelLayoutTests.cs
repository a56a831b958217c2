using System.Security.Cryptography;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

/// <summary>Layouts as they travel.</summary>
public sealed class ModelLayoutTests
{
    private static readonly ModelLayout Layout = new([new("fc1.weight", [3, 4]), new("fc1.bias", [3]), new("scale", [])]);

    [Fact]
    public void A_layout_is_read_back_and_named_by_the_hash_of_its_bytes()
    {
        Assert.Equal(SHA256.HashData(Layout.Encode()), Layout.Hash.ToArray());
        Assert.True(ModelLayout.TryDecode(Layout.Encode(), out ModelLayout? read));
        Assert.Equal(Layout.Hash.ToArray(), read.Hash.ToArray());
        Assert.Equal(["fc1.weight", "fc1.bias", "scale"], read.Parameters.Select(p => p.Name));
        Assert.Equal(16, read.ParameterCount);
        Assert.Equal([0, 48, 60], read.ByteOffsets());
    }

    [Fact]
    public void A_layout_that_is_cut_is_refused_but_at_the_end_of_a_parameter()
    {
        byte[] bytes = Layout.Encode();
        int[] ends = [bytes.Length - 10 - 17, bytes.Length - 10]; // behind fc1.weight and fc1.bias
        for (int length = 0; length < bytes.Length; length++)
        {
            Assert.Equal(ends.Contains(length), ModelLayout.TryDecode(bytes.AsSpan(0, length), out _));
        }
    }

    [Theory]
    [InlineData(new[] { int.MaxValue, int.MaxValue, int.MaxValue, int.MaxValue })] // would overflow
    [InlineData(new[] { 1 << 15, 1 << 15 })] // more floats than a model may have
    [InlineData(new[] { 0 })]
    [InlineData(new[] { 1, 1, 1, 1, 1, 1, 1, 1, 1 })] // more dimensions
    public void Shapes_beyond_the_limits_are_refused(int[] shape)
    {
        byte[] bytes = [.. "w\0"u8, .. BigEndian(shape.Length), .. shape.SelectMany(BigEndian)];
        Assert.False(ModelLayout.TryDecode(bytes, out _));
    }

    [Fact]
    public void Names_and_counts_beyond_the_limits_are_refused()
    {
        Assert.False(ModelLayout.TryDecode([.. new byte[ModelLayout.MaxNameBytes + 1].Select(_ => (byte)'a'), 0, .. BigEndian(0)], out _));
        Assert.False(ModelLayout.TryDecode([0xFF, 0, .. BigEndian(0)], out _)); // no UTF-8
        byte[] one = [(byte)'a', 0, .. BigEndian(0)];
        Assert.True(ModelLayout.TryDecode([.. Enumerable.Repeat(one, ModelLayout.MaxParameters).SelectMany(b => b)], out _));
        Assert.False(ModelLayout.TryDecode([.. Enumerable.Repeat(one, ModelLayout.MaxParameters + 1).SelectMany(b => b)], out _));
        Assert.False(ModelLayout.TryDecode(new byte[ModelLayout.MaxEncodedBytes + 1], out _));
    }

    private static byte[] BigEndian(int value) => [(byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
