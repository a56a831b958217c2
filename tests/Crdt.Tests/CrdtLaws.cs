using CsCheck;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests;

/// <summary>What every replicated type and its codec must satisfy, over random histories of several replicas.</summary>
public abstract class CrdtLaws<T>
    where T : ICrdt<T>
{
    private static readonly Gen<(Step[] Steps, int Seed)> Cases = Gen.Select(ReplicatedHistory<T>.Steps, Gen.Int);

    protected abstract IElementCodec<T> Codec { get; }

    /// <summary>Carries out a random operation.</summary>
    protected abstract (T State, T Delta) Mutate(T state, ReplicaId replica, Op op);

    /// <summary>What a user sees of a state.</summary>
    protected abstract string Read(T state);

    /// <summary>The oracle: what a user must see when these events are visible, computed from them naively.</summary>
    protected abstract string Specify(IReadOnlyList<Event> visible);

    [Fact]
    public void Join_is_commutative_associative_and_idempotent_and_bottom_is_neutral() =>
        Cases.Check(test =>
        {
            (ReplicatedHistory<T> history, Random random) = Run(test);
            T a = Pick(history, random);
            T b = Pick(history, random);
            T c = Pick(history, random);

            Assert.Equal(a.Join(b), b.Join(a));
            Assert.Equal(a.Join(b).Join(c), a.Join(b.Join(c)));
            Assert.Equal(a, a.Join(a));
            Assert.Equal(a.Join(b), a.Join(b).Join(b));
            Assert.Equal(a, a.Join(T.Bottom));
            Assert.Equal(a, T.Bottom.Join(a));
        });

    [Fact]
    public void A_mutation_moves_up_and_its_delta_leads_to_the_same_state() =>
        Cases.Check(test =>
        {
            foreach ((T before, T after, T delta) in Run(test).History.Mutations)
            {
                Assert.Equal(after, before.Join(delta));
                Assert.Equal(after, before.Join(after));
            }
        });

    [Fact]
    public void Deltas_joined_in_any_order_with_repetitions_equal_the_joined_states() =>
        Cases.Check(test =>
        {
            (ReplicatedHistory<T> history, Random random) = Run(test);
            T[] deltas = [.. history.Mutations.Select(mutation => mutation.Delta)];
            deltas = [.. deltas, .. deltas.Where(_ => random.Next(2) == 0)];
            random.Shuffle(deltas);

            Assert.Equal(history.All, deltas.Aggregate(T.Bottom, (state, delta) => state.Join(delta)));
            Assert.Equal(history.All, T.Bottom.Join(JoinTree(deltas)));
        });

    [Fact]
    public void What_is_seen_follows_from_the_visible_events_alone() =>
        Cases.Check(test =>
        {
            foreach ((T state, IReadOnlyList<Event> seen) in Run(test).History.Reached)
            {
                Assert.Equal(Specify(seen), Read(state));
            }
        });

    [Fact]
    public void Equal_values_of_different_histories_have_equal_bytes_and_round_trip() =>
        Cases.Check(test =>
        {
            (ReplicatedHistory<T> history, Random random) = Run(test);
            T[] deltas = [.. history.Mutations.Select(mutation => mutation.Delta)];
            random.Shuffle(deltas);
            byte[] bytes = CanonicalEncoding.Encode(Codec, history.All);

            Assert.Equal(bytes, CanonicalEncoding.Encode(Codec, JoinTree(deltas)));
            Assert.True(CanonicalEncoding.TryDecode(Codec, bytes, CrdtLimits.Default, out T? read, out DecodeError error));
            Assert.Equal(DecodeError.None, error);
            Assert.Equal(history.All, read);
            Assert.Equal(history.All.GetHashCode(), read.GetHashCode());
            Assert.Equal(Read(history.All), Read(read));
        });

    [Fact]
    public void Different_values_have_different_bytes() =>
        Cases.Check(test =>
        {
            (ReplicatedHistory<T> history, Random random) = Run(test);
            T a = Pick(history, random);
            T b = Pick(history, random);

            Assert.Equal(
                a.Equals(b), CanonicalEncoding.Encode(Codec, a).AsSpan().SequenceEqual(CanonicalEncoding.Encode(Codec, b)));
        });

    [Fact]
    public void Bytes_that_end_early_or_late_are_refused() =>
        Cases.Check(test =>
        {
            (ReplicatedHistory<T> history, Random random) = Run(test);
            byte[] bytes = CanonicalEncoding.Encode(Codec, Pick(history, random));
            byte[] truncated = bytes[..random.Next(bytes.Length)];

            Assert.False(CanonicalEncoding.TryDecode(Codec, truncated, CrdtLimits.Default, out _, out DecodeError early));
            Assert.NotEqual(DecodeError.None, early);
            Assert.False(
                CanonicalEncoding.TryDecode(Codec, [.. bytes, 0], CrdtLimits.Default, out _, out DecodeError late));
            Assert.Equal(DecodeError.TrailingBytes, late);
        });

    [Fact]
    public void Flipped_and_random_bytes_never_throw_and_what_is_accepted_is_canonical() =>
        Cases.Check(test =>
        {
            (ReplicatedHistory<T> history, Random random) = Run(test);
            byte[] bytes = CanonicalEncoding.Encode(Codec, Pick(history, random));
            for (int i = 0; i < 16; i++)
            {
                byte[] damaged = [.. bytes];
                damaged[random.Next(damaged.Length)] ^= (byte)(1 << random.Next(8));
                AssertRefusedOrCanonical(damaged);
            }

            byte[] noise = new byte[random.Next(64)];
            random.NextBytes(noise);
            AssertRefusedOrCanonical(noise);
        });

    protected static string Text<TItem>(IEnumerable<TItem> items) => string.Join(' ', items);

    private (ReplicatedHistory<T> History, Random Random) Run((Step[] Steps, int Seed) test) =>
        (new(test.Steps, Mutate), new Random(test.Seed));

    private static T Pick(ReplicatedHistory<T> history, Random random)
    {
        T[] candidates =
            [.. history.Reached.Select(reached => reached.State), .. history.Mutations.Select(mutation => mutation.Delta)];
        return candidates[random.Next(candidates.Length)];
    }

    /// <summary>Joins in pairs of pairs, so that deltas meet each other before they meet a state.</summary>
    private static T JoinTree(ReadOnlySpan<T> values) => values.Length switch
    {
        0 => T.Bottom,
        1 => values[0],
        _ => JoinTree(values[..(values.Length / 2)]).Join(JoinTree(values[(values.Length / 2)..])),
    };

    private void AssertRefusedOrCanonical(byte[] bytes)
    {
        bool accepted = CanonicalEncoding.TryDecode(Codec, bytes, CrdtLimits.Default, out T? value, out DecodeError error);
        Assert.Equal(accepted, error == DecodeError.None);
        if (accepted)
        {
            Assert.Equal(bytes, CanonicalEncoding.Encode(Codec, value!));
        }
    }
}
