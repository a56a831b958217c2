namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Values under <c>/p2plearn/</c>: signed by the owner of the key, within their time; the highest number wins.</summary>
/// <remarks>So nobody can forge, bring back an expired one, or block a key with one that never ends.</remarks>
public sealed class SignedValueValidator : IRecordValidator
{
    /// <summary>How far the clocks of two honest nodes may differ.</summary>
    public static readonly TimeSpan MaxClockSkew = TimeSpan.FromMinutes(10);

    /// <summary>Longest life of a value; its owner signs a new one before.</summary>
    public static readonly TimeSpan MaxLifetime = TimeSpan.FromDays(7);

    /// <inheritdoc/>
    public string Namespace => "p2plearn";

    /// <inheritdoc/>
    public RecordCheck Validate(ReadOnlySpan<byte> key, ReadOnlySpan<byte> value, DateTimeOffset now)
    {
        RecordCheck check = SignedValue.TryOpen(key, value, out SignedValue? opened);
        if (opened is null)
        {
            return check;
        }

        if (opened.Issued > now + MaxClockSkew || opened.Expires - opened.Issued > MaxLifetime)
        {
            return RecordCheck.FutureDated;
        }

        return opened.Expires <= now ? RecordCheck.Expired : RecordCheck.Valid;
    }

    /// <inheritdoc/>
    public int Compare(ReadOnlySpan<byte> key, ReadOnlySpan<byte> left, ReadOnlySpan<byte> right)
    {
        SignedValue.TryOpen(key, left, out SignedValue? first);
        SignedValue.TryOpen(key, right, out SignedValue? second);
        int order = (first?.Sequence ?? 0).CompareTo(second?.Sequence ?? 0);
        order = order != 0 ? order : Nullable.Compare(first?.Issued, second?.Issued);
        return order != 0 ? order : left.SequenceCompareTo(right); // an owner that says two things at once: one of them, the same for all
    }
}
