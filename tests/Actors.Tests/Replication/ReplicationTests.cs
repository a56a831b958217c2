using System.Collections.Concurrent;
using System.Text;
using Akka.Actor;
using Akka.DistributedData;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Clocks;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Identity;
using P2PLearn.TestKit;
using static P2PLearn.Actors.Replication.ReplicationProtocol;

namespace P2PLearn.Actors.Tests.Replication;

public sealed class ReplicationTests
{
    [Fact]
    public async Task Contributions_published_anywhere_arrive_everywhere_and_survive_a_rebuild()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 4);
        Assert.All(nodes, node => node.Follow(Contributions.Run));

        for (int i = 0; i < nodes.Length; i++)
        {
            object answer = await nodes[i].AskAsync(new Publish(Contributions.Signed(i, round: 3)));
            Assert.IsType<Published>(answer);
        }

        foreach (ReplicaNode node in nodes)
        {
            await Within.UntilAsync(() => node.Store.Contributions.CountOf(Contributions.Run, 3) == 4, "four contributions at each node");
            await Within.UntilAsync(() => node.Probe.Events.OfType<ContributionsChanged>().Any(e => e.All.Count == 4), "the subscriber heard of all");
        }

        Assert.Empty(mesh.Refused);
    }

    [Fact]
    public async Task A_node_that_joins_late_or_follows_late_gets_what_is_there()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 2);
        nodes[0].Follow(Contributions.Run);
        for (uint round = 0; round < 6; round++)
        {
            Assert.IsType<Published>(await nodes[0].AskAsync(new Publish(Contributions.Signed(0, round))));
        }

        ReplicaNode late = ReplicaNode.Start(mesh, 2);
        await Within.UntilAsync(() => !late.Actor.IsNobody(), "the late node's actor is there");
        late.Follow(Contributions.Run);
        nodes[1].Follow(Contributions.Run);

        await Within.UntilAsync(() => late.Store.Contributions.Count == 6, "the late node has all six");
        await Within.UntilAsync(() => nodes[1].Store.Contributions.Count == 6, "the late follower has all six");
    }

    [Fact]
    public async Task Unsigned_forged_and_unwanted_contributions_are_never_merged()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 3);
        nodes[1].Follow(Contributions.Run);
        nodes[2].Follow(Contributions.Run);
        Contribution unsigned = Contributions.Signed(0, round: 1) with { Signature = default };
        Contribution forged = Contributions.Signed(1, round: 1) with { SampleCount = 1_000_000 };
        Contribution otherRun = Contributions.Signed(0, round: 1, run: RunId.Of("another"u8));
        Contribution honest = Contributions.Signed(0, round: 2);

        // A malicious member's own replicator takes anything; it must stop at the others.
        foreach (Contribution contribution in (Contribution[])[unsigned, forged, otherRun, honest])
        {
            await nodes[0].ForceAsync(contribution);
        }

        foreach (ReplicaNode node in nodes[1..])
        {
            await Within.UntilAsync(() => node.Store.Contributions.Count == 1, "the honest contribution arrives");
            ContributionSet replica = await node.ReplicaAsync();
            Assert.Equal([honest], node.Store.Contributions.ContributionsOf(Contributions.Run, 2));
            Assert.Equal(1, replica.Count);
        }

        PublishRefused refused = Assert.IsType<PublishRefused>(await nodes[1].AskAsync(new Publish(forged)));
        Assert.Equal(ReplicationRefusal.BadSignature, refused.Reason);
        refused = Assert.IsType<PublishRefused>(await nodes[1].AskAsync(new Publish(otherRun)));
        Assert.Equal(ReplicationRefusal.OutOfScope, refused.Reason);
    }

    [Fact]
    public async Task Two_contributions_of_one_peer_for_one_round_are_kept_as_proof()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 3);
        Assert.All(nodes, node => node.Follow(Contributions.Run));

        Assert.IsType<Published>(await nodes[0].AskAsync(new Publish(Contributions.Signed(2, 1, model: 1))));
        Assert.IsType<Published>(await nodes[1].AskAsync(new Publish(Contributions.Signed(2, 1, model: 2))));

        foreach (ReplicaNode node in nodes)
        {
            await Within.UntilAsync(() => node.Store.Contributions.Equivocations.Any(), "the proof at each node");
        }
    }

    [Fact]
    public async Task A_full_shard_refuses_more_and_pruning_makes_room_everywhere()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 2, new ReplicationOptions { MaxContributionsPerShard = 4 });
        Assert.All(nodes, node => node.Follow(Contributions.Run, prunableBelow: 100));
        for (uint round = 0; round < 4; round++)
        {
            Assert.IsType<Published>(await nodes[0].AskAsync(new Publish(Contributions.Signed(0, round))));
        }

        PublishRefused refused = Assert.IsType<PublishRefused>(await nodes[0].AskAsync(new Publish(Contributions.Signed(0, 4))));
        Assert.Equal(ReplicationRefusal.LimitReached, refused.Reason);
        nodes[0].Actor.Tell(new Prune(Contributions.Run, 3));
        Assert.IsType<Published>(await nodes[0].AskAsync(new Publish(Contributions.Signed(0, 4))));
        await Within.UntilAsync(
            () => nodes[1].Store.Contributions.RoundsOf(Contributions.Run).SequenceEqual([3u, 4u]), "pruned at the other node too");
    }

    [Fact]
    public async Task Attestations_reach_all_members_and_newer_versions_replace_older_ones()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 3);
        for (int i = 0; i < nodes.Length; i++)
        {
            Attestation settings = Attestations.Signed(AttestationKind.RunSettings, i, 1);
            Assert.Equal(settings, Assert.IsType<Attested>(await nodes[i].AskAsync(new Attest(settings))).Attestation);
            Assert.IsType<Attested>(await nodes[i].AskAsync(new Attest(Attestations.Signed(AttestationKind.Reputation, i, 1))));
        }

        Attestation newer = Attestations.Signed(AttestationKind.Reputation, 2, 2, payloadBytes: 300);
        Assert.IsType<Attested>(await nodes[2].AskAsync(new Attest(newer)));

        foreach (ReplicaNode node in nodes)
        {
            await Within.UntilAsync(() => node.Store.Attestations.Count == 6 && node.Store.Attestations.Contains(newer), "six attestations");
            await Within.UntilAsync(
                () => node.Probe.Events.OfType<AttestationsChanged>().Any(e => e.All.Count == 6 && e.All.Contains(newer)), "the subscriber heard");
            Assert.Equal(node.Store.Attestations, Assert.IsType<AttestationsChanged>(await node.AskAsync(GetAttestations.Instance)).All);
        }

        Assert.Equal(nodes[0].Store.Attestations.Digest(), nodes[1].Store.Attestations.Digest());
        Assert.Empty(mesh.Refused);
    }

    [Fact]
    public async Task Forged_attestations_are_never_merged_and_a_full_shard_refuses_more()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 2, new ReplicationOptions { MaxAttestationsPerShard = 3 });
        Attestation forged = Attestations.Signed(AttestationKind.Checkpoint, 0, 1) with { Version = 9 };
        Attestation otherRun = Attestations.Resigned(Attestations.Signed(AttestationKind.RunSettings, 0, 1) with { Payload = new byte[] { 1 } }, 0);
        Attestation honest = Attestations.Signed(AttestationKind.Checkpoint, 0, 2);
        await nodes[0].ForceAsync([forged, otherRun, honest]);

        await Within.UntilAsync(() => nodes[1].Store.Attestations.Count == 1, "the honest attestation arrives");
        Assert.Equal([honest], nodes[1].Store.Attestations.All);
        Assert.Equal(ReplicationRefusal.BadSignature, Assert.IsType<AttestRefused>(await nodes[1].AskAsync(new Attest(forged))).Reason);
        Assert.Equal(ReplicationRefusal.BadSignature, Assert.IsType<AttestRefused>(await nodes[1].AskAsync(new Attest(otherRun))).Reason);
        Assert.IsType<Attested>(await nodes[1].AskAsync(new Attest(Attestations.Signed(AttestationKind.Checkpoint, 0, 3))));
        Assert.IsType<Attested>(await nodes[1].AskAsync(new Attest(Attestations.Signed(AttestationKind.Checkpoint, 0, 4))));
        Assert.Equal(
            ReplicationRefusal.LimitReached,
            Assert.IsType<AttestRefused>(await nodes[1].AskAsync(new Attest(Attestations.Signed(AttestationKind.Checkpoint, 0, 5)))).Reason);
        Assert.Equal(
            ReplicationRefusal.LimitReached, Assert.IsType<AttestRefused>(await nodes[1].AskAsync(new Attest(honest with { Payload = new byte[5000] }))).Reason);
    }

    [Fact]
    public async Task What_a_node_holds_comes_back_with_its_next_actor_system()
    {
        await using TestMesh mesh = new();
        ReplicaNode[] nodes = await ReplicaNode.FormAsync(mesh, 1);
        nodes[0].Follow(Contributions.Run);
        Assert.IsType<Published>(await nodes[0].AskAsync(new Publish(Contributions.Signed(0, 7))));
        Attestation attestation = Attestations.Signed(AttestationKind.Checkpoint, 0, 7);
        Assert.IsType<Attested>(await nodes[0].AskAsync(new Attest(attestation)));
        ActorSystem before = nodes[0].Host.System!;

        await before.Terminate();

        await Within.UntilAsync(() => nodes[0].Host.System is { } now && now != before, "a fresh actor system");
        await nodes[0].Host.WaitUntilMemberAsync(CancellationToken.None).LimitAsync("a member again");
        await Within.UntilAsync(() => nodes[0].ReplicaAsync().Result.Count == 1, "its contribution in the fresh replicator");
        Assert.True(await nodes[0].HasAttestationAsync(attestation), "its attestation in the fresh replicator");
    }
}

