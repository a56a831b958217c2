using System.Text;
using System.Text.Json;

namespace P2PLearn.Learning.Models;

/// <summary>The JSON header of a safetensors file, for float32 parameters of one layout.</summary>
/// <remarks>
/// Source: huggingface/safetensors, README, "Format":
/// <code>
/// +---------------+---------------------------------------------------------------------+-----------------+
/// | N             | {"fc.weight":{"dtype":"F32","shape":[10,784],"data_offsets":[0,31360]},…} | the floats      |
/// | u64 little e. | N bytes of UTF-8, spaces at the end                                 | little endian   |
/// +---------------+---------------------------------------------------------------------+-----------------+
/// </code>
/// Offsets count from the end of the header; the tensors fill the rest without holes. Pure: no file is touched here.
/// </remarks>
internal static class SafetensorsHeader
{
    /// <summary>The one key that is no tensor.</summary>
    public const string Metadata = "__metadata__";

    private const int AlignmentBytes = 64; // so that whoever maps the file finds the floats aligned

    /// <summary>Writes the header, padded so that the floats begin at a multiple of 64 bytes of the file.</summary>
    public static byte[] Write(ModelLayout layout, int lengthPrefixSize)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            long offset = 0;
            foreach (ParameterShape parameter in layout.Parameters)
            {
                long end = offset + ((long)parameter.Count * sizeof(float));
                WriteTensor(json, parameter, offset, end);
                offset = end;
            }

            json.WriteEndObject();
        }

        while ((stream.Length + lengthPrefixSize) % AlignmentBytes != 0)
        {
            stream.WriteByte((byte)' ');
        }

        return stream.ToArray();
    }

    /// <summary>Reads where the parameters of a layout lie.</summary>
    /// <param name="header">Untrusted; its length has been compared with a limit.</param>
    /// <param name="layout">
    /// What the file must hold: these tensors with these shapes, in any order, and no others.
    /// </param>
    /// <returns>For each parameter the offset of its first byte after the header, shape [parameters].</returns>
    /// <exception cref="InvalidDataException">It holds something else.</exception>
    public static int[] Read(ReadOnlySpan<byte> header, ModelLayout layout) => Parse(header, root => ReadTensors(root, layout));

    /// <summary>Parses the JSON, and hands its root to a reader.</summary>
    /// <exception cref="InvalidDataException">It is no such JSON, or the reader meets something of another kind than it asks for.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> header, Func<JsonElement, T> read)
    {
        // "The header MUST begin with a {"; a tensor is an array in an object in an object, hence the depth.
        Require(!header.IsEmpty && header[0] == '{', "its header does not begin with {");
        try
        {
            var options = new JsonDocumentOptions { MaxDepth = 3, AllowDuplicateProperties = false };
            using JsonDocument document = JsonDocument.Parse(header.ToArray(), options);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            throw new InvalidDataException("its header is not the JSON of the safetensors format", e);
        }
    }

    private static void WriteTensor(Utf8JsonWriter json, ParameterShape parameter, long begin, long end)
    {
        json.WriteStartObject(parameter.Name);
        json.WriteString("dtype", "F32");
        json.WriteStartArray("shape");
        foreach (int size in parameter.Shape)
        {
            json.WriteNumberValue(size);
        }

        json.WriteEndArray();
        json.WriteStartArray("data_offsets");
        json.WriteNumberValue(begin);
        json.WriteNumberValue(end);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static int[] ReadTensors(JsonElement root, ModelLayout layout)
    {
        int[] begins = new int[layout.Parameters.Count];
        int found = 0;
        for (int i = 0; i < begins.Length; i++)
        {
            ParameterShape parameter = layout.Parameters[i];
            Require(root.TryGetProperty(parameter.Name, out JsonElement tensor), $"it has no tensor {parameter.Name}");
            begins[i] = ReadTensor(tensor, parameter, layout.ParameterCount);
            found++;
        }

        foreach (JsonProperty property in root.EnumerateObject())
        {
            found -= property.Name == Metadata ? 0 : 1;
        }

        Require(found == 0, $"it has {begins.Length - found} tensors, expected {begins.Length}");
        RequireNoOverlap(begins, layout);
        return begins;
    }

    private static int ReadTensor(JsonElement tensor, ParameterShape expected, int parameterCount)
    {
        string? type = tensor.TryGetProperty("dtype", out JsonElement dtype) ? dtype.GetString() : null;
        Require(type == "F32", $"{expected.Name} has the type {type}, expected F32");
        ulong[] sizes = tensor.TryGetProperty("shape", out JsonElement shape) ? ReadNumbers(shape) : [];
        Require(
            sizes.SequenceEqual(expected.Shape.Select(size => (ulong)size)),
            $"{expected.Name} has the shape {shape}, expected [{string.Join(",", expected.Shape)}]");
        ulong[] offsets = tensor.TryGetProperty("data_offsets", out JsonElement range) ? ReadNumbers(range) : [];
        ulong total = (ulong)parameterCount * sizeof(float);
        bool fits = offsets.Length == 2 && offsets[0] <= total && offsets[1] <= total
            && offsets[0] + ((ulong)expected.Count * sizeof(float)) == offsets[1];
        Require(fits, $"{expected.Name} has the offsets {range}: not {expected.Count} floats within the file");
        return (int)offsets[0];
    }

    /// <summary>Reads an array of sizes or offsets.</summary>
    /// <exception cref="InvalidDataException">One is negative, fractional or beyond 64 bits.</exception>
    public static ulong[] ReadNumbers(JsonElement array)
    {
        ulong[] numbers = new ulong[array.GetArrayLength()];
        for (int i = 0; i < numbers.Length; i++)
        {
            Require(array[i].TryGetUInt64(out numbers[i]), $"{array[i]} is not a size");
        }

        return numbers;
    }

    // Each tensor lies within d floats and their lengths sum up to d, so no overlap also means no hole.
    private static void RequireNoOverlap(int[] begins, ModelLayout layout)
    {
        int end = 0;
        foreach ((int begin, ParameterShape parameter) in begins.Zip(layout.Parameters).OrderBy(tensor => tensor.First))
        {
            Require(begin == end, $"{parameter.Name} begins at {begin}, expected {end}");
            end = begin + (parameter.Count * sizeof(float));
        }
    }

    /// <summary>A rule of the format.</summary>
    /// <exception cref="InvalidDataException">It does not hold.</exception>
    public static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new InvalidDataException(message);
        }
    }
}
