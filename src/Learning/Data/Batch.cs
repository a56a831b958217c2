using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace P2PLearn.Learning.Data;

/// <summary>A batch of examples and their targets in memory that is reused from step to step and never moves.</summary>
/// <remarks>
/// Pinned and aligned to a cache line, so that a tensor can be laid over it without a copy and matrix kernels, which
/// choose their order of summation by alignment, give the same bits in every run. Not safe for several threads.
/// </remarks>
public sealed class Batch
{
    private const int AlignmentBytes = 64;

    private readonly float[] _inputs;
    private readonly long[] _targets;
    private readonly int _firstInput;

    /// <summary>Makes room for a batch.</summary>
    /// <param name="capacity">Largest number of examples.</param>
    /// <param name="inputCount">Values of an example.</param>
    /// <param name="targetCount">Targets of an example.</param>
    public Batch(int capacity, int inputCount, int targetCount = 1)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(capacity);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(inputCount);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(targetCount);
        Capacity = capacity;
        InputCount = inputCount;
        TargetCount = targetCount;
        int room = checked((capacity * inputCount) + (AlignmentBytes / sizeof(float)));
        _inputs = GC.AllocateArray<float>(room, pinned: true);
        _targets = GC.AllocateArray<long>(checked(capacity * targetCount), pinned: true);
        _firstInput = FloatsToAlignment(_inputs);
    }

    /// <summary>Examples in use, in [0, <see cref="Capacity"/>]; the rest is not read.</summary>
    public int Count
    {
        get;
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThan(value, Capacity);
            field = value;
        }
    }

    /// <summary>Values of an example.</summary>
    public int InputCount { get; }

    /// <summary>Targets of an example: 1, or for text one at each place.</summary>
    public int TargetCount { get; }

    /// <summary>Largest number of examples.</summary>
    public int Capacity { get; }

    /// <summary>
    /// Values as a model sees them, shape [capacity, inputs], at an address that is fixed as long as the batch is alive.
    /// </summary>
    public Span<float> Inputs => _inputs.AsSpan(_firstInput, Capacity * InputCount);

    /// <summary>Classes, shape [capacity, targets], at an address that is fixed as long as the batch is alive.</summary>
    public Span<long> Labels => _targets;

    /// <summary>Fills the batch with the chosen examples.</summary>
    /// <param name="data">Where they come from; same shape.</param>
    /// <param name="indices">At most <see cref="Capacity"/> indices into <paramref name="data"/>.</param>
    public void Fill(LabelledExamples data, ReadOnlySpan<int> indices)
    {
        CheckShape(data);
        Count = indices.Length;
        for (int i = 0; i < indices.Length; i++)
        {
            Set(i, data, indices[i]);
        }
    }

    /// <summary>Fills the batch with <paramref name="count"/> examples in a row.</summary>
    /// <param name="data">Where they come from; same shape.</param>
    /// <param name="first">Index of the first.</param>
    /// <param name="count">At most <see cref="Capacity"/>.</param>
    public void FillRange(LabelledExamples data, int first, int count)
    {
        CheckShape(data);
        Count = count;
        for (int i = 0; i < count; i++)
        {
            Set(i, data, first + i);
        }
    }

    private static int FloatsToAlignment(float[] pinned)
    {
        nuint address;
        unsafe
        {
            address = (nuint)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(pinned));
        }

        nuint past = address % AlignmentBytes;
        return past == 0 ? 0 : (int)((AlignmentBytes - past) / sizeof(float));
    }

    private void CheckShape(LabelledExamples data)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentOutOfRangeException.ThrowIfNotEqual(data.Input.Count, InputCount);
        ArgumentOutOfRangeException.ThrowIfNotEqual(data.Input.TargetCount, TargetCount);
    }

    private void Set(int position, LabelledExamples data, int index)
    {
        data.CopyInput(index, Inputs.Slice(position * InputCount, InputCount));
        data.CopyTargets(index, _targets.AsSpan(position * TargetCount, TargetCount));
    }
}