/// <summary>Contributions signed with the test peers' keys.</summary>
internal static class Contributions
{
    public static readonly RunId Run = RunId.Of("the run"u8);

    public static Contribution Signed(int peer, uint round, int model = 0, RunId? run = null)
    {
        using KeyPair key = KeyPair.FromSeed(TestPeers.Seed(peer));
        Contribution contribution = new()
        {
            Run = run ?? Run,
            Round = round,
            Peer = ReplicaId.FromBytes(TestPeers.Id(peer).Bytes),
            Root = Hash256.Of([(byte)model, (byte)peer]),
            LayoutHash = Hash256.Of("layout"u8),
            ModelBytes = 318_040,
            SampleCount = 100,
        };
        return contribution with { Signature = Signature64.FromBytes(key.Sign(contribution.SignedBytes())) };
    }
}

/// <summary>Attestations signed with the test peers' keys, as a rule of one run.</summary>
internal static class Attestations
{
    public static Attestation Signed(AttestationKind kind, int peer, uint version, int payloadBytes = 20, string run = "settings") => Resigned(
        new Attestation
        {
            Kind = kind,
            Run = RunId.Of(Encoding.ASCII.GetBytes(run)),
            Peer = ReplicaId.FromBytes(TestPeers.Id(peer).Bytes),
            Version = version,
            Payload = kind == AttestationKind.RunSettings ? Encoding.ASCII.GetBytes(run) : new byte[payloadBytes],
        },
        peer);

