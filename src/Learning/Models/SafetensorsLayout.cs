using System.Text;
using System.Text.Json;

namespace P2PLearn.Learning.Models;

/// <summary>Reads the layout out of a safetensors header that may hold any float32 tensors.</summary>
/// <remarks>
/// What comes out is within the limits of <see cref="ModelLayout"/>, so that every node that fetches it accepts it. Pure: no file is touched
/// here.
/// </remarks>
internal static class SafetensorsLayout
{
    /// <summary>Reads names and shapes, in the order in which the tensors lie in the file.</summary>
    /// <param name="header">Untrusted; its length has been compared with a limit.</param>
    /// <param name="dataBytes">Bytes that follow the header; the tensors must fill them without holes or overlaps.</param>
    /// <exception cref="InvalidDataException">It breaks a rule of the format, or has what no layout can have.</exception>
    public static ModelLayout Read(ReadOnlySpan<byte> header, long dataBytes)
    {
        List<(long Begin, ParameterShape Shape)> tensors = SafetensorsHeader.Parse(header, root => ReadTensors(root, dataBytes));
        SafetensorsHeader.Require(tensors.Count > 0, "it has no tensors");
        tensors.Sort((a, b) => a.Begin.CompareTo(b.Begin));
        long end = 0;
        foreach ((long begin, ParameterShape tensor) in tensors)
        {
            SafetensorsHeader.Require(begin == end, $"{tensor.Name} begins at {begin}, expected {end}");
            end = begin + ((long)tensor.Count * sizeof(float));
        }

        SafetensorsHeader.Require(end == dataBytes, $"its tensors end at {end}, expected {dataBytes}");
        var layout = new ModelLayout([.. tensors.Select(t => t.Shape)]);
        int encoded = layout.Encode().Length;
        SafetensorsHeader.Require(
            encoded <= ModelLayout.MaxEncodedBytes, $"its names and shapes have {encoded} bytes, allowed are {ModelLayout.MaxEncodedBytes}");
        return layout;
    }

    private static List<(long Begin, ParameterShape Shape)> ReadTensors(JsonElement root, long dataBytes)
    {
        List<(long Begin, ParameterShape Shape)> tensors = [];
        foreach (JsonProperty property in root.EnumerateObject())
        {
            if (property.Name == SafetensorsHeader.Metadata)
            {
                continue;
            }

            SafetensorsHeader.Require(
                tensors.Count < ModelLayout.MaxParameters, $"it has more than {ModelLayout.MaxParameters} tensors");
            tensors.Add(ReadTensor(property.Name, property.Value, dataBytes));
        }

        return tensors;
    }

    private static (long Begin, ParameterShape Shape) ReadTensor(string name, JsonElement tensor, long dataBytes)
    {
        int nameBytes = Encoding.UTF8.GetByteCount(name);
        SafetensorsHeader.Require(
            nameBytes is > 0 and <= ModelLayout.MaxNameBytes && !name.Any(char.IsControl),
            $"a tensor's name is empty, longer than {ModelLayout.MaxNameBytes} bytes, or has control characters");
        string? type = tensor.TryGetProperty("dtype", out JsonElement dtype) ? dtype.GetString() : null;
        SafetensorsHeader.Require(type == "F32", $"{name} has the type {type ?? "none"}, expected F32");
        SafetensorsHeader.Require(tensor.TryGetProperty("shape", out JsonElement shape), $"{name} has no shape");
        (int[] sizes, long count) = ReadShape(name, SafetensorsHeader.ReadNumbers(shape), dataBytes / sizeof(float));
        ulong[] offsets = tensor.TryGetProperty("data_offsets", out JsonElement range) ? SafetensorsHeader.ReadNumbers(range) : [];
        bool fits = offsets.Length == 2 && offsets[0] <= (ulong)dataBytes && offsets[1] <= (ulong)dataBytes
            && offsets[0] + (ulong)(count * sizeof(float)) == offsets[1];
        SafetensorsHeader.Require(fits, $"{name} has the offsets {range}: not {count} floats within the file");
        return ((long)offsets[0], new ParameterShape(name, sizes));
    }

    private static (int[] Sizes, long Count) ReadShape(string name, ulong[] shape, long room)
    {
        SafetensorsHeader.Require(shape.Length <= ModelLayout.MaxRank, $"{name} has {shape.Length} dimensions, allowed are {ModelLayout.MaxRank}");
        int[] sizes = new int[shape.Length];
        long count = 1;
        for (int i = 0; i < sizes.Length; i++)
        {
            SafetensorsHeader.Require(shape[i] > 0, $"{name} is empty");
            bool fits = shape[i] <= (ulong)room && (count *= (long)shape[i]) <= room; // room is below 2³¹: no product of two wraps
            SafetensorsHeader.Require(fits, $"{name} has more floats than the file");
            sizes[i] = (int)shape[i];
        }

        return (sizes, count);
    }
}
