using System.Buffers.Binary;
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
public sealed class ModelLayout
{
    /// <summary>Creates a layout.</summary>
    public ModelLayout(IReadOnlyList<ParameterShape> parameters)
    {
        ArgumentNullException.ThrowIfNull(parameters);
        Parameters = parameters;
        ParameterCount = parameters.Sum(p => p.Count);
        Hash = ComputeHash(parameters);
    }

    /// <summary>The parameters in order.</summary>
    public IReadOnlyList<ParameterShape> Parameters { get; }

    /// <summary>d, the length of θ in floats.</summary>
    public int ParameterCount { get; }

    /// <summary>SHA-256 over names and shapes, 32 bytes: the layout hash of a contribution.</summary>
    public ReadOnlyMemory<byte> Hash { get; }

    private static byte[] ComputeHash(IReadOnlyList<ParameterShape> parameters)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[4];
        foreach (ParameterShape parameter in parameters)
        {
            hash.AppendData(Encoding.UTF8.GetBytes(parameter.Name + "\0"));
            BinaryPrimitives.WriteInt32BigEndian(number, parameter.Shape.Count);
            hash.AppendData(number);
            foreach (int size in parameter.Shape)
            {
                BinaryPrimitives.WriteInt32BigEndian(number, size);
                hash.AppendData(number);
            }
        }

        return hash.GetHashAndReset();
    }
}
