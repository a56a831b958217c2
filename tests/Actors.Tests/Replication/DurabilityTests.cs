using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Replication;
using P2PLearn.Crdt.Attestations;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Storage;
using P2PLearn.TestKit;
using static P2PLearn.Actors.Replication.ReplicationProtocol;

namespace P2PLearn.Actors.Tests.Replication;

/// <summary>A replication actor with a file under it.</summary>
public sealed class DurabilityTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-durable-").FullName;

    [Fact]
    public async Task An_own_statement_is_on_the_disk_before_anybody_sees_it()
    {
        using ManualResetEventSlim disk = new(initialState: false);
        using SemaphoreSlim asked = new(0);
        ReplicationStore store = NewStore();
        await using ReplicationDatabase database = Open(store, changes =>
        {
            if (changes.Count > 0)
            {
                asked.Release();
                disk.Wait();
            }
        });
        await using TestMesh mesh = new();
        ReplicaNode node = await StartAsync(mesh, store);
        Contribution contribution = Contributions.Signed(0, 1);

        Task<object> answer = node.AskAsync(new Publish(contribution));
        await asked.WaitAsync().LimitAsync("the write has begun");

        Assert.False(answer.IsCompleted);
        Assert.True((await node.ReplicaAsync()).IsBottom);
        Assert.True(store.Contributions.IsBottom);
        disk.Set();
        Assert.IsType<Published>(await answer);
        Assert.Equal(1, (await node.ReplicaAsync()).Count);
    }

    [Fact]
    public async Task What_the_disk_does_not_take_is_refused_and_not_replicated()
    {
        ReplicationStore store = NewStore();
        await using ReplicationDatabase database = Open(
            store, _ => throw new DurableTablesException(DurableTablesProblem.DiskFull, "the disk is full"));
        await using TestMesh mesh = new();
        ReplicaNode node = await StartAsync(mesh, store);
        Attestation attestation = Attestations.Signed(AttestationKind.Checkpoint, 0, 1);

        Assert.Equal(
            ReplicationRefusal.DiskFailed, Assert.IsType<PublishRefused>(await node.AskAsync(new Publish(Contributions.Signed(0, 1)))).Reason);
        Assert.Equal(ReplicationRefusal.DiskFailed, Assert.IsType<AttestRefused>(await node.AskAsync(new Attest(attestation))).Reason);
        Assert.True((await node.ReplicaAsync()).IsBottom);
        Assert.False(await node.HasAttestationAsync(attestation));
        Assert.True(store.Contributions.IsBottom && store.Attestations.IsBottom);
    }

    [Fact]
    public async Task A_mesh_whose_nodes_all_restart_has_everything_again()
    {
        Contribution[] contributions = [Contributions.Signed(0, 1), Contributions.Signed(1, 1)];
        Attestation[] attestations = [Attestations.Signed(AttestationKind.RunSettings, 0, 1), Attestations.Signed(AttestationKind.Checkpoint, 1, 1)];
        ReplicationStore[] stores = [NewStore(0), NewStore(1)];
        await using (ReplicationDatabase first = Open(stores[0], file: "0.db"))
        await using (ReplicationDatabase second = Open(stores[1], file: "1.db"))
        await using (TestMesh mesh = new())
        {
            ReplicaNode[] nodes = await FormAsync(mesh, stores);
            for (int i = 0; i < 2; i++)
            {
                Assert.IsType<Published>(await nodes[i].AskAsync(new Publish(contributions[i])));
                Assert.IsType<Attested>(await nodes[i].AskAsync(new Attest(attestations[i])));
            }

            await HaveAllAsync(stores);
        }

        File.Delete(Path.Combine(_folder, "1.db")); // one lost its disk too
        stores = [NewStore(0), NewStore(1)];
        await using ReplicationDatabase kept = Open(stores[0], file: "0.db");
        await using ReplicationDatabase empty = Open(stores[1], file: "1.db");
        Assert.Equal((2, 2), (stores[0].Contributions.Count, stores[0].Attestations.Count));
        await using TestMesh again = new();
        await FormAsync(again, stores);
        await HaveAllAsync(stores);
        Assert.Equal(attestations.OrderBy(a => a.Kind), stores[1].Attestations.All);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static ReplicationStore NewStore(int index = 0) => new(new Ed25519Verifier());

    private static async Task<ReplicaNode> StartAsync(TestMesh mesh, ReplicationStore store) => (await FormAsync(mesh, [store]))[0];

    private static async Task<ReplicaNode[]> FormAsync(TestMesh mesh, ReplicationStore[] stores)
    {
        ReplicaNode[] nodes = [.. stores.Select((store, i) => ReplicaNode.Start(mesh, i, store))];
        await mesh.AllUpAsync([.. nodes.Select(node => node.Host)]);
        await Within.UntilAsync(() => nodes.All(node => !Akka.Actor.ActorRefExtensions.IsNobody(node.Actor)), "the actors are there");
        Assert.All(nodes, node => node.Follow(Contributions.Run));
        return nodes;
    }

    private static Task HaveAllAsync(ReplicationStore[] stores) => Within.UntilAsync(
        () => stores.All(store => store.Contributions.Count == 2 && store.Attestations.Count == 2), "both nodes have everything");

    private ReplicationDatabase Open(ReplicationStore store, Action<IReadOnlyList<TableChange>>? apply = null, string file = "replicated.db") =>
        ReplicationDatabase.Open(Path.Combine(_folder, file), store, TimeProvider.System, NullLogger.Instance, apply);
}
