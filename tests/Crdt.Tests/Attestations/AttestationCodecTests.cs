using System.Buffers;
using MessagePack;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Crdt.Encoding;
using P2PLearn.Crdt.Tests.Contributions;

namespace P2PLearn.Crdt.Tests.Attestations;

public sealed class AttestationCodecTests
{
    private static readonly RunId[] Runs = [.. new[] { Samples.FirstRun, Samples.SecondRun }.Order()];

    [Fact]
    public void Every_field_is_under_the_signature()
    {
        Attestation signed = AttestationSamples.Create();
        Attestation[] changed =
        [
            signed with { Kind = AttestationKind.Reputation },
            signed with { Run = Samples.SecondRun },
            signed with { Peer = Samples.Peer(9) },
            signed with { Version = 9 },
            signed with { Payload = default },
            signed with { Payload = new byte[] { 0 } },
        ];

        Assert.True(signed.IsSigned(new TestSigner()));
        Assert.Equal(changed.Length, changed.Select(a => Convert.ToHexString(a.SignedBytes())).Distinct().Count());
        Assert.All(changed, attestation => Assert.False(attestation.IsSigned(new TestSigner())));
        Assert.All(changed, attestation => Assert.NotEqual(signed, attestation));
        Assert.Equal(signed, signed with { Payload = signed.Payload.ToArray() });
    }

    [Fact]
    public void A_single_attestation_round_trips_and_other_kinds_and_long_payloads_are_refused()
    {
        Attestation attestation = AttestationSamples.Sign(AttestationSamples.Unsigned() with { Payload = new byte[4096] });
        byte[] bytes = AttestationCodec.Encode(attestation);
        byte[] unknownKind = [.. bytes];
        unknownKind[2] = 4;

        Assert.True(AttestationCodec.TryDecode(bytes, CrdtLimits.Default, out Attestation? read, out _));
        Assert.Equal(attestation, read);
        Assert.False(AttestationCodec.TryDecode(unknownKind, CrdtLimits.Default, out _, out DecodeError error));
        Assert.Equal(DecodeError.InvalidValue, error);
        byte[] longer = AttestationCodec.Encode(attestation with { Payload = new byte[4097] });
        Assert.False(AttestationCodec.TryDecode(longer, CrdtLimits.Default, out _, out error));
        Assert.Equal(DecodeError.ValueTooLong, error);
    }

    [Theory]
    [InlineData("another version of a set", DecodeError.UnsupportedVersion)]
    [InlineData("unknown kind", DecodeError.InvalidValue)]
    [InlineData("kinds unsorted", DecodeError.OutOfOrder)]
    [InlineData("kind twice", DecodeError.OutOfOrder)]
    [InlineData("runs unsorted", DecodeError.OutOfOrder)]
    [InlineData("run twice", DecodeError.OutOfOrder)]
    [InlineData("peers unsorted", DecodeError.OutOfOrder)]
    [InlineData("peer twice", DecodeError.OutOfOrder)]
    [InlineData("versions unsorted", DecodeError.OutOfOrder)]
    [InlineData("version twice", DecodeError.OutOfOrder)]
    [InlineData("kind without runs", DecodeError.NotCanonical)]
    [InlineData("run without peers", DecodeError.NotCanonical)]
    [InlineData("peer without versions", DecodeError.NotCanonical)]
    [InlineData("more versions than are kept", DecodeError.TooManyEntries)]
    [InlineData("nothing wrong", DecodeError.None)]
    public void A_set_that_is_not_canonical_is_refused(string flaw, DecodeError expected)
    {
        Peer one = new(1, [0]);
        Peer two = new(2, [0, 7]);
        byte[] bytes = flaw switch
        {
            "another version of a set" => Set(2, [new(2, [new(0, [one])])]),
            "unknown kind" => Set(1, [new(4, [new(0, [one])])]),
            "kinds unsorted" => Set(1, [new(3, [new(0, [one])]), new(2, [new(0, [one])])]),
            "kind twice" => Set(1, [new(2, [new(0, [one])]), new(2, [new(1, [one])])]),
            "runs unsorted" => Set(1, [new(2, [new(1, [one]), new(0, [one])])]),
            "run twice" => Set(1, [new(2, [new(1, [one]), new(1, [two])])]),
            "peers unsorted" => Set(1, [new(2, [new(0, [two, one])])]),
            "peer twice" => Set(1, [new(2, [new(0, [one, one])])]),
            "versions unsorted" => Set(1, [new(2, [new(0, [new(1, [7, 0])])])]),
            "version twice" => Set(1, [new(2, [new(0, [new(1, [7, 7])])])]),
            "kind without runs" => Set(1, [new(2, [])]),
            "run without peers" => Set(1, [new(2, [new(0, [])])]),
            "peer without versions" => Set(1, [new(2, [new(0, [new(1, [])])])]),
            "more versions than are kept" => Set(1, [new(2, [new(0, [new(1, [1, 2, 3, 4, 5])])])]),
            _ => Set(1, [new(2, [new(0, [one, two]), new(1, [new(1, [1, 2, 3, 4])])]), new(3, [new(1, [one])])]),
        };

        Assert.Equal(expected, Decode(bytes, AttestationLimits.Default));
    }

