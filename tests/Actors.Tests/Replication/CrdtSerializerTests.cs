using System.Runtime.Serialization;
using Akka.Actor;
using Akka.Actor.Setup;
using Akka.Configuration;
using CsCheck;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Replication;

public sealed class CrdtSerializerTests : IDisposable
{
    private static readonly Config Quiet = ConfigurationFactory.ParseString("""
        akka.loglevel = OFF
        akka.stdout-loglevel = OFF
        akka.stdout-logger-class = "P2PLearn.Actors.Remoting.SilentLogger, P2PLearn.Actors"
        """);

    private readonly ReplicationStore _store = new(new Ed25519Verifier())
    {
        Scope = new ContributionScope { Runs = new Dictionary<RunId, RunScope> { [Contributions.Run] = new(LastRound: 10) } },
    };

    private readonly ActorSystem _system;
    private readonly CrdtSerializer _serializer;

    public CrdtSerializerTests()
    {
        _system = ActorSystem.Create("serializer", ActorSystemSetup.Create(BootstrapSetup.Create().WithConfig(Quiet), _store));
        _serializer = new CrdtSerializer((ExtendedActorSystem)_system);
    }

    [Fact]
    public void Signed_contributions_in_scope_round_trip()
    {
        ReplicatedContributions contributions = Of(Contributions.Signed(0, 1), Contributions.Signed(1, 1), Contributions.Signed(1, 2));

        Assert.Equal(contributions, RoundTrip(contributions));
        Assert.Equal(_serializer.ToBinary(contributions), _serializer.ToBinary(Of(
            Contributions.Signed(1, 2), Contributions.Signed(1, 1), Contributions.Signed(0, 1)))); // digests are hashes of them
    }

    [Fact]
    public void What_is_unsigned_out_of_scope_or_a_watermark_beyond_ours_is_dropped_when_read()
    {
        ReplicatedContributions contributions = Of(
            Contributions.Signed(0, 1),
            Contributions.Signed(1, 1) with { SampleCount = 9 },
            Contributions.Signed(1, 11),
            Contributions.Signed(1, 2, run: RunId.Of("another"u8)));
        ReplicatedContributions pruned = Of(Contributions.Signed(0, 1)).Prune(Contributions.Run, 1_000_000);

        ContributionSet read = ((ReplicatedContributions)RoundTrip(contributions)).Set;

        Assert.Equal(Of(Contributions.Signed(0, 1)).Set, read);
        Assert.True(((ReplicatedContributions)RoundTrip(pruned)).Set.IsBottom);
    }

    [Fact]
    public void Signed_attestations_of_anybody_round_trip_and_others_are_dropped_when_read()
    {
        Attestation settings = Attestations.Signed(AttestationKind.RunSettings, 0, 1);
        Attestation checkpoint = Attestations.Signed(AttestationKind.Checkpoint, 1, 3, run: "another");
        Attestation forged = Attestations.Signed(AttestationKind.Reputation, 1, 3) with { Version = 4 };
        ReplicatedAttestations honest = ReplicatedAttestations.Of(AttestationShards.SetOf([settings, checkpoint]));

        Assert.Equal(honest, RoundTrip(honest));
        Assert.Equal(honest, RoundTrip(ReplicatedAttestations.Of(AttestationShards.SetOf([settings, checkpoint, forged]))));
    }

    [Fact]
    public void Many_messages_within_the_limits_cannot_make_a_shard_that_is_beyond_them()
    {
        AttestationSet replica = AttestationSet.Bottom;
        foreach (Attestation[] message in Attestations.OfShard(3, 60, payloadBytes: 4000).Chunk(5))
        {
            replica = replica.Join(((ReplicatedAttestations)RoundTrip(ReplicatedAttestations.Of(AttestationShards.SetOf(message)))).Set);
        }

        Assert.InRange(replica.Count, 8, 14);
        Assert.InRange(_serializer.ToBinary(ReplicatedAttestations.Of(replica)).Length, 30_000, ReplicationOptions.MaxEntryBytes);
        Assert.Equal(replica, ((ReplicatedAttestations)RoundTrip(ReplicatedAttestations.Of(replica))).Set);
    }

