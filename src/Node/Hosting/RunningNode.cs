using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols.Mesh;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;
using P2PLearn.Node.Configuration;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>All parts of a node, put together: swarm, admission, RPC, cluster, learning and management.</summary>
internal sealed class RunningNode : IAsyncDisposable
{
    private readonly NodeOptions _options;
    private readonly DataDirectory _data;
    private readonly EventLog _events;
    private readonly ILoggerFactory _loggers;
    private readonly TimeProvider _time;
    private readonly KeyPair _identity;
    private readonly MeshOptions _mesh;
    private readonly Swarm _swarm;
    private readonly AdmittedStreams _streams;
    private readonly RpcEndpoint _rpc;
    private readonly ExchangeTraffic _traffic = new();
    private readonly ReplicationStore _replicated;
    private readonly LearningGuest? _learning;
    private readonly CancellationTokenSource _ending = new();
    private ClusterHost? _cluster;
    private ManagementServer? _management;
    private Task _watching = Task.CompletedTask;

    public RunningNode(NodeOptions options, DataDirectory data, EventLog events, ILoggerFactory loggers, TimeProvider time)
    {
        (_options, _data, _events, _loggers, _time) = (options, data, events, loggers, time);
        LearningOptions? learning = LearningInput.Read(options); // reads the data first: what is wrong with it is said at once
        _identity = IdentityFile.LoadOrCreate(data.IdentityFile);
        _mesh = MeshIdentity.Resolve(options, data);
        _swarm = new Swarm(new SwarmOptions
        {
            Identity = _identity,
            AgentVersion = "p2plearn/" + ProgramVersion.Text,
            Time = time,
            LoggerFactory = loggers,
        });
        _streams = new AdmittedStreams(_swarm, _mesh, time, loggers);
        _streams.AdmissionRefused += (peer, _, text) => _events.Record(new PeerRefused(peer.ToString(), text));
        _rpc = new RpcEndpoint(_streams, new RpcOptions(), time, loggers);
        _swarm.PeerRouter = new MeshPeerRouter(_rpc, _streams, _swarm);
        _replicated = new ReplicationStore(_identity.PeerId, new Ed25519Verifier(), time);
        var place = new RunPlace(_identity, data.ProgressFile, data.ModelFile, events, _traffic, time, loggers.CreateLogger<RunContext>());
        _learning = learning is null ? null : new LearningGuest(learning, place, _streams, _rpc, loggers);
    }

    public async Task StartAsync(EventPrinter printer, CancellationToken cancellationToken)
    {
        foreach (string address in _options.Listen)
        {
            await ListenAsync(address, cancellationToken);
        }

        if (_options.Management.Enabled)
        {
            _management = await ManagementServer.StartAsync(
                new ManagedNode(this), _options.Management.Port, _data.GetOrCreateToken(), cancellationToken);
            _data.WriteManagementPort(_management.Port);
        }

        _events.Record(new NodeStarted(_identity.PeerId.ToString(), ProgramVersion.Text, _data.Root, _management?.Port ?? 0));
        foreach (Multiaddr address in _swarm.ListenAddresses)
        {
            _events.Record(new Listening(address.ToString()));
        }

        await _events.FlushAsync();
        printer.PrintJoinCommand(JoinCommand.For(_swarm.ListenAddresses, _mesh));
        PeerId[] seeds = await new SeedDialer(_swarm, _streams, _time, _events).DialAsync(_options.Seeds, cancellationToken);
        StartCluster(seeds);
    }

    /// <summary>Waits until the node is told to stop, or has left the cluster, or can train no more.</summary>
    public async Task WaitAsync(CancellationToken stop)
    {
        var stopped = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = stop.Register(() => stopped.TrySetResult());
        Task ended = await Task.WhenAny(stopped.Task, _cluster!.Completion, _learning?.Failed ?? stopped.Task);
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
        if (_learning is not null)
        {
            await _learning.DisposeAsync();
        }

        await _rpc.DisposeAsync();
        await _streams.DisposeAsync();
        await _swarm.DisposeAsync();
        _identity.Dispose();
        _ending.Dispose();
    }

    private async Task ListenAsync(string address, CancellationToken cancellationToken)
    {
        try
        {
            await _swarm.ListenAsync(Multiaddr.Parse(address), cancellationToken);
        }
        catch (IOException e)
        {
            throw new UserErrorException($"cannot listen on {address}: {e.Message}; give another address with --listen");
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
            MembersFile = Path.Combine(_data.Root, "members"),
        };
        _cluster = new ClusterHost(options, _streams, _time, _loggers, Attach);
        _learning?.Follow(_cluster);
        _watching = WatchAsync(_cluster);
        _cluster.Start();
    }

    private void Attach(Akka.Actor.ActorSystem system)
    {
        Akka.Actor.IActorRef replication = system.ActorOf(ReplicationActor.Props(_replicated), ReplicationActor.ActorName);
        _learning?.Attach(system, replication);
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

        public JsonObject Describe() => new()
        {
            ["peerId"] = node._identity.PeerId.ToString(),
            ["version"] = ProgramVersion.Text,
            ["mesh"] = node._mesh.Name,
            ["addresses"] = new JsonArray([.. node._swarm.ListenAddresses.Select(a => (JsonNode)a.ToString())]),
            ["phase"] = node._cluster?.Snapshot.Phase.ToString() ?? "Starting",
            ["connections"] = node._swarm.Connections.Count,
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
