using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using P2PLearn.Learning.Data;
using P2PLearn.Learning.Models;
using P2PLearn.Learning.Optimizers;

namespace P2PLearn.Learning.Training;

/// <summary>The bytes of a trainer's saved state.</summary>
/// <remarks>
/// Everything little endian:
/// <code>
/// +---------+---------+-------------+----------------+-----------+---------+-------+-----------+-------------+
/// | "P2LT"  | version | layout hash | optimizer hash | steps     | sampler | θ     | optimizer | SHA-256 of  |
/// | 4 bytes | u32 = 1 | 32          | 32             | i64       | 52      | 4·d   |           | all before  |
/// +---------+---------+-------------+----------------+-----------+---------+-------+-----------+-------------+
/// </code>
/// The length follows from layout and optimizer, so nothing in the bytes decides how much is read.
/// </remarks>
internal static class TrainerState
{
    private const uint Magic = 0x544C3250; // "P2LT"
    private const uint Version = 1;
    private const int DigestSize = SHA256.HashSizeInBytes;
    private const int LayoutOffset = 8;
    private const int OptimizerOffset = LayoutOffset + DigestSize;
    private const int StepsOffset = OptimizerOffset + DigestSize;
    private const int SamplerOffset = StepsOffset + sizeof(long);
    private const int ParametersOffset = SamplerOffset + BatchSampler.StateSize;

    /// <summary>Length of a state in bytes.</summary>
    public static int Size(int parameterCount, int optimizerSize) =>
        checked(ParametersOffset + (parameterCount * sizeof(float)) + optimizerSize + DigestSize);

    /// <summary>Writes a state of exactly <see cref="Size"/> bytes.</summary>
    public static void Write(
        Span<byte> state,
        ModelLayout layout,
        ReadOnlySpan<float> parameters,
        ILocalOptimizer optimizer,
        BatchSampler sampler,
        long stepCount)
    {
        BinaryPrimitives.WriteUInt32LittleEndian(state, Magic);
        BinaryPrimitives.WriteUInt32LittleEndian(state[4..], Version);
        layout.Hash.Span.CopyTo(state[LayoutOffset..]);
        OptimizerHash(optimizer).CopyTo(state[OptimizerOffset..]);
        BinaryPrimitives.WriteInt64LittleEndian(state[StepsOffset..], stepCount);
        sampler.SaveState(state[SamplerOffset..ParametersOffset]);
        LittleEndianFloats.Write(parameters, state.Slice(ParametersOffset, parameters.Length * sizeof(float)));
        optimizer.SaveState(state[^(optimizer.StateSize + DigestSize)..^DigestSize]);
        SHA256.HashData(state[..^DigestSize], state[^DigestSize..]);
    }

    /// <summary>Checks a state and shows its parts, whose contents are checked by those who take them.</summary>
    /// <exception cref="InvalidDataException">Not a state for this layout and optimizer.</exception>
    public static Parts Open(ReadOnlySpan<byte> state, ModelLayout layout, ILocalOptimizer optimizer)
    {
        CheckFrame(state, Size(layout.ParameterCount, optimizer.StateSize));
        bool isOfModel = state.Slice(LayoutOffset, DigestSize).SequenceEqual(layout.Hash.Span);
        Require(isOfModel, "the saved state is of another model");
        bool isOfOptimizer = state.Slice(OptimizerOffset, DigestSize).SequenceEqual(OptimizerHash(optimizer));
        Require(isOfOptimizer, "the saved state is of another optimizer");
        long stepCount = BinaryPrimitives.ReadInt64LittleEndian(state[StepsOffset..]);
        Require(stepCount >= 0, $"a trainer cannot have done {stepCount} steps");
        return new Parts
        {
            StepCount = stepCount,
            Sampler = state[SamplerOffset..ParametersOffset],
            Parameters = state.Slice(ParametersOffset, layout.ParameterCount * sizeof(float)),
            Optimizer = state[^(optimizer.StateSize + DigestSize)..^DigestSize],
        };
    }

    private static void CheckFrame(ReadOnlySpan<byte> state, int size)
    {
        bool isState = state.Length >= LayoutOffset && BinaryPrimitives.ReadUInt32LittleEndian(state) == Magic;
        Require(isState, "not the saved state of a trainer");
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(state[4..]);
        Require(version == Version, $"the saved state has version {version}, known is {Version}");
        Require(state.Length == size, $"the saved state has {state.Length} bytes, expected {size}");
        Span<byte> digest = stackalloc byte[DigestSize];
        SHA256.HashData(state[..^DigestSize], digest);
        Require(digest.SequenceEqual(state[^DigestSize..]), "the saved state is damaged: its checksum differs");
    }

    private static byte[] OptimizerHash(ILocalOptimizer optimizer) =>
        SHA256.HashData(Encoding.UTF8.GetBytes(optimizer.Name));

    private static void Require(bool holds, string message)
    {
        if (!holds)
        {
            throw new InvalidDataException(message);
        }
    }

    /// <summary>The parts of a checked state, within its bytes.</summary>
    public readonly ref struct Parts
    {
        public required long StepCount { get; init; }

        public required ReadOnlySpan<byte> Sampler { get; init; }

        public required ReadOnlySpan<byte> Parameters { get; init; }

        public required ReadOnlySpan<byte> Optimizer { get; init; }
    }
}
