using System.Runtime.InteropServices;
using System.Security.Cryptography;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Actors.Training;

/// <summary>A run's outer step at this node: the optimizer, and the model before the local steps, which a restart between them and the mixing must not lose.</summary>
/// <remarks>
/// Its bytes follow the trainer's state in the progress file, little endian: θ before the local steps (4·d), the optimizer's state, and the SHA-256 of both.
/// </remarks>
/// <param name="optimizer">Owned from here on.</param>
/// <param name="parameterCount">d.</param>
internal sealed class OuterStep(IOuterOptimizer optimizer, int parameterCount)
{
    private readonly float[] _previous = new float[parameterCount];

    /// <summary>Bytes of <see cref="Write"/>; does not change.</summary>
    public int Size { get; } = checked((parameterCount * sizeof(float)) + optimizer.StateSize + SHA256.HashSizeInBytes);

    /// <summary>Notes the model that local steps begin with, shape [d].</summary>
    public void Begin(ReadOnlySpan<float> model) => model.CopyTo(_previous);

    /// <summary>Goes on from that model towards what mixing gave, shape [d], in place.</summary>
    public void Step(Span<float> mixed) => optimizer.Step(_previous, mixed);

    /// <summary>Writes exactly <see cref="Size"/> bytes.</summary>
    public void Write(Span<byte> state)
    {
        Span<byte> model = state[..(_previous.Length * sizeof(float))];
        MemoryMarshal.AsBytes<float>(_previous.AsSpan()).CopyTo(model);
        optimizer.SaveState(state[model.Length..^SHA256.HashSizeInBytes]);
        SHA256.HashData(state[..^SHA256.HashSizeInBytes], state[^SHA256.HashSizeInBytes..]);
    }

    /// <summary>Refuses what <see cref="Read"/> could not take.</summary>
    /// <exception cref="InvalidDataException">Wrong length, or damaged.</exception>
    public void Check(ReadOnlySpan<byte> state)
    {
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        if (state.Length == Size)
        {
            SHA256.HashData(state[..^SHA256.HashSizeInBytes], digest);
        }

        if (state.Length != Size || !digest.SequenceEqual(state[^SHA256.HashSizeInBytes..]))
        {
            throw new InvalidDataException("the saved state of the outer step is damaged, or of another optimizer");
        }
    }

    /// <summary>Goes on from bytes that <see cref="Check"/> has passed.</summary>
    public void Read(ReadOnlySpan<byte> state)
    {
        ReadOnlySpan<byte> model = state[..(_previous.Length * sizeof(float))];
        model.CopyTo(MemoryMarshal.AsBytes<float>(_previous.AsSpan()));
        optimizer.RestoreState(state[model.Length..^SHA256.HashSizeInBytes]);
    }
}
