using System.Collections.Concurrent;
using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Actors.Exchange;

/// <summary>A bounded pool of model vectors of one length: the memory that all models of a run may take together.</summary>
/// <param name="parameterCount">d.</param>
/// <param name="maxBuffers">Most buffers on loan at once; a stranger's model beyond that is refused before a byte of it is read.</param>
public sealed class ModelPool(int parameterCount, int maxBuffers)
{
    private readonly ConcurrentBag<ModelBuffer> _free = [];
    private int _lent;

    /// <summary>d.</summary>
    public int ParameterCount { get; } = parameterCount > 0 ? parameterCount : throw new ArgumentOutOfRangeException(nameof(parameterCount));

    /// <summary>Buffers on loan.</summary>
    public int LentCount => Volatile.Read(ref _lent);

    /// <summary>Lends a buffer; its content is not cleared.</summary>
    /// <returns>False when as many as the pool may lend are on loan.</returns>
    public bool TryRent([NotNullWhen(true)] out ModelBuffer? buffer)
    {
        buffer = null;
        if (Interlocked.Increment(ref _lent) > maxBuffers)
        {
            Interlocked.Decrement(ref _lent);
            return false;
        }

        buffer = (_free.TryTake(out ModelBuffer? free) ? free : new ModelBuffer(this, ParameterCount)).Lend();
        return true;
    }

    internal void Return(ModelBuffer buffer)
    {
        _free.Add(buffer);
        Interlocked.Decrement(ref _lent);
    }
}