    [Theory]
    [InlineData("runs", DecodeError.TooManyEntries)]
    [InlineData("peers", DecodeError.TooManyEntries)]
    [InlineData("entries", DecodeError.TooManyEntries)]
    [InlineData("payload", DecodeError.ValueTooLong)]
    [InlineData("all payloads", DecodeError.ValueTooLong)]
    public void Each_limit_of_a_set_is_checked(string limit, DecodeError expected)
    {
        AttestationSet set = AttestationSamples.Set(
            AttestationSamples.Create(), AttestationSamples.Create(version: 1), limit switch
            {
                "runs" => AttestationSamples.Create(run: 1),
                "peers" => AttestationSamples.Create(peer: 1),
                _ => AttestationSamples.Create(version: 2),
            });
        AttestationLimits tight = limit switch
        {
            "runs" => new() { MaxRuns = 1 },
            "peers" => new() { MaxPeersPerRun = 1 },
            "entries" => new() { MaxEntries = 2 },
            "payload" => new() { MaxPayloadBytes = 8 },
            _ => new() { MaxTotalPayloadBytes = set.PayloadBytes - 1 },
        };

        byte[] bytes = AttestationSetCodec.Encode(set);
        Assert.Equal(DecodeError.None, Decode(bytes, AttestationLimits.Default));
        Assert.Equal(expected, Decode(bytes, tight));
        Assert.Equal(DecodeError.TooLarge, Decode(bytes, new() { Encoding = new() { MaxTotalBytes = bytes.Length - 1 } }));
    }

    [Theory]
    [InlineData("9201dd7fffffff")]
    [InlineData("9201919202dd00000040")]
    [InlineData("92019192029192c4207fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffdd000000ff")]
    public void A_large_count_without_the_bytes_allocates_nothing_for_it(string hex)
    {
        byte[] bytes = Convert.FromHexString(hex);
        Decode(bytes, AttestationLimits.Default); // warm up
        long before = GC.GetAllocatedBytesForCurrentThread();
        DecodeError error = Decode(bytes, AttestationLimits.Default);
        long allocated = GC.GetAllocatedBytesForCurrentThread() - before;

        Assert.NotEqual(DecodeError.None, error);
        Assert.InRange(allocated, 0, 512);
    }

    [Fact]
    public void Limits_that_make_no_sense_are_refused()
    {
        AttestationLimits.Default.Validate();
        Assert.All(
            new AttestationLimits[]
            {
                new() { MaxRuns = 0 }, new() { MaxPeersPerRun = 0 }, new() { MaxEntries = -1 }, new() { MaxPayloadBytes = 0 },
                new() { MaxPayloadBytes = 4097 }, new() { MaxTotalPayloadBytes = 0 }, new() { Encoding = new() { MaxEntries = 0 } },
            },
            limits => Assert.Throws<ArgumentOutOfRangeException>(limits.Validate));
    }

    private static DecodeError Decode(byte[] bytes, AttestationLimits limits)
    {
        AttestationSetCodec.TryDecode(bytes, limits, out _, out DecodeError error);
        return error;
    }

    private static byte[] Set(uint version, Kind[] kinds)
    {
        ArrayBufferWriter<byte> buffer = new();
        MessagePackWriter writer = new(buffer);
        writer.WriteArrayHeader(2);
        writer.Write(version);
        writer.WriteArrayHeader(kinds.Length);
        foreach (Kind kind in kinds)
        {
            writer.WriteArrayHeader(2);
            writer.Write(kind.Number);
            writer.WriteArrayHeader(kind.Runs.Length);
            foreach (Run run in kind.Runs)
            {
                WriteRun(ref writer, run);
            }
        }

        writer.Flush();
        return buffer.WrittenSpan.ToArray();
    }

    private static void WriteRun(ref MessagePackWriter writer, Run run)
    {
        writer.WriteArrayHeader(2);
        ContributionCodec.WriteRun(ref writer, Runs[run.Index]);
        writer.WriteArrayHeader(run.Peers.Length);
        foreach (Peer peer in run.Peers)
        {
            writer.WriteArrayHeader(2);
            ElementCodecs.Replica.Write(ref writer, Samples.Peer(peer.Index));
            writer.WriteArrayHeader(peer.Versions.Length);
            foreach (uint version in peer.Versions)
            {
                AttestationCodec.WriteVersion(ref writer, AttestationSamples.Unsigned(version: version));
            }
        }
    }

    private sealed record Kind(byte Number, Run[] Runs);

    private sealed record Run(int Index, Peer[] Peers);

    private sealed record Peer(int Index, uint[] Versions);
}
