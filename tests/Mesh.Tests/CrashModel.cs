using System.Buffers.Binary;
using System.Text;

namespace P2PLearn.Mesh.Tests;

/// <summary>A model as a safetensors file: one tensor of float32.</summary>
internal sealed class CrashModel
{
    private readonly byte[] _floats;

    /// <summary>Makes a model, no two blocks of which are alike, and writes it.</summary>
    public CrashModel(string path, int count, Random random)
    {
        Path = path;
        _floats = new byte[count * sizeof(float)];
        for (int i = 0; i < count; i++)
        {
            BinaryPrimitives.WriteSingleLittleEndian(_floats.AsSpan(i * sizeof(float)), random.NextSingle());
        }

        string header = $$$"""{"weight":{"dtype":"F32","shape":[{{{count}}}],"data_offsets":[0,{{{_floats.Length}}}]}}""";
        byte[] length = new byte[sizeof(ulong)];
        BinaryPrimitives.WriteUInt64LittleEndian(length, (ulong)header.Length);
        File.WriteAllBytes(path, [.. length, .. Encoding.ASCII.GetBytes(header), .. _floats]);
    }

    public string Path { get; }

    /// <summary>Whether a file has exactly this model's floats behind its header.</summary>
    public bool IsIn(string path)
    {
        byte[] bytes = File.ReadAllBytes(path);
        int begin = sizeof(ulong) + (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes);
        return bytes.AsSpan(begin).SequenceEqual(_floats);
    }
}
