using System.Reflection;
using Akka.Actor;
using Akka.Cluster;
using Akka.Util;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Remoting;
using P2PLearn.Networking;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>What a peer that can open an association, but is no member, can do to a cluster of two; with each guard by itself.</summary>
public sealed class AttackTests
{
    /// <summary>The stock serializers and no untrusted mode: what Akka is without this project's guards.</summary>
    private const string GuardsOff = """
        akka.remote.untrusted-mode = off
        akka.actor.serialization-settings.allow-unregistered-types = true
        akka.actor.serializers.json = "Akka.Serialization.NewtonSoftJsonSerializer, Akka"
        akka.actor.serializers.daemon-create = "Akka.Remote.Serialization.DaemonMsgCreateSerializer, Akka.Remote"
        """;

    private const string DenySerializersOnly = "akka.remote.untrusted-mode = off";

    private static readonly string[] Open = ["/user/victim", "/user/second", "/user/echo"];

    [Fact]
    public async Task Without_guards_every_attack_works()
    {
        await using Range range = await Range.StartAsync(GuardsOff, firewall: false);

        await range.Attacker.SendAllAsync();

        await Within.UntilAsync(() => Gadget.Created(range.Id) == 2, "both JSON attacks created an object");
        await Within.UntilAsync(() => DeployedActor.StartedBy(range.Id), "the deployed actor runs");
        await range.VictimStopped(0).LimitAsync("PoisonPill stops the victim");
        await range.VictimStopped(1).LimitAsync("Terminate stops the second victim");
        await Within.UntilAsync(() => range.IsDownOrGone(range.B), "Down(B) is believed");
        range.Attacker.PoisonCluster();
        await Within.UntilAsync(() => range.AHasAnotherSystem, "PoisonPill to the cluster ends A's whole system");
    }

    [Fact]
    public async Task The_firewall_alone_stops_every_attack()
    {
        await using Range range = await Range.StartAsync(GuardsOff, firewall: true);
        range.Mesh.Refused.Clear();

        await range.Attacker.SendAllAsync();
        range.Attacker.PoisonCluster();
        range.Attacker.JoinAs(range.B);
        await range.Attacker.BarrierAsync();

        await Within.UntilAsync(() => range.Mesh.Refused.Count >= 8, "eight refused frames");
        Assert.Equal(0, Gadget.Created(range.Id));
        Assert.False(DeployedActor.StartedBy(range.Id));
        Assert.False(range.VictimStopped(0).IsCompleted);
        Assert.False(range.VictimStopped(1).IsCompleted);
        Assert.False(range.AHasAnotherSystem);
        Assert.Equal(MemberState.Up, range.A.Snapshot.Find(TestMesh.Peer(1))?.State);
        Assert.Contains(range.Mesh.Node(0).Penalties, penalty => penalty == (TestMesh.Peer(9), EndReason.UnexpectedMessage));
        Assert.Equal(
            [FrameVerdict.Recipient, FrameVerdict.Serializer, FrameVerdict.Manifest, FrameVerdict.ForeignClaim, FrameVerdict.Nested],
            range.Mesh.Refused.Select(refused => refused.Verdict).Distinct().Order());
    }

    [Fact]
    public async Task The_deny_serializers_alone_stop_chosen_types_and_remote_deployment()
    {
        await using Range range = await Range.StartAsync(DenySerializersOnly, firewall: false);
        long before = DenySerializer.DeniedCount;

        range.Attacker.SendJson();
        range.Attacker.SendNestedJson();
        range.Attacker.Deploy();
        await range.Attacker.BarrierAsync();

        await Within.UntilAsync(() => DenySerializer.DeniedCount >= before + 3, "three denied payloads");
        Assert.Equal(0, Gadget.Created(range.Id));
        Assert.False(DeployedActor.StartedBy(range.Id));
    }

