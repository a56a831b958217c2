using System.Buffers;

namespace P2PLearn.Learning.Aggregation;

/// <summary>Memory borrowed from the shared pool for the length of a call; its content is whatever was there before.</summary>
internal readonly struct Scratch<T> : IDisposable
{
    private readonly int _length;

    private Scratch(T[] array, int length)
    {
        Array = array;
        _length = length;
    }

    /// <summary>The whole array, at least as long as was asked for.</summary>
    public T[] Array { get; }

    /// <summary>The part that was asked for.</summary>
    public Span<T> Span => Array.AsSpan(0, _length);

    /// <summary>Borrows; disposing the result gives it back.</summary>
    public static Scratch<T> Rent(int length) => new(ArrayPool<T>.Shared.Rent(length), length);

    /// <inheritdoc/>
    public void Dispose() => ArrayPool<T>.Shared.Return(Array);
}
