using CsCheck;
using MessagePack;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;

namespace P2PLearn.Crdt.Tests.Contributions;

public sealed class ContributionCodecTests
{
    private static readonly Contribution[] Ascending =
        [.. Enumerable.Range(0, 4).Select(model => Samples.Create(model: model)).OrderBy(contribution => contribution.Root)];

    private static readonly RunId[] Runs = [.. new[] { Samples.FirstRun, Samples.SecondRun }.Order()];

    [Fact]
    public void A_contribution_of_an_unknown_codec_is_carried()
    {
        Contribution contribution = Samples.Create(model: 1) with { Codec = (ModelCodec)200 };

        Assert.True(ContributionCodec.TryDecode(
            ContributionCodec.Encode(contribution), CrdtLimits.Default, out Contribution? read, out _));
        Assert.Equal(contribution, read);
    }

    [Fact]
    public void Any_contribution_round_trips_and_damage_is_refused_or_canonical() =>
        Gen.Select(Samples.Signed, Gen.Int[0, 10_000], Gen.Int[0, 7]).Check(test =>
        {
            byte[] bytes = ContributionCodec.Encode(test.Item1);
            Assert.True(ContributionCodec.TryDecode(bytes, CrdtLimits.Default, out Contribution? read, out _));
            Assert.Equal(test.Item1, read);
            Assert.False(ContributionCodec.TryDecode(
                bytes.AsSpan(0, test.Item2 % bytes.Length), CrdtLimits.Default, out _, out _));

            bytes[test.Item2 % bytes.Length] ^= (byte)(1 << test.Item3);
            if (ContributionCodec.TryDecode(bytes, CrdtLimits.Default, out Contribution? changed, out _))
            {
                Assert.Equal(bytes, ContributionCodec.Encode(changed));
                Assert.False(changed.IsSigned(new TestSigner()));
            }
        });

    [Fact]
    public void Every_field_is_under_the_signature()
    {
        Contribution signed = Samples.Create(model: 1);
        Contribution[] changed =
        [
            signed with { Run = Samples.SecondRun },
            signed with { Round = 9 },
            signed with { Peer = Samples.Peer(9) },
            signed with { Root = default },
            signed with { Base = null },
            signed with { Base = default(Hash256) },
            signed with { Codec = (ModelCodec)1 },
            signed with { LayoutHash = default },
            signed with { ModelBytes = 1 },
            signed with { SampleCount = 1 },
        ];

        Assert.True(signed.IsSigned(new TestSigner()));
        Assert.Equal(changed.Length, changed.Select(c => Convert.ToHexString(c.SignedBytes())).Distinct().Count());
        Assert.All(changed, contribution => Assert.False(contribution.IsSigned(new TestSigner())));
        Assert.Throws<ArgumentException>(() => (signed with { Peer = default }).SignedBytes());
    }

    [Theory]
    [InlineData("another version of a set", DecodeError.UnsupportedVersion)]
    [InlineData("another version of a contribution", DecodeError.UnsupportedVersion)]
    [InlineData("runs unsorted", DecodeError.OutOfOrder)]
    [InlineData("run twice", DecodeError.OutOfOrder)]
    [InlineData("rounds unsorted", DecodeError.OutOfOrder)]
    [InlineData("round twice", DecodeError.OutOfOrder)]
    [InlineData("round below the watermark", DecodeError.OutOfOrder)]
    [InlineData("peers unsorted", DecodeError.OutOfOrder)]
    [InlineData("peer twice", DecodeError.OutOfOrder)]
    [InlineData("statements unsorted", DecodeError.OutOfOrder)]
    [InlineData("statement twice", DecodeError.OutOfOrder)]
    [InlineData("no statement", DecodeError.WrongType)]
    [InlineData("three statements", DecodeError.WrongType)]
    [InlineData("round without entries", DecodeError.NotCanonical)]
    [InlineData("run without anything", DecodeError.NotCanonical)]
    [InlineData("nothing wrong", DecodeError.None)]
    public void A_set_that_is_not_canonical_is_refused(string flaw, DecodeError expected)
    {
        Entry zero = new(0, [Ascending[0]]);
        Entry one = new(1, [Ascending[0]]);
        byte[] bytes = flaw switch
        {
            "another version of a set" => Set(2, [new(0, 0, [new(0, [zero])])]),
            "another version of a contribution" => [.. ContributionCodec.Encode(Ascending[0]).Index().Select(b => b.Index == 1 ? (byte)2 : b.Item)],
            "runs unsorted" => Set(1, [new(1, 1, []), new(0, 1, [])]),
            "run twice" => Set(1, [new(1, 1, []), new(1, 1, [])]),
            "rounds unsorted" => Set(1, [new(0, 0, [new(2, [zero]), new(1, [zero])])]),
            "round twice" => Set(1, [new(0, 0, [new(2, [zero]), new(2, [zero])])]),
            "round below the watermark" => Set(1, [new(0, 3, [new(2, [zero])])]),
            "peers unsorted" => Set(1, [new(0, 0, [new(2, [one, zero])])]),
            "peer twice" => Set(1, [new(0, 0, [new(2, [zero, zero])])]),
            "statements unsorted" => Set(1, [new(0, 0, [new(2, [new(0, [Ascending[1], Ascending[0]])])])]),
            "statement twice" => Set(1, [new(0, 0, [new(2, [new(0, [Ascending[0], Samples.Sign(Ascending[0], 1)])])])]),
            "no statement" => Set(1, [new(0, 0, [new(2, [new(0, [])])])]),
            "three statements" => Set(1, [new(0, 0, [new(2, [new(0, Ascending[..3])])])]),
            "round without entries" => Set(1, [new(0, 0, [new(2, [])])]),
            "run without anything" => Set(1, [new(0, 0, [])]),
            _ => Set(1, [new(0, 1, [new(2, [zero, one]), new(3, [new(0, Ascending[..2])])]), new(1, 4, [])]),
        };

        Assert.Equal(expected, Decode(bytes, ContributionLimits.Default));
    }

