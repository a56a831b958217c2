using CsCheck;
using P2PLearn.Learning.Data;

namespace P2PLearn.Learning.Tests.Data;

public sealed class BatchSamplerTests
{
    [Fact]
    public void A_pass_sees_each_image_once() =>
        Gen.Select(Gen.Int[1, 60], Gen.Int[1, 70], Gen.ULong).Sample((shareCount, batchSize, seed) =>
        {
            int[] share = [.. Enumerable.Range(1000, shareCount)];
            var sampler = new BatchSampler(share, new SeededRandom(seed));
            var drawn = new List<int>();
            int[] batch = new int[batchSize];
            while (drawn.Count < 3 * shareCount)
            {
                sampler.Next(batch);
                drawn.AddRange(batch);
            }

            return drawn.Chunk(shareCount).Where(pass => pass.Length == shareCount).All(pass => pass.Order().SequenceEqual(share));
        });

    [Fact]
    public void Passes_differ_in_order()
    {
        var sampler = new BatchSampler([.. Enumerable.Range(0, 100)], new SeededRandom(1));
        int[] first = new int[100], second = new int[100];

        sampler.Next(first);
        sampler.Next(second);

        Assert.NotEqual(first, second);
    }

    [Fact]
    public void A_restored_sampler_draws_what_the_first_would_have() =>
        Gen.Select(Gen.Int[1, 50], Gen.Int[0, 130], Gen.ULong).Sample((shareCount, drawn, seed) =>
        {
            int[] share = [.. Enumerable.Range(0, shareCount)];
            var first = new BatchSampler(share, new SeededRandom(seed));
            first.Next(new int[drawn]);
            byte[] state = new byte[BatchSampler.StateSize];
            first.SaveState(state);
            var second = new BatchSampler(share, new SeededRandom(seed + 1));
            second.RestoreState(state);

            int[] expected = new int[120], actual = new int[120];
            first.Next(expected);
            second.Next(actual);
            return expected.SequenceEqual(actual);
        });

    [Fact]
    public void A_state_that_is_not_this_samplers_is_refused_and_changes_nothing()
    {
        int[] share = [1, 2, 3];
        var sampler = new BatchSampler(share, new SeededRandom(1));
        byte[] good = new byte[BatchSampler.StateSize];
        sampler.SaveState(good);
        byte[] ofOtherShare = new byte[BatchSampler.StateSize];
        new BatchSampler([1, 2, 4], new SeededRandom(1)).SaveState(ofOtherShare);
        byte[] beyondTheEnd = [.. good[..^4], 4, 0, 0, 0];
        byte[] negative = [.. good[..^4], 0xFF, 0xFF, 0xFF, 0xFF];
        byte[] zeroGenerator = [.. good[..16], .. new byte[32], 0, 0, 0, 0];

        foreach (byte[] bad in (byte[][])[[], good[..^1], [.. good, 0], ofOtherShare, beyondTheEnd, negative, zeroGenerator])
        {
            Assert.Throws<InvalidDataException>(() => sampler.RestoreState(bad));
        }

        byte[] after = new byte[BatchSampler.StateSize];
        sampler.SaveState(after);
        Assert.Equal(good, after);
    }

    [Fact]
    public void An_empty_share_is_refused() =>
        Assert.Throws<ArgumentException>(() => new BatchSampler([], new SeededRandom(1)));
}
