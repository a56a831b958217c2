using System.Text;

namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>The validators of all namespaces; what is in no namespace of theirs is refused.</summary>
/// <remarks>Immutable; safe for several threads.</remarks>
public sealed class RecordValidators
{
    private readonly Dictionary<string, IRecordValidator> _byNamespace;

    /// <param name="validators">One for each namespace.</param>
    /// <exception cref="ArgumentException">Two for one namespace.</exception>
    public RecordValidators(params IEnumerable<IRecordValidator> validators) =>
        _byNamespace = validators.ToDictionary(v => v.Namespace, StringComparer.Ordinal);

    /// <summary><c>/pk/</c> and <c>/p2plearn/</c>.</summary>
    public static RecordValidators Default { get; } = new(new PublicKeyValidator(), new SignedValueValidator());

    /// <summary>Whether a value may stand under a key now.</summary>
    public RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now)
    {
        if (key.Length > KadLimits.MaxKeyBytes || value.Length > KadLimits.MaxValueBytes)
        {
            return RecordCheck.TooLarge;
        }

        return Find(key) is { } validator ? validator.Validate(key, value, now) : RecordCheck.UnknownNamespace;
    }

    /// <summary>Which of two valid values is better, by the rule of the key's namespace.</summary>
    /// <exception cref="ArgumentException">Nobody knows the namespace: validate first.</exception>
    public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right) =>
        Find(key) is { } validator
            ? validator.Compare(key, left, right)
            : throw new ArgumentException("a key of an unknown namespace", nameof(key));

    private IRecordValidator? Find(ReadOnlySpan<byte> key)
    {
        if (key.IsEmpty || key[0] != (byte)'/')
        {
            return null;
        }

        int end = key[1..].IndexOf((byte)'/');
        return end > 0 ? _byNamespace.GetValueOrDefault(Encoding.UTF8.GetString(key.Slice(1, end))) : null;
    }
}