    public static Attestation Resigned(Attestation attestation, int peer)
    {
        using KeyPair key = KeyPair.FromSeed(TestPeers.Seed(peer));
        return attestation with { Signature = Signature64.FromBytes(key.Sign(attestation.SignedBytes())) };
    }

    /// <summary>Reputation of one peer in many runs that share a shard.</summary>
    public static IEnumerable<Attestation> OfShard(int shard, int count, int payloadBytes) =>
        Enumerable.Range(0, int.MaxValue)
            .Where(i => ReplicationStore.ShardOf(RunId.Of(Encoding.ASCII.GetBytes($"run {i}")), ReplicaId.FromBytes(TestPeers.Id(0).Bytes)) == shard)
            .Take(count)
            .Select(i => Signed(AttestationKind.Reputation, 0, 1, payloadBytes, $"run {i}"));
}

/// <summary>A host with a replication actor and a subscriber.</summary>
internal sealed class ReplicaNode
{
    private ReplicaNode(ReplicationStore store) => Store = store;

    public ReplicationStore Store { get; }

    public ClusterHost Host { get; private set; } = null!;

    public IActorRef Actor { get; private set; } = ActorRefs.Nobody;

    public Recorder Probe { get; } = new();

    public static ReplicaNode Start(TestMesh mesh, int index, ReplicationOptions? options = null) =>
        Start(mesh, index, new ReplicationStore(new Ed25519Verifier(), options));