    [Fact]
    public void The_fullest_shard_of_attestations_fits_its_limit()
    {
        ReplicationOptions options = new() { MaxAttestationsPerShard = 128 };
        int payload = options.AttestationShardLimits.MaxTotalPayloadBytes / options.MaxAttestationsPerShard;
        AttestationSet full = AttestationShards.SetOf(Enumerable.Range(0, options.MaxAttestationsPerShard).Select(i =>
            Attestations.Signed(AttestationKind.Reputation, 0, uint.MaxValue, payloadBytes: payload) with
            {
                Run = RunId.Of([(byte)i]), Peer = ReplicaId.FromBytes(new byte[ReplicaId.MaxBytes]),
            }));

        Assert.Equal(options.MaxAttestationsPerShard, full.Count);
        Assert.InRange(AttestationSetCodec.Encode(full).Length, 50_000, ReplicationOptions.MaxEntryBytes);
    }

    [Fact]
    public void Keys_round_trip()
    {
        Assert.Equal("contributions-3", ((ContributionsKey)RoundTrip(ContributionsKey.Shards[3])).Id);
        Assert.Equal("attestations-15", ((AttestationsKey)RoundTrip(AttestationsKey.Shards[15])).Id);
    }

    [Fact]
    public void Anything_else_is_refused()
    {
        (byte[] Bytes, string Manifest)[] refused =
        [
            ([1], "XX"), ([], "C1"), ([0xc1], "C1"), (new byte[ReplicationOptions.MaxEntryBytes + 1], "C1"), ([0xc0], "R1"),
            ([0xc1], "A1"), (new byte[ReplicationOptions.MaxEntryBytes + 1], "A1"), ("attestations-16"u8.ToArray(), "K3"),
            (new byte[CrdtSerializer.MaxKeyBytes + 1], "K1"),
        ];

        Assert.All(refused, r => Assert.Throws<SerializationException>(() => _serializer.FromBinary(r.Bytes, r.Manifest)));
        Assert.Throws<SerializationException>(() => _serializer.Manifest(new object()));
        Assert.Throws<SerializationException>(() => _serializer.ToBinary(new object()));
    }

    [Fact]
    public async Task A_node_that_replicates_nothing_takes_nothing()
    {
        ActorSystem bare = ActorSystem.Create("bare", Quiet);
        CrdtSerializer serializer = new((ExtendedActorSystem)bare);

        Assert.Throws<SerializationException>(() => serializer.FromBinary(_serializer.ToBinary(ReplicatedContributions.Empty), "C1"));
        await bare.Terminate().LimitAsync("the system to end");
    }

    [Fact]
    public void The_largest_shard_fits_its_limit_and_four_of_them_a_frame()
    {
        ReplicatedContributions full = ReplicatedContributions.Of(Enumerable.Range(0, 100).SelectMany(
            i => (Contribution[])[Contributions.Signed(0, (uint)i, 1), Contributions.Signed(0, (uint)i, 2)])
            .Select(contribution => contribution with { Base = Hash256.Of("base"u8) })
            .Aggregate(ContributionSet.Bottom, (set, contribution) => set.Add(contribution).State));

        Assert.InRange(_serializer.ToBinary(full).Length, 20_000, ReplicationOptions.MaxEntryBytes);
        Assert.True(ReplicationOptions.MaxEntriesPerMessage * ReplicationOptions.MaxEntryBytes < 256 * 1024);
    }

    [Theory]
    [InlineData("a", 12)]
    [InlineData("b", 5)]
    [InlineData("peer 17", 11)]
    public void Shards_are_part_of_the_wire_format(string peer, int shard) => // computed by another program
        Assert.Equal(shard, ReplicationStore.ShardOf(RunId.FromBytes(new byte[32]), ReplicaId.FromText(peer)));

    public void Dispose()
    {
        _system.Terminate();
        GC.SuppressFinalize(this);
    }

    private object RoundTrip(object value) => _serializer.FromBinary(_serializer.ToBinary(value), _serializer.Manifest(value));

    private static ReplicatedContributions Of(params Contribution[] contributions) => ReplicatedContributions.Of(
        contributions.Aggregate(ContributionSet.Bottom, (set, contribution) => set.Add(contribution).State));
}

public sealed class ReplicatedContributionsProperties
{
    private static readonly Contribution[] Samples =
        [.. from peer in Enumerable.Range(0, 3) from round in Enumerable.Range(0, 4) from model in Enumerable.Range(0, 2)
            select Contributions.Signed(peer, (uint)round, model)];

