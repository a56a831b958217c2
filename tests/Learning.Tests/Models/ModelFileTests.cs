using System.Buffers.Binary;
using System.Text;
using CsCheck;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

public sealed class ModelFileTests : IDisposable
{
    private static readonly ModelLayout Layout = new(
        [new ParameterShape("fc.weight", [2, 3]), new ParameterShape("fc.bias", [2])]);

    private static readonly float[] Theta = [1, -2, 3.5f, float.MinValue, float.Epsilon, -0f, float.NaN, float.PositiveInfinity];

    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-model-").FullName;

    private string ModelPath => Path.Combine(_directory, "model.safetensors");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void A_model_comes_back_bit_for_bit()
    {
        ModelFile.Write(ModelPath, Layout, Theta);

        float[] read = ModelFile.Read(ModelPath, Layout, new ModelFileLimits());

        Assert.Equal(Theta.Select(BitConverter.SingleToUInt32Bits), read.Select(BitConverter.SingleToUInt32Bits));
    }

    [Fact]
    public void The_bytes_are_those_of_the_format()
    {
        ModelFile.Write(ModelPath, Layout, Theta);

        byte[] bytes = File.ReadAllBytes(ModelPath);
        int length = (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        Assert.Equal(
            """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}}""",
            Encoding.UTF8.GetString(bytes, 8, length).TrimEnd(' '));
        Assert.Equal(0, (8 + length) % 64);
        Assert.Equal(-2, BinaryPrimitives.ReadSingleLittleEndian(bytes.AsSpan(8 + length + 4)));
        Assert.Equal(8 + length + 32, bytes.Length);
    }

    [Fact]
    public void Writing_replaces_the_old_file_and_leaves_nothing_beside_it()
    {
        ModelFile.Write(ModelPath, Layout, new float[8]);
        ModelFile.Write(ModelPath, Layout, Theta);

        Assert.Equal([ModelPath], Directory.GetFiles(_directory));
        Assert.Equal(1, ModelFile.Read(ModelPath, Layout, new ModelFileLimits())[0]);
    }

    [Fact]
    public void A_write_that_fails_leaves_the_old_file()
    {
        ModelFile.Write(ModelPath, Layout, Theta);
        Directory.CreateDirectory(ModelPath + ".tmp"); // where the temporary file would go

        Assert.ThrowsAny<Exception>(() => ModelFile.Write(ModelPath, Layout, new float[8]));

        Assert.Equal(1, ModelFile.Read(ModelPath, Layout, new ModelFileLimits())[0]);
    }

    [Fact]
    public void Tensors_in_another_order_and_metadata_are_fine()
    {
        Write(
            """{"__metadata__":{"format":"pt"},"fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"""
            + """ "fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]}}""",
            [7, 8, 1, 2, 3, 4, 5, 6]);

        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], ModelFile.Read(ModelPath, Layout, new ModelFileLimits()));
    }

    private const string Bias = """ "fc.bias":{"dtype":"F32","shape":[2],"data_offsets":[24,32]}""";

    [Theory]
    [InlineData("no JSON", "{]", "not the JSON")]
    [InlineData("too deep", """{"fc.weight":{"dtype":"F32","shape":[[2],3],"data_offsets":[0,24]},""" + Bias + "}", "not the JSON")]
    [InlineData("no brace first", """ {"a":1}""", "begin with {")]
    [InlineData("an array", "[]", "begin with {")]
    [InlineData("missing tensor", """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}}""", "no tensor fc.bias")]
    [InlineData(
        "one tensor too many",
        """{"x":{},"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},""" + Bias + "}",
        "3 tensors, expected 2")]
    [InlineData("twice", """{"fc.weight":{},"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},""" + Bias + "}", "not the JSON")]
    [InlineData("type", """{"fc.weight":{"dtype":"F16","shape":[2,3],"data_offsets":[0,24]},""" + Bias + "}", "type F16")]
    [InlineData("type is a number", """{"fc.weight":{"dtype":5,"shape":[2,3],"data_offsets":[0,24]},""" + Bias + "}", "not the JSON")]
    [InlineData("no type", """{"fc.weight":{"shape":[2,3],"data_offsets":[0,24]},""" + Bias + "}", "type")]
    [InlineData("shape", """{"fc.weight":{"dtype":"F32","shape":[3,2],"data_offsets":[0,24]},""" + Bias + "}", "expected [2,3]")]
    [InlineData("negative", """{"fc.weight":{"dtype":"F32","shape":[-2,3],"data_offsets":[0,24]},""" + Bias + "}", "not a size")]
    [InlineData("fraction", """{"fc.weight":{"dtype":"F32","shape":[2.5,3],"data_offsets":[0,24]},""" + Bias + "}", "not a size")]
    [InlineData("short", """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,20]},""" + Bias + "}", "not 6 floats")]
    [InlineData("outside", """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[16,40]},""" + Bias + "}", "within the file")]
    [InlineData(
        "wraps",
        """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[18446744073709551600,8]},""" + Bias + "}",
        "within the file")]
    [InlineData("overlap", """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[8,32]},""" + Bias + "}", "begins at 8")]
    [InlineData("one offset", """{"fc.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0]},""" + Bias + "}", "not 6 floats")]
    public void A_header_that_breaks_a_rule_is_refused(string rule, string header, string message)
    {
        Write(header, Theta);

        var error = Assert.Throws<InvalidDataException>(() => ModelFile.Read(ModelPath, Layout, new ModelFileLimits()));

        Assert.True(error.Message.Contains(message, StringComparison.Ordinal), $"{rule}: {error.Message}");
        Assert.StartsWith(ModelPath, error.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', error.Message);
    }

    [Fact]
    public void A_header_beyond_the_limit_is_refused_before_it_is_read()
    {
        byte[] bytes = new byte[16];
        bytes.AsSpan(0, 8).Fill(0xFF);
        File.WriteAllBytes(ModelPath, bytes);

        var error = Assert.Throws<InvalidDataException>(() => ModelFile.Read(ModelPath, Layout, new ModelFileLimits()));
        Assert.Contains("18446744073709551615 bytes", error.Message, StringComparison.Ordinal);

        ModelFile.Write(ModelPath, Layout, Theta);
        Assert.Throws<InvalidDataException>(() => ModelFile.Read(ModelPath, Layout, new ModelFileLimits { MaxHeaderBytes = 100 }));
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(1)]
    [InlineData(-100)]
    public void A_file_cut_or_with_bytes_behind_is_refused(int change)
    {
        ModelFile.Write(ModelPath, Layout, Theta);
        using (FileStream file = File.OpenWrite(ModelPath))
        {
            file.SetLength(file.Length + change);
        }

        Assert.Throws<InvalidDataException>(() => ModelFile.Read(ModelPath, Layout, new ModelFileLimits()));
    }

    [Fact]
    public void No_bytes_throw_anything_but_the_readers_error()
    {
        ModelFile.Write(ModelPath, Layout, Theta);
        byte[] good = File.ReadAllBytes(ModelPath);
        Gen<byte[]> flipped = Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, good.Length]).Select((at, value, length) =>
        {
            byte[] bytes = [.. good];
            bytes[at] = value;
            return bytes[..(length % 2 == 0 ? bytes.Length : length)];
        });

        Gen.OneOf(flipped, Gen.Byte.Array[0, 200]).Sample(
            bytes =>
            {
                File.WriteAllBytes(ModelPath, bytes);
                try
                {
                    return ModelFile.Read(ModelPath, Layout, new ModelFileLimits()).Length == 8;
                }
                catch (InvalidDataException)
                {
                    return true;
                }
            },
            iter: 1000,
            threads: 1);
    }

    private void Write(string header, float[] data)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] bytes = new byte[8 + text.Length + (4 * data.Length)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)text.Length);
        text.CopyTo(bytes, 8);
        for (int i = 0; i < data.Length; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8 + text.Length + (4 * i)), data[i]);
        }

        File.WriteAllBytes(ModelPath, bytes);
    }
}