    public static ReplicaNode Start(TestMesh mesh, int index, ReplicationStore store)
    {
        ReplicaNode node = new(store);
        ClusterHostOptions host = (index == 0 ? TestMesh.Options() : TestMesh.Options(0)) with { Setups = [node.Store] };
        node.Host = mesh.Start(index, host, node.Attach);
        return node;
    }

    public static async Task<ReplicaNode[]> FormAsync(TestMesh mesh, int count, ReplicationOptions? options = null)
    {
        ReplicaNode[] nodes = [.. Enumerable.Range(0, count).Select(i => Start(mesh, i, options))];
        await mesh.AllUpAsync([.. nodes.Select(node => node.Host)]);
        await Within.UntilAsync(() => nodes.All(node => !node.Actor.IsNobody()), "the actors are there");
        return nodes;
    }

    public void Follow(RunId run, uint prunableBelow = 0) => Actor.Tell(new Follow(new ContributionScope
    {
        Runs = new Dictionary<RunId, RunScope> { [run] = new(LastRound: 1000, prunableBelow) },
    }));

    public Task<object> AskAsync(object message) => Actor.Ask<object>(message, TimeSpan.FromSeconds(20));

    /// <summary>Puts a contribution into this node's replicator past every check, as a malicious member can.</summary>
    public async Task ForceAsync(Contribution contribution)
    {
        int shard = ReplicationStore.ShardOf(contribution.Run, contribution.Peer);
        IUpdateResponse answer = await DistributedData.Get(Host.System!).Replicator.Ask<IUpdateResponse>(
            Dsl.Update(
                ContributionsKey.Shards[shard],
                ReplicatedContributions.Empty,
                WriteLocal.Instance,
                set => set.With(ContributionSet.Bottom.Add(contribution).State)),
            TimeSpan.FromSeconds(20));
        Assert.True(answer.IsSuccessful);
    }

    /// <summary>Puts attestations of one shard into this node's replicator past every check.</summary>
    public async Task ForceAsync(Attestation[] attestations)
    {
        IUpdateResponse answer = await DistributedData.Get(Host.System!).Replicator.Ask<IUpdateResponse>(
            Dsl.Update(
                AttestationsKey.Shards[AttestationShards.ShardOf(attestations[0])],
                ReplicatedAttestations.Empty,
                WriteLocal.Instance,
                set => set.With(AttestationShards.SetOf(attestations))),
            TimeSpan.FromSeconds(20));
        Assert.True(answer.IsSuccessful);
    }

    /// <summary>Whether this node's replicator holds an attestation.</summary>
    public async Task<bool> HasAttestationAsync(Attestation attestation)
    {
        AttestationsKey key = AttestationsKey.Shards[AttestationShards.ShardOf(attestation)];
        IGetResponse answer = await DistributedData.Get(Host.System!).Replicator.Ask<IGetResponse>(
            Dsl.Get(key, ReadLocal.Instance), TimeSpan.FromSeconds(20));
        return answer.IsFound && answer.Get(key).Set.Contains(attestation);
    }

    /// <summary>What this node's replicator holds, all shards together.</summary>
    public async Task<ContributionSet> ReplicaAsync()
    {
        ContributionSet all = ContributionSet.Bottom;
        foreach (ContributionsKey key in ContributionsKey.Shards)
        {
            IGetResponse answer = await DistributedData.Get(Host.System!).Replicator.Ask<IGetResponse>(
                Dsl.Get(key, ReadLocal.Instance), TimeSpan.FromSeconds(20));
            all = answer.IsFound ? all.Join(answer.Get(key).Set) : all;
        }

        return all;
    }

    private void Attach(ActorSystem system)
    {
        Actor = system.ActorOf(ReplicationActor.Props(Store), ReplicationActor.ActorName);
        Actor.Tell(new ReplicationProtocol.Subscribe(system.ActorOf(Props.Create(() => new RecorderActor(Probe)))));
    }
}

/// <summary>What an actor was told.</summary>
internal sealed class Recorder
{
    public ConcurrentQueue<object> Events { get; } = new();
}

internal sealed class RecorderActor : UntypedActor
{
    private readonly Recorder _recorder;

    public RecorderActor(Recorder recorder) => _recorder = recorder;

    protected override void OnReceive(object message) => _recorder.Events.Enqueue(message);
}