    private static readonly Gen<ReplicatedContributions> States = Gen.Select(
        Gen.Int[0, Samples.Length - 1].List[0, 10], Gen.UInt[0, 3], (picks, below) => Fold(picks).Prune(Contributions.Run, below));

    [Fact]
    public void Merging_is_commutative_associative_and_idempotent() =>
        Gen.Select(States, States, States).Sample((a, b, c) =>
        {
            Assert.Equal(a.Merge(b), b.Merge(a));
            Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c)));
            Assert.Equal(a, a.Merge(a));
        });

    [Fact]
    public void Merging_the_deltas_is_merging_the_states() =>
        Gen.Select(States, Gen.Int[0, Samples.Length - 1].List[1, 8], Gen.Int[1, 3]).Sample(
            (start, picks, every) =>
            {
                ReplicatedContributions state = start.ResetDelta(), replica = start;
                for (int i = 0; i < picks.Count; i++)
                {
                    state = state.With(ContributionSet.Bottom.Add(Samples[picks[i]]).State);
                    if (i % every == 0)
                    {
                        replica = replica.MergeDelta(state.Delta);
                        state = state.ResetDelta();
                    }
                }

                Assert.Equal(state, replica.MergeDelta(state.Delta));
                Assert.True(state.DeltaSize >= 1);
            });

    private static ReplicatedContributions Fold(IEnumerable<int> picks) => picks.Aggregate(
        ReplicatedContributions.Empty, (state, pick) => state.With(ContributionSet.Bottom.Add(Samples[pick]).State));
}

public sealed class ReplicatedAttestationsProperties
{
    private static readonly Attestation[] Samples =
        [.. from peer in Enumerable.Range(0, 3) from version in Enumerable.Range(0, 6) from payload in Enumerable.Range(1, 2)
            select Attestations.Signed(AttestationKind.Checkpoint, peer, (uint)version, payload)];

    private static readonly Gen<ReplicatedAttestations> States =
        Gen.Int[0, Samples.Length - 1].List[0, 10].Select(picks => ReplicatedAttestations.Of(SetOf(picks)));

    [Fact]
    public void Merging_is_commutative_associative_and_idempotent() =>
        Gen.Select(States, States, States).Sample((a, b, c) =>
        {
            Assert.Equal(a.Merge(b), b.Merge(a));
            Assert.Equal(a.Merge(b).Merge(c), a.Merge(b.Merge(c)));
            Assert.Equal(a, a.Merge(a));
        });

    [Fact]
    public void Merging_the_deltas_is_merging_the_states() =>
        Gen.Select(States, Gen.Int[0, Samples.Length - 1].List[1, 8], Gen.Int[1, 3]).Sample(
            (start, picks, every) =>
            {
                ReplicatedAttestations state = start, replica = start;
                for (int i = 0; i < picks.Count; i++)
                {
                    state = state.With(SetOf([picks[i]]));
                    if (i % every == 0)
                    {
                        replica = replica.MergeDelta(state.Delta);
                        state = state.ResetDelta();
                    }
                }

                Assert.Equal(state, replica.MergeDelta(state.Delta));
                Assert.True(state.DeltaSize >= 1);
            });

    private static AttestationSet SetOf(IEnumerable<int> picks) => AttestationShards.SetOf(picks.Select(pick => Samples[pick]));
}

public sealed class Ed25519VerifierTests
{
    [Fact]
    public void A_signature_is_verified_once_and_remembered()
    {
        Ed25519Verifier verifier = new();
        Contribution contribution = Contributions.Signed(0, 1);

        Assert.True(contribution.IsSigned(verifier));
        Assert.True(contribution.IsSigned(verifier));
        Assert.Equal(1, verifier.VerificationCount);
    }

    [Fact]
    public void Anything_changed_is_not_signed()
    {
        Ed25519Verifier verifier = new();
        Contribution contribution = Contributions.Signed(0, 1);
        Assert.True(contribution.IsSigned(verifier));

        Assert.False((contribution with { Round = 2 }).IsSigned(verifier));
        Assert.False((contribution with { Signature = default }).IsSigned(verifier));
        Assert.False((contribution with { Peer = ReplicaId.FromBytes(TestPeers.Id(1).Bytes) }).IsSigned(verifier));
        Assert.False((contribution with { Peer = ReplicaId.FromText("no peer id") }).IsSigned(verifier));
    }
}
