using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Registers;

/// <summary>A register in which the write with the largest (timestamp, writer) wins.</summary>
/// <remarks>
/// The timestamp is the caller's: a clock reading, a round, or one more than <see cref="Timestamp"/>. It only decides
/// between concurrent writes, but a writer with a timestamp far ahead wins for as long; whoever takes timestamps from
/// strangers bounds them first. Should one writer use one timestamp twice, the larger value in
/// <see cref="ElementOrder"/> wins, so replicas agree even then. Immutable, as far as <typeparamref name="T"/> is: an
/// array given or read is shared and must not be changed.
/// </remarks>
/// <typeparam name="T">The value's type.</typeparam>
public sealed class LwwRegister<T> : ICrdt<LwwRegister<T>>
    where T : notnull
{
    private readonly T? _value;

    private LwwRegister(ulong timestamp, ReplicaId writer, T? value) =>
        (Timestamp, Writer, _value) = (timestamp, writer, value);

    /// <inheritdoc/>
    public static LwwRegister<T> Bottom { get; } = new(0, default, default);

    /// <summary>Whether anything was ever written.</summary>
    public bool HasValue => !Writer.IsEmpty;

    /// <summary>When the value was written, as its writer said; 0 when nothing was.</summary>
    public ulong Timestamp { get; }

    /// <summary>Who wrote the value; empty when nothing was written.</summary>
    public ReplicaId Writer { get; }

    /// <summary>The value.</summary>
    /// <exception cref="InvalidOperationException">Nothing was ever written.</exception>
    public T Value => HasValue ? _value! : throw new InvalidOperationException("The register was never written");

    /// <summary>Writes.</summary>
    /// <param name="writer">Who writes; not empty.</param>
    /// <param name="timestamp">When. A write that is not the largest loses at once: the state stays.</param>
    /// <param name="value">What.</param>
    /// <returns>The new state and what to send, which is the write itself.</returns>
    public (LwwRegister<T> State, LwwRegister<T> Delta) Set(ReplicaId writer, ulong timestamp, T value)
    {
        ReplicaId.ThrowIfEmpty(writer);
        ArgumentNullException.ThrowIfNull(value);
        LwwRegister<T> delta = new(timestamp, writer, value);
        return (Join(delta), delta);
    }

    /// <summary>The larger of the two writes.</summary>
    public LwwRegister<T> Join(LwwRegister<T> other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return Compare(other) >= 0 ? this : other;
    }

    /// <inheritdoc/>
    public bool Equals(LwwRegister<T>? other) => other is not null && Compare(other) == 0;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as LwwRegister<T>);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Timestamp, Writer);

    private int Compare(LwwRegister<T> other)
    {
        int order = HasValue.CompareTo(other.HasValue);
        order = order != 0 ? order : Timestamp.CompareTo(other.Timestamp);
        order = order != 0 ? order : Writer.CompareTo(other.Writer);
        return order != 0 || !HasValue ? order : ElementOrder.Of<T>().Compare(_value, other._value);
    }
}
