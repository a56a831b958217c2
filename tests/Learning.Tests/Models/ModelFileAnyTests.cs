using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CsCheck;
using P2PLearn.Learning.Models;

namespace P2PLearn.Learning.Tests.Models;

/// <summary>Files whose layout is not known before.</summary>
public sealed class ModelFileAnyTests : IDisposable
{
    private readonly string _directory = Directory.CreateTempSubdirectory("p2plearn-model-").FullName;

    private string ModelPath => Path.Combine(_directory, "model.safetensors");

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Fact]
    public void What_was_written_comes_back_with_its_layout()
    {
        var layout = new ModelLayout([new ParameterShape("b", [2, 3]), new ParameterShape("a", [2]), new ParameterShape("scalar", [])]);
        float[] theta = [1, -2, 3.5f, float.MinValue, float.Epsilon, -0f, float.NaN, float.PositiveInfinity, 9];
        ModelFile.Write(ModelPath, layout, theta);

        (ModelLayout read, float[] floats) = ModelFile.ReadAny(ModelPath, new ModelFileLimits());

        Assert.Equal(layout.Hash.ToArray(), read.Hash.ToArray());
        Assert.Equal(theta.Select(BitConverter.SingleToUInt32Bits), floats.Select(BitConverter.SingleToUInt32Bits));
        byte[] whole = [.. ModelFile.Head(layout), .. ModelFile.ReadAnyBytes(ModelPath, new ModelFileLimits()).Bytes];
        Assert.Equal(File.ReadAllBytes(ModelPath), whole);
        Assert.Equal(floats, ModelFile.ReadAny(File.ReadAllBytes(ModelPath), new ModelFileLimits()).Parameters);
    }

    [Fact]
    public void Tensors_are_ordered_as_they_lie_in_the_file()
    {
        Write("""{"z":{"dtype":"F32","shape":[2],"data_offsets":[4,12]},"__metadata__":{"x":"y"},"a":{"dtype":"F32","shape":[1,1],"data_offsets":[0,4]}}""", 3);

        (ModelLayout layout, float[] floats) = ModelFile.ReadAny(ModelPath, new ModelFileLimits());

        Assert.Equal(["a", "z"], layout.Parameters.Select(p => p.Name));
        Assert.Equal([1, 1], layout.Parameters[0].Shape);
        Assert.Equal([0, 1, 2], floats);
    }

    [Theory]
    [InlineData("no tensors", "{}", 0, "no tensors")]
    [InlineData("only metadata", """{"__metadata__":{}}""", 0, "no tensors")]
    [InlineData("no JSON", "{]", 3, "not the JSON")]
    [InlineData("a tensor is a number", """{"a":5}""", 1, "not the JSON")]
    [InlineData("twice", """{"a":{},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 1, "not the JSON")]
    [InlineData("type", """{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}""", 1, "type BF16, expected F32")]
    [InlineData("no type", """{"a":{"shape":[1],"data_offsets":[0,4]}}""", 1, "type none")]
    [InlineData("no shape", """{"a":{"dtype":"F32","data_offsets":[0,4]}}""", 1, "has no shape")]
    [InlineData("empty tensor", """{"a":{"dtype":"F32","shape":[0,4],"data_offsets":[0,0]}}""", 0, "a is empty")]
    [InlineData("negative", """{"a":{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}}""", 1, "not a size")]
    [InlineData("nine dimensions", """{"a":{"dtype":"F32","shape":[1,1,1,1,1,1,1,1,1],"data_offsets":[0,4]}}""", 1, "9 dimensions")]
    [InlineData("too many floats", """{"a":{"dtype":"F32","shape":[3,3],"data_offsets":[0,36]}}""", 8, "more floats than the file")]
    [InlineData("product wraps", """{"a":{"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,0]}}""", 1, "more floats than the file")]
    [InlineData("size beyond 63 bits", """{"a":{"dtype":"F32","shape":[18446744073709551615],"data_offsets":[0,4]}}""", 1, "more floats than the file")]
    [InlineData("size beyond 64 bits", """{"a":{"dtype":"F32","shape":[18446744073709551616],"data_offsets":[0,4]}}""", 1, "not a size")]
    [InlineData("offsets wrap", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[18446744073709551612,0]}}""", 1, "within the file")]
    [InlineData("outside", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 1, "within the file")]
    [InlineData("count and offsets differ", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}""", 2, "not 2 floats")]
    [InlineData("overlap", """{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 3, "b begins at 4")]
    [InlineData("hole", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"b":{"dtype":"F32","shape":[1],"data_offsets":[8,12]}}""", 3, "b begins at 8")]
    [InlineData("hole in front", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 2, "begins at 4, expected 0")]
    [InlineData("bytes behind", """{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 2, "end at 4, expected 8")]
    [InlineData("no name", """{"":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 1, "name is empty")]
    [InlineData("a name with an end in it", """{"a\u0000b":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 1, "control characters")]
    [InlineData("half a character", """{"\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}""", 1, "not the JSON")]
    public void A_header_that_breaks_a_rule_is_refused(string rule, string header, int floats, string message)
    {
        Write(header, floats);

        string said = Refused();

        Assert.True(said.Contains(message, StringComparison.Ordinal), $"{rule}: {said}");
        Assert.StartsWith(ModelPath, said, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', said);
    }

    [Fact]
    public void What_no_layout_may_have_is_refused()
    {
        Write("{\"" + new string('n', ModelLayout.MaxNameBytes + 1) + "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", 1);
        Assert.Contains("longer than 256 bytes", Refused(), StringComparison.Ordinal);

        Write(Many(ModelLayout.MaxParameters + 1, 1), ModelLayout.MaxParameters + 1);
        Assert.Contains("more than 8192 tensors", Refused(), StringComparison.Ordinal);

        Write(Many(4000, 80), 4000);
        Assert.Contains("names and shapes have", Refused(), StringComparison.Ordinal);

        Write(Many(2, 1), 2);
        var limits = new ModelFileLimits { MaxFloats = 1 };
        Assert.Contains("8 bytes of floats, allowed are 4", Assert.Throws<InvalidDataException>(() => ModelFile.ReadAny(ModelPath, limits)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_header_longer_than_the_file_or_the_limit_is_refused_before_it_is_read()
    {
        byte[] bytes = new byte[16];
        bytes.AsSpan(0, 8).Fill(0xFF);
        File.WriteAllBytes(ModelPath, bytes);
        Assert.Contains("18446744073709551615 bytes", Refused(), StringComparison.Ordinal);

        BinaryPrimitives.WriteUInt64LittleEndian(bytes, 9);
        File.WriteAllBytes(ModelPath, bytes);
        Assert.Contains("header has 9 bytes, the file 16", Refused(), StringComparison.Ordinal);

        File.WriteAllBytes(ModelPath, [1, 2, 3]);
        Refused();
    }

    [Fact]
    public void What_is_read_can_be_fetched_by_others_and_no_bytes_throw_anything_but_the_readers_error()
    {
        Write(Many(3, 2), 3);
        byte[] good = File.ReadAllBytes(ModelPath);
        Gen<byte[]> flipped = Gen.Select(Gen.Int[0, good.Length - 1], Gen.Byte, Gen.Int[0, 2 * good.Length]).Select((at, value, length) =>
        {
            byte[] bytes = [.. good];
            bytes[at] = value;
            return bytes[..Math.Min(length, bytes.Length)];
        });
        Gen.OneOf(flipped, Gen.Byte.Array[0, 200]).Sample(
            bytes =>
            {
                try
                {
                    (ModelLayout layout, float[] floats) = ModelFile.ReadAny(bytes, new ModelFileLimits());
                    return layout.ParameterCount == floats.Length && ModelLayout.TryDecode(layout.Encode(), out ModelLayout? again)
                        && again.Hash.Span.SequenceEqual(layout.Hash.Span);
                }
                catch (InvalidDataException)
                {
                    return true;
                }
            },
            iter: 2000,
            threads: 1);
    }

    private static string Many(int count, int nameLength)
    {
        IEnumerable<string> tensors = Enumerable.Range(0, count).Select(i => string.Create(
            CultureInfo.InvariantCulture,
            $"\"{new string('0', nameLength)}{i}\":{{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[{4 * i},{4 * (i + 1)}]}}"));
        return "{" + string.Join(',', tensors) + "}";
    }

    private string Refused() => Assert.Throws<InvalidDataException>(() => ModelFile.ReadAny(ModelPath, new ModelFileLimits())).Message;

    private void Write(string header, int floats)
    {
        byte[] text = Encoding.UTF8.GetBytes(header);
        byte[] bytes = new byte[8 + text.Length + (4 * floats)];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)text.Length);
        text.CopyTo(bytes, 8);
        for (int i = 0; i < floats; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(bytes.AsSpan(8 + text.Length + (4 * i)), i);
        }

        File.WriteAllBytes(ModelPath, bytes);
    }
}