    [Fact]
    public async Task A_join_in_the_name_of_a_member_evicts_it_unless_the_firewall_looks_inside()
    {
        await using Range range = await Range.StartAsync(GuardsOff, firewall: false);
        long uid = range.A.Snapshot.Find(TestMesh.Peer(1))!.Uid;

        range.Attacker.JoinAs(range.B);

        await Within.UntilAsync(
            () => range.A.Snapshot.Find(TestMesh.Peer(1)) is not { State: MemberState.Up } b || b.Uid != uid, "B is evicted");
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_spoofed_origin_evicts_a_member_unless_it_is_compared_with_the_peer(bool check)
    {
        await using TestMesh mesh = new();
        ClusterHost[] hosts = await mesh.FormAsync(2, i => (i == 0 ? TestMesh.Options() : TestMesh.Options(0)) with
        {
            TransportSetup = setup => setup.With(firewall: check, originCheck: check),
        });
        long uid = hosts[0].Snapshot.Find(TestMesh.Peer(1))!.Uid;

        // The attacker's host claims to be B.
        mesh.Start(9, TestMesh.Options(0) with
        {
            TransportSetup = setup => setup.With(firewall: false, originCheck: false, claimedHost: TestMesh.Peer(1).ToBase36()),
        });

        if (check)
        {
            await Within.UntilAsync(() => hosts[0].Counters.RefusedOrigins >= 3, "three refused associations");
            Assert.Equal(uid, hosts[0].Snapshot.Find(TestMesh.Peer(1))?.Uid);
            Assert.Equal(2, TestMesh.UpCount(hosts[0]));
            Assert.Contains(mesh.Node(0).Penalties, penalty => penalty == (TestMesh.Peer(9), EndReason.AuthenticationFailed));
        }
        else
        {
            await Within.UntilAsync(
                () => hosts[0].Snapshot.Find(TestMesh.Peer(1)) is not { State: MemberState.Up } b || b.Uid != uid, "B is evicted");
        }
    }

    /// <summary>A cluster of two, A and B, and an attacker who never joins.</summary>
    private sealed class Range : IAsyncDisposable
    {
        private readonly TaskCompletionSource[] _stopped = [new(), new()];
        private ActorSystem? _firstSystem;

        public TestMesh Mesh { get; } = new();

        public string Id { get; } = Guid.NewGuid().ToString("N");

        public ClusterHost A { get; private set; } = null!;

        public ClusterHost B { get; private set; } = null!;

        public Attacker Attacker { get; private set; } = null!;

        public bool AHasAnotherSystem => A.System is not { } system || system != _firstSystem;

        public static async Task<Range> StartAsync(string overlay, bool firewall)
        {
            Range range = new();
            ClusterHostOptions Guarded(ClusterHostOptions options) => options with
            {
                Overlay = overlay,
                Rules = FirewallRules.For(Open, []),
                TransportSetup = setup => setup.With(firewall: firewall),
            };
            range.A = range.Mesh.Start(0, Guarded(TestMesh.Options()), range.Attach);
            range.B = range.Mesh.Start(1, Guarded(TestMesh.Options(0)));
            await range.Mesh.AllUpAsync([range.A, range.B]);
            ClusterHost host = range.Mesh.Start(9, TestMesh.Options(77) with
            {
                Overlay = GuardsOff,
                TransportSetup = setup => setup.With(firewall: false),
            });
            await Within.UntilAsync(() => host.System is not null, "the attacker's system");
            range.Attacker = new Attacker(host.System!, AkkaAddress.Of(TestMesh.Peer(0)), AkkaAddress.Of(TestMesh.Peer(1)), range.Id);
            await range.Attacker.BarrierAsync();
            return range;
        }

        public Task VictimStopped(int victim) => _stopped[victim].Task;

        public bool IsDownOrGone(ClusterHost member) =>
            A.Snapshot.Find(member.Snapshot.Self) is null or { State: not (MemberState.Up or MemberState.WeaklyUp or MemberState.Joining) };

        public ValueTask DisposeAsync() => Mesh.DisposeAsync();

        private void Attach(ActorSystem system)
        {
            if (Interlocked.CompareExchange(ref _firstSystem, system, null) is not null)
            {
                return; // only A's first system has victims
            }

            system.ActorOf(Props.Create(() => new Victim(_stopped[0])), "victim");
            system.ActorOf(Props.Create(() => new Victim(_stopped[1])), "second");
            system.ActorOf(Props.Create(() => new Echo()), "echo");
        }
    }

    private sealed class Attacker(ActorSystem system, Address a, Address b, string id)
    {
        public async Task SendAllAsync()
        {
            SendJson();
            SendNestedJson();
            Deploy();
            Down();
            PoisonUser();
            TerminateUser();
            await BarrierAsync();
        }

        public void SendJson() => Select("/user/victim").Tell(new Gadget { Secret = id });

        public void SendNestedJson() => Select("/user/victim").Tell(new Identify(new Gadget { Secret = id }));

        public void Deploy() =>
            system.ActorOf(Props.Create(() => new DeployedActor(id)).WithDeploy(new Deploy(new RemoteScope(a))), "deployed");

        public void Down() => Select("/system/cluster/core/daemon").Tell(ClusterMessage("ClusterUserAction+Down", b));

        public void PoisonUser() => Select("/user/victim").Tell(PoisonPill.Instance);

        public void TerminateUser() => ((IInternalActorRef)Resolve("/user/second")).Stop();

        public void PoisonCluster() => Select("/system/cluster").Tell(PoisonPill.Instance);

        public void JoinAs(ClusterHost member) => Select("/system/cluster/core/daemon").Tell(ClusterMessage(
            "InternalClusterAction+Join",
            new UniqueAddress(AkkaAddress.Of(member.Snapshot.Self), 12345),
            System.Collections.Immutable.ImmutableHashSet<string>.Empty,
            AppVersion.Create("0.1.0")));

        /// <summary>Returns when the receiver has taken all that was sent before.</summary>
        public Task<string> BarrierAsync() => Resolve("/user/echo").Ask<string>("barrier", TimeSpan.FromSeconds(30));

        private ActorSelection Select(string path) => system.ActorSelection(a + path);

        private IActorRef Resolve(string path) => ((ExtendedActorSystem)system).Provider.ResolveActorRef(a + path);

        private static object ClusterMessage(string type, params object[] arguments) => Activator.CreateInstance(
            typeof(Cluster).Assembly.GetType("Akka.Cluster." + type, throwOnError: true)!,
            BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic,
            null,
            arguments,
            null)!;
    }

    private sealed class Victim : UntypedActor
    {
        private readonly TaskCompletionSource _stopped;

        public Victim(TaskCompletionSource stopped) => _stopped = stopped;

        protected override void OnReceive(object message)
        {
        }

        protected override void PostStop() => _stopped.TrySetResult();
    }

    private sealed class Echo : ReceiveActor
    {
        public Echo() => ReceiveAny(message => Sender.Tell(message));
    }
}

/// <summary>A type that an attacker chooses: it notices when something other than its author sets it.</summary>
public sealed class Gadget
{
    private static readonly System.Collections.Concurrent.ConcurrentQueue<string> Set = new();
    private string _secret = "";

    public string Secret
    {
        get => _secret;
        set
        {
            _secret = value;
            if (System.Environment.StackTrace.Contains("Newtonsoft", StringComparison.Ordinal))
            {
                Set.Enqueue(value);
            }
        }
    }

    public static int Created(string id) => Set.Count(set => set == id);
}

/// <summary>An actor that an attacker deploys.</summary>
public sealed class DeployedActor : UntypedActor
{
    private static readonly System.Collections.Concurrent.ConcurrentDictionary<string, bool> Started = new();

    public DeployedActor(string id) => Started[id] = true;

    public static bool StartedBy(string id) => Started.ContainsKey(id);

    protected override void OnReceive(object message)
    {
    }
}
