using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;

namespace P2PLearn.Learning.Models;

/// <summary>One parameter tensor of a model.</summary>
/// <param name="Name">E.g. <c>fc1.weight</c>.</param>
/// <param name="Shape">Sizes, outermost first.</param>
public sealed record ParameterShape(string Name, IReadOnlyList<int> Shape)
{
    /// <summary>Number of floats.</summary>
    public int Count { get; } = Shape.Aggregate(1, (count, size) => checked(count * size));
}

/// <summary>Names and shapes of a model's parameters in their order within θ: what two peers must agree on before they mix.</summary>
/// <remarks>
/// The encoded form, whose SHA-256 is the layout hash, so that it can be fetched by that hash; integers big-endian, for each parameter:
/// <code>
/// +------+---+------+----------------+
/// | name | 0 | rank | rank × size    |
/// +------+---+------+----------------+
///   UTF-8  1    4       4 each
/// </code>
/// </remarks>
public sealed class ModelLayout
{
    /// <summary>Most bytes of an encoded layout that is read.</summary>
    public const int MaxEncodedBytes = 256 * 1024;

    /// <summary>Most parameters of a layout that is read.</summary>
    public const int MaxParameters = 8192;

    /// <summary>Most dimensions of a parameter that is read.</summary>
    public const int MaxRank = 8;

    /// <summary>Longest name of a parameter that is read, in bytes of UTF-8.</summary>
    public const int MaxNameBytes = 256;

    /// <summary>Most floats of a model that is read: 1 GiB of them, so that its bytes fit an array.</summary>
    public const int MaxFloats = 1 << 28;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    /// <summary>Creates a layout.</summary>
    public ModelLayout(IReadOnlyList<ParameterShape> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = parameters;
        ParameterCount = parameters.Sum(p => p.Count);
        Hash = SHA256.HashData(Encode());
    }

    /// <summary>The parameters in order.</summary>
    public IReadOnlyList<ParameterShape> Parameters { get; }

    /// <summary>d, the length of θ in floats.</summary>
    public int ParameterCount { get; }

    /// <summary>SHA-256 of <see cref="Encode"/>, 32 bytes: the layout hash of a contribution.</summary>
    public ReadOnlyMemory<byte> Hash { get; }

    /// <summary>Where each parameter begins, in bytes of a float32 model; shape [parameters].</summary>
    public int[] ByteOffsets()
    {
        int[] offsets = new int[Parameters.Count];
        for (int i = 1; i < offsets.Length; i++)
        {
            offsets[i] = offsets[i - 1] + (Parameters[i - 1].Count * sizeof(float));
        }

        return offsets;
    }

    /// <summary>The encoded form, see the remarks of the type.</summary>
    public byte[] Encode()
    {
        using var bytes = new MemoryStream();
        Span<byte> number = stackalloc byte[4];
        foreach (ParameterShape parameter in Parameters)
        {
            bytes.Write(Encoding.UTF8.GetBytes(parameter.Name + "\0"));
            BinaryPrimitives.WriteInt32BigEndian(number, parameter.Shape.Count);
            bytes.Write(number);
            foreach (int size in parameter.Shape)
            {
                BinaryPrimitives.WriteInt32BigEndian(number, size);
                bytes.Write(number);
            }
        }

        return bytes.ToArray();
    }

    /// <summary>Reads an encoded layout from untrusted bytes.</summary>
    /// <returns>False when it is no layout, or beyond a limit.</returns>
    public static bool TryDecode(ReadOnlySpan<byte> bytes, [NotNullWhen(true)] out ModelLayout? layout)
    {
        layout = null;
        if (bytes.Length > MaxEncodedBytes)
        {
            return false;
        }

        List<ParameterShape> parameters = [];
        long floats = 0;
        while (!bytes.IsEmpty)
        {
            if (parameters.Count == MaxParameters || ReadParameter(ref bytes, MaxFloats - floats) is not { } parameter)
            {
                return false;
            }

            floats += parameter.Count;
            parameters.Add(parameter);
        }

        layout = parameters.Count > 0 ? new ModelLayout(parameters) : null;
        return layout is not null;
    }

    private static ParameterShape? ReadParameter(ref ReadOnlySpan<byte> bytes, long room)
    {
        int end = bytes[..Math.Min(bytes.Length, MaxNameBytes + 1)].IndexOf((byte)0);
        if (end < 1 || bytes.Length < end + 1 + 4)
        {
            return null;
        }

        uint rank = BinaryPrimitives.ReadUInt32BigEndian(bytes[(end + 1)..]);
        ReadOnlySpan<byte> sizes = bytes[(end + 1 + 4)..];
        if (rank > MaxRank || sizes.Length < (int)rank * 4 || NameOf(bytes[..end]) is not { } name)
        {
            return null;
        }

        int[] shape = new int[rank];
        long count = 1;
        for (int i = 0; i < shape.Length; i++)
        {
            uint size = BinaryPrimitives.ReadUInt32BigEndian(sizes[(i * 4)..]);
            count *= size; // at most 2²⁸ · 2³²
            if (count < 1 || count > room)
            {
                return null;
            }

            shape[i] = (int)size;
        }

        bytes = sizes[(shape.Length * 4)..];
        return count <= room ? new ParameterShape(name, shape) : null;
    }

    private static string? NameOf(ReadOnlySpan<byte> bytes)
    {
        try
        {
            return StrictUtf8.GetString(bytes);
        }
        catch (DecoderFallbackException)
        {
            return null;
        }
    }
}
