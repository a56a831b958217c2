using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Checkpoints;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Plugins;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Storage;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>All parts of a node, put together: network, cluster, learning and management.</summary>
internal sealed class RunningNode : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly DataDirectory _data;
    private readonly EventLog _events;
    private readonly ILoggerFactory _loggers;
    private readonly TimeProvider _time;
    private readonly NodeNetwork _network;
    private readonly NodeContent _content;
    private readonly ExchangeTraffic _traffic = new();
    private readonly ReplicationStore _replicated;
    private readonly LearningGuest? _learning;
    private readonly CancellationTokenSource _ending = new();
    private ReplicationDatabase? _replicatedFile;
    private ClusterHost? _cluster;
    private ManagementServer? _management;
    private Task _watching = Task.CompletedTask;

    private RunningNode(
        NodeOptions options,
        DataDirectory data,
        EventLog events,
        ILoggerFactory loggers,
        TimeProvider time,
        LearningOptions? learning,
        NodeNetwork network,
        NodeContent content)
    {
        (_options, _data, _events, _loggers, _time, _network, _content) = (options, data, events, loggers, time, network, content);
        KeyPair identity = _network.Identity;
        _replicated = new ReplicationStore(new Ed25519Verifier());
        var place = new RunPlace(identity, data.ProgressFile, data.ModelFile, events, _traffic, time, loggers.CreateLogger<RunContext>(), content.Models);
        _learning = learning is null ? null : new LearningGuest(learning, place, _network.Streams, _network.Rpc, loggers);
    }

    /// <summary>Reads the input, and opens what the data directory holds.</summary>
    /// <exception cref="UserErrorException">Something of it cannot be used.</exception>
    public static async Task<RunningNode> OpenAsync(
        NodeOptions options,
        LearningCatalog catalog,
        DataDirectory data,
        EventLog events,
        ILoggerFactory loggers,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        LearningOptions? learning = LearningInput.Read(options, catalog); // first: what is wrong with it is said at once
        var network = new NodeNetwork(options, data, events, loggers, time);
        try
        {
            NodeContent content = await NodeContent.OpenAsync(options.Blocks, data, network, loggers, time, cancellationToken);
            return new RunningNode(options, data, events, loggers, time, learning, network, content);
        }
        catch
        {
            await network.DisposeAsync();
            throw;
        }
    }

    public async Task StartAsync(EventPrinter printer, CancellationToken cancellationToken)
    {
        OpenReplicated();
        if (_options.Management.Enabled)
        {
            _management = await ManagementServer.StartAsync(
                new ManagedNode(this), _options.Management.Port, _data.GetOrCreateToken(), cancellationToken);
            _data.WriteManagementPort(_management.Port);
        }

        _events.Record(new NodeStarted(_network.Identity.PeerId.ToString(), ProgramVersion.Text, _data.Root, _management?.Port ?? 0));
        await _network.ListenAsync(cancellationToken);
        await _events.FlushAsync();
        printer.PrintJoinCommand(JoinCommand.For(_network.Swarm.ListenAddresses, _network.Mesh, RunToJoin, _options.Mode));
        PeerId[] seeds = await _network.MeetAsync(cancellationToken);
        if (_options.Mode == NodeModes.Member)
        {
            StartCluster(seeds);
        }
    }

    /// <summary>Waits until the node is told to stop, or has left the cluster, or can train no more.</summary>
    public async Task WaitAsync(CancellationToken stop)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = stop.Register(() => stopped.TrySetResult());
        Task ended = await Task.WhenAny(stopped.Task, _cluster?.Completion ?? stopped.Task, _learning?.Failed ?? stopped.Task);
        await ended;
    }

    /// <summary>Leaves the cluster and closes everything, in the reverse order of the start.</summary>
    public async Task StopAsync()
    {
        await _ending.CancelAsync();
        if (_cluster is not null)
        {
            await _cluster.StopAsync();
        }

        await _watching;
        _events.Record(new NodeStopped());
    }

    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync();
        if (_management is not null)
        {
            await _management.DisposeAsync();
        }

        if (_cluster is not null)
        {
            await _cluster.DisposeAsync();
        }

        await _watching;
        if (_replicatedFile is not null)
        {
            await _replicatedFile.DisposeAsync();
        }

        if (_learning is not null)
        {
            await _learning.DisposeAsync();
        }

        await _content.DisposeAsync();
        await _network.DisposeAsync();
        _ending.Dispose();
    }

    /// <summary>The run that others are told to join: the one that this node founds, or was itself told to join by its whole id.</summary>
    private RunId? RunToJoin =>
        _learning?.Options.Settings is { } settings ? RunId.FromBytes(settings.ComputeRunId())
        : RunId.TryParse(_options.Join, out RunId run) ? run
        : null;

    private void OpenReplicated()
    {
        if (_options.Mode != NodeModes.Member)
        {
            return; // it replicates nothing
        }

        try
        {
            _replicatedFile = ReplicationDatabase.Open(_data.ReplicatedFile, _replicated, _time, _loggers.CreateLogger<ReplicationDatabase>());
        }
        catch (DurableTablesException e)
        {
            string hint = e.Problem == DurableTablesProblem.Damaged ? $"; run 'p2plearn doctor --repair --data-dir {_data.Root}'" : "";
            throw new UserErrorException(e.Message.TrimEnd('.') + hint);
        }
    }

    private void StartCluster(PeerId[] seeds)
    {
        var options = new ClusterHostOptions
        {
            Seeds = seeds,
            Found = _options.Found,
            Roles = [_learning is null ? ClusterRoles.Observer : ClusterRoles.Trainer],
            AppVersion = ProgramVersion.Text,
            Setups = [_replicated],
            MembersFile = _data.MembersFile,
        };
        _cluster = new ClusterHost(options, _network.Streams, _time, _loggers, Attach);
        _learning?.Follow(_cluster);
        _watching = WatchAsync(_cluster);
        _cluster.Start();
    }

    private void Attach(Akka.Actor.ActorSystem system)
    {
        Akka.Actor.IActorRef replication = system.ActorOf(ReplicationActor.Props(_replicated), ReplicationActor.ActorName);
        _learning?.Attach(system, replication);
        if (_learning is null && _options.Join is { } join)
        {
            system.ActorOf(
                MirrorActor.Props(join, _content.Models, _network.Identity.PeerId, _events, replication), MirrorActor.ActorName);
        }
    }

    private async Task WatchAsync(ClusterHost cluster)
    {
        try
        {
            using ClusterSubscription subscription = cluster.Subscribe();
            (int Up, int Unreachable) last = (0, 0);
            await foreach (ClusterChange change in subscription.Changes.ReadAllAsync(_ending.Token))
            {
                if (change is { Kind: ClusterChangeKind.PhaseChanged, After.Phase: HostPhase.Rebuilding })
                {
                    _events.Record(new SystemRebuilt("the other members had declared it lost"));
                }

                if (change.Kind == ClusterChangeKind.JoinBlocked && cluster.Blockers is { Count: > 0 } blockers)
                {
                    _events.Record(new JoinBlocked([.. blockers.Select(b => b.Peer.ToString())], blockers[0].Reason));
                }

                (int Up, int Unreachable) now = (
                    change.After.Members.Count(m => m.State is MemberState.Up or MemberState.WeaklyUp), change.After.Unreachable.Count());
                if (now != last)
                {
                    _events.Record(new MembersChanged(now.Up, now.Unreachable));
                    last = now;
                }
            }
        }
        catch (OperationCanceledException)
        {
            // The node stops.
        }
    }

    /// <summary>This node as the management endpoint sees it.</summary>
    private sealed class ManagedNode(RunningNode node) : IManagedNode
    {
        public ClusterView? Cluster => node._cluster?.Snapshot is { SelfMember: not null } snapshot ? ClusterViews.Of(snapshot) : null;

        public NatView Nat => NatViews.Of(
            node._network.Identity.PeerId,
            node._network.Swarm.Nat?.Status ?? new NatStatus(),
            node._network.Swarm.Connections,
            node._network.Streams.ConnectedPeers);

        public IManagedDht? Dht { get; } = node._network.Kad is { } kad
            ? new ManagedDht(kad, node._network.Identity, node._options.Dht.Protocol, node._time)
            : null;

        public IManagedModels Models { get; } = new ManagedModels(
            node._content.Models,
            node._content.Blocks,
            () => MeshCheckpoints.Of(node._replicated.Attestations),
            run => MeshCheckpoints.StandingIn(run, node._replicated.Attestations),
            () => node._network.Streams.ConnectedPeers,
            node._network.Identity,
            node._time,
            node._ending.Token);

        public JsonObject Describe() => new()
        {
            ["peerId"] = node._network.Identity.PeerId.ToString(),
            ["version"] = ProgramVersion.Text,
            ["mesh"] = node._network.Mesh.Name,
            ["addresses"] = new JsonArray([.. node._network.Swarm.ListenAddresses.Select(a => (JsonNode)a.ToString())]),
            ["mode"] = node._options.Mode,
            ["phase"] = node._cluster?.Snapshot.Phase.ToString() ?? "Starting",
            ["connections"] = node._network.Swarm.Connections.Count,
            ["modelBytesSent"] = node._traffic.Sent,
            ["modelBytesReceived"] = node._traffic.Received,
        };

        public IAsyncEnumerable<ClusterEventView> WatchClusterAsync(CancellationToken cancellationToken) =>
            ClusterViews.Watch(node._cluster, node._time, cancellationToken);

        public ValueTask<string?> LeaveAsync(string member, CancellationToken cancellationToken) =>
            Act(member, (cluster, peer) => cluster.Leave(peer));

        public ValueTask<string?> DownAsync(string member, CancellationToken cancellationToken) =>
            Act(member, (cluster, peer) => cluster.Down(peer));

        private ValueTask<string?> Act(string member, Func<ClusterHost, PeerId, MembershipResult> act)
        {
            if (node._cluster is not { } cluster || ClusterViews.Find(cluster.Snapshot, member) is not { } found)
            {
                return new((string?)null);
            }

            return new(act(cluster, found.Peer) == MembershipResult.UnknownMember ? null : found.Address.ToString());
        }
    }
}