    [Theory]
    [InlineData("runs")]
    [InlineData("rounds")]
    [InlineData("peers")]
    [InlineData("entries")]
    [InlineData("entries of one round")]
    public void Each_limit_of_a_set_is_checked(string limit)
    {
        ContributionSet set = Samples.Set(limit switch
        {
            "runs" => [Samples.Create(run: 0), Samples.Create(run: 1)],
            "rounds" => [Samples.Create(round: 0), Samples.Create(round: 1)],
            "entries" => [Samples.Create(run: 0), Samples.Create(run: 1, round: 5)],
            _ => [Samples.Create(peer: 0), Samples.Create(peer: 1)],
        });
        ContributionLimits tight = limit switch
        {
            "runs" => new() { MaxRuns = 1 },
            "rounds" => new() { MaxRoundsPerRun = 1 },
            "peers" => new() { MaxPeersPerRound = 1 },
            _ => new() { MaxEntries = 1 },
        };

        byte[] bytes = ContributionSetCodec.Encode(set);
        Assert.Equal(DecodeError.None, Decode(bytes, ContributionLimits.Default));
        Assert.Equal(DecodeError.TooManyEntries, Decode(bytes, tight));
        Assert.Equal(DecodeError.TooLarge, Decode(bytes, new() { Encoding = new() { MaxTotalBytes = bytes.Length - 1 } }));
        Assert.Equal(DecodeError.None, Decode(bytes, new() { Encoding = new() { MaxTotalBytes = bytes.Length } }));
    }

    [Theory]
    [InlineData("9201dd7fffffff")]
    [InlineData("9201dd00000040")]
    [InlineData("92019193c4207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00dd00000fff")]
    [InlineData("9201c6ffffffff")]
    public void A_large_count_without_the_bytes_allocates_nothing_for_it(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Decode(bytes, ContributionLimits.Default); // warm up
        long before = GC.GetAllocatedBytesForCurrentThread();
        DecodeError error = Decode(bytes, ContributionLimits.Default);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.NotEqual(DecodeError.None, error);
        Assert.InRange(allocated, 0, 512);
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused()
    {
        ContributionLimits.Default.Validate();
        Assert.All(
            new ContributionLimits[]
            {
                new() { MaxRuns = 0 }, new() { MaxRoundsPerRun = 0 }, new() { MaxPeersPerRound = -1 },
                new() { MaxEntries = 0 }, new() { MaxModelBytes = 0 }, new() { Encoding = new() { MaxEntries = 0 } },
            },
            limits => Assert.Throws<ArgumentOutOfRangeException>(limits.Validate));
    }

    private static DecodeError Decode(byte[] bytes, ContributionLimits limits)
    {
        DecodeError error;
        if (bytes[0] == 0x95)
        {
            ContributionCodec.TryDecode(bytes, limits.Encoding, out _, out error);
        }
        else
        {
            ContributionSetCodec.TryDecode(bytes, limits, out _, out error);
        }

        return error;
    }

    private static byte[] Set(uint version, Run[] runs)
    {
        System.Buffers.ArrayBufferWriter<byte> buffer = new();
        MessagePackWriter writer = new(buffer);
        writer.WriteArrayHeader(2);
        writer.Write(version);
        writer.WriteArrayHeader(runs.Length);
        foreach (Run run in runs)
        {
            WriteRun(ref writer, run);
        }

        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteRun(ref MessagePackWriter writer, Run run)
    {
        writer.WriteArrayHeader(3);
        ContributionCodec.WriteRun(ref writer, Runs[run.Index]);
        writer.Write(run.PrunedBelow);
        writer.WriteArrayHeader(run.Rounds.Length);
        foreach (Round round in run.Rounds)
        {
            writer.WriteArrayHeader(2);
            writer.Write(round.Number);
            writer.WriteArrayHeader(round.Entries.Length);
            foreach (Entry entry in round.Entries)
            {
                writer.WriteArrayHeader(2);
                ElementCodecs.Replica.Write(ref writer, Samples.Peer(entry.Peer));
                writer.WriteArrayHeader(entry.Statements.Length);
                foreach (Contribution statement in entry.Statements)
                {
                    ContributionCodec.WriteStatement(ref writer, statement);
                }
            }
        }
    }

    private sealed record Run(int Index, uint PrunedBelow, Round[] Rounds);

    private sealed record Round(uint Number, Entry[] Entries);

    private sealed record Entry(int Peer, Contribution[] Statements);
}
