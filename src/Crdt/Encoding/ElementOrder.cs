namespace P2PLearn.Crdt.Encoding;

/// <summary>
/// The one total order of a type: it sorts sets and maps, decides ties, and is what canonical bytes are sorted by.
/// </summary>
/// <remarks>
/// Texts by their UTF-8 bytes, byte arrays by their bytes, everything else by its own <see cref="IComparable{T}"/>,
/// which must be consistent with equality and independent of culture.
/// </remarks>
public static class ElementOrder
{
    /// <summary>The order of a type.</summary>
    /// <typeparam name="T">The type of elements, keys or values.</typeparam>
    public static IComparer<T> Of<T>() => Cache<T>.Comparer;

    /// <summary>Whether two values are equal in the order of their type.</summary>
    internal static bool Same<T>(T left, T right) => Cache<T>.Comparer.Compare(left, right) == 0;

    private static class Cache<T>
    {
        public static readonly IComparer<T> Comparer =
            typeof(T) == typeof(string) ? (IComparer<T>)(object)new Utf8Order()
            : typeof(T) == typeof(byte[]) ? (IComparer<T>)(object)new ByteOrder()
            : Comparer<T>.Default;
    }

    private sealed class ByteOrder : IComparer<byte[]>
    {
        public int Compare(byte[]? left, byte[]? right) => left.AsSpan().SequenceCompareTo(right);
    }

    /// <summary>UTF-16 compared as its UTF-8 bytes would be: surrogates come after U+E000 to U+FFFF.</summary>
    private sealed class Utf8Order : IComparer<string>
    {
        public int Compare(string? left, string? right)
        {
            ReadOnlySpan<char> first = left;
            ReadOnlySpan<char> second = right;
            int common = first.CommonPrefixLength(second);
            return common == first.Length || common == second.Length
                ? first.Length.CompareTo(second.Length)
                : Rank(first[common]).CompareTo(Rank(second[common]));
        }

        private static int Rank(char unit) => char.IsSurrogate(unit) ? unit + 0x10000 : unit;
    }
}
