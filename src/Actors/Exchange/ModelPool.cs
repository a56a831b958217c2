using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;
using P2PLearn.Learning.Models;

namespace P2PLearn.Actors.Exchange;

/// <summary>A bounded pool of model vectors of one length: the memory that all models of a run may take together.</summary>
/// <param name="parameterCount">d.</param>
/// <param name="maxBuffers">Most buffers on loan before the others' models are refused, each before a byte of it is read.</param>
/// <param name="precision">In which models travel.</param>
public sealed class ModelPool(int parameterCount, int maxBuffers, ExchangePrecision precision)
{
    private readonly ConcurrentBag<ModelBuffer> _free = [];
    private int _lent;

    /// <summary>d.</summary>
    public int ParameterCount { get; } = parameterCount > 0 ? parameterCount : throw new ArgumentOutOfRangeException(nameof(parameterCount));

    /// <summary>In which models travel.</summary>
    public ExchangePrecision Precision { get; } = precision;

    /// <summary>Bytes of a model on its way.</summary>
    public int WireSize { get; } = checked(parameterCount * precision.BytesPerParameter());

    /// <summary>Buffers on loan.</summary>
    public int LentCount => Volatile.Read(ref _lent);

    /// <summary>Lends a buffer for a model of this node itself, even when all are on loan: the others cannot keep it from its work.</summary>
    /// <remarks>Not cleared. The caller has a bound of its own: the rounds that the store keeps.</remarks>
    public ModelBuffer Rent()
    {
        Interlocked.Increment(ref _lent);
        return Take();
    }

    /// <summary>Lends a buffer for somebody else's model; its content is not cleared.</summary>
    /// <returns>False when as many as the pool may lend are on loan.</returns>
    public bool TryRent([NotNullWhen(true)] out ModelBuffer? buffer)
    {
        buffer = null;
        if (Interlocked.Increment(ref _lent) > maxBuffers)
        {
            Interlocked.Decrement(ref _lent);
            return false;
        }

        buffer = Take();
        return true;
    }

    internal void Return(ModelBuffer buffer)
    {
        _free.Add(buffer);
        Interlocked.Decrement(ref _lent);
    }

    private ModelBuffer Take() => (_free.TryTake(out ModelBuffer? free) ? free : new ModelBuffer(this)).Lend();
}
