using System.Diagnostics.CodeAnalysis;

namespace P2PLearn.Crdt.Contributions;

/// <summary>What is known about one (run, round, peer): its contribution, or the proof that there are two.</summary>
/// <remarks>
/// A join-semilattice of its own: of all statements ever joined it keeps the two smallest, each with its smallest
/// signature (a signer can make many valid signatures of one statement; those are no equivocation). Keeping the k
/// smallest of a union is commutative, associative and idempotent, and bounded, however many conflicting statements a
/// peer signs. Immutable.
/// </remarks>
public sealed record ContributionEntry
{
    /// <summary>An entry with one contribution.</summary>
    public ContributionEntry(Contribution contribution)
        : this(contribution, null)
    {
    }

    internal ContributionEntry(Contribution first, Contribution? second)
    {
        ArgumentNullException.ThrowIfNull(first);
        First = first;
        Second = second;
    }

    /// <summary>The contribution, or the smaller of two conflicting ones.</summary>
    public Contribution First { get; }

    /// <summary>The larger of two conflicting contributions; none for an honest peer.</summary>
    public Contribution? Second { get; }

    /// <summary>The contribution, unless the peer equivocated: then there is none that counts.</summary>
    public Contribution? Single => Second is null ? First : null;

    /// <summary>The proof, if the peer equivocated.</summary>
    public Equivocation? Equivocation => Second is null ? null : new Equivocation(First, Second);

    /// <summary>Whether there are two.</summary>
    [MemberNotNullWhen(true, nameof(Second), nameof(Equivocation))]
    public bool IsEquivocation => Second is not null;

    /// <summary>
    /// The two smallest of both entries' statements; this entry itself when the other brings nothing new.
    /// </summary>
    internal ContributionEntry Join(ContributionEntry other)
    {
        ContributionEntry joined = Include(other.First);
        return other.Second is null ? joined : joined.Include(other.Second);
    }

    private ContributionEntry Include(Contribution added)
    {
        int toFirst = added.CompareStatement(First);
        if (toFirst == 0)
        {
            return WithSmaller(First, added) is { } first ? new(first, Second) : this;
        }

        if (toFirst < 0)
        {
            return new(added, First);
        }

        int toSecond = Second is null ? -1 : added.CompareStatement(Second);
        return toSecond switch
        {
            < 0 => new(First, added),
            0 when WithSmaller(Second!, added) is { } second => new(First, second),
            _ => this,
        };
    }

    private static Contribution? WithSmaller(Contribution kept, Contribution added) =>
        added.Signature < kept.Signature ? added : null;
}
