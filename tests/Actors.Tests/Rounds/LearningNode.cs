using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Rounds;

/// <summary>A whole learning node over a fabric: cluster, replication, run, exchange.</summary>
internal sealed class LearningNode : IAsyncDisposable
{
    private readonly string _folder;
    private readonly RpcEndpoint _rpc;

    private LearningNode(TestMesh mesh, int index, LearningOptions options, string? folder, EventList? events, ILoggerFactory? loggers)
    {
        _folder = folder ?? NewFolder();
        Events = events ?? new EventList();
        Peer = TestMesh.Peer(index);
        _rpc = new RpcEndpoint(mesh.Node(index), new RpcOptions(), TimeProvider.System, mesh.Log);
        RunPlace place = new(
            TestPeers.Key(index),
            ProgressFile(_folder),
            Path.Combine(_folder, "model.safetensors"),
            Events,
            new ExchangeTraffic(),
            TimeProvider.System,
            NullLogger.Instance);
        Guest = new LearningGuest(options, place, mesh.Node(index), _rpc, loggers ?? mesh.Log);
        ReplicationStore store = new(Peer, new Ed25519Verifier(), TimeProvider.System);
        ClusterHostOptions cluster = (index == 0 ? TestMesh.Options() : TestMesh.Options(0)) with { Setups = [store] };
        Host = mesh.Start(index, cluster, system => Guest.Attach(system, system.ActorOf(ReplicationActor.Props(store), ReplicationActor.ActorName)));
    }

    public PeerId Peer { get; }

    public EventList Events { get; }

    public LearningGuest Guest { get; }

    public ClusterHost Host { get; }

    public string ModelFile => Path.Combine(_folder, "model.safetensors");

    public static string NewFolder() => Directory.CreateTempSubdirectory("p2plearn-learning-").FullName;

    public static string ProgressFile(string folder) => Path.Combine(folder, "progress.bin");

    /// <summary>Starts a node that takes its trainers from the cluster, or from <see cref="Tell"/>.</summary>
    public static LearningNode Start(
        TestMesh mesh, int index, LearningOptions options, bool follows = true, string? folder = null, EventList? events = null, ILoggerFactory? loggers = null)
    {
        LearningNode node = new(mesh, index, options, folder, events, loggers);
        if (follows)
        {
            node.Guest.Follow(node.Host);
        }

        return node;
    }

    /// <summary>Tells the learning actor who trains.</summary>
    public void Tell(params PeerId[] trainers) => Host.System!.ActorSelection("/user/learning").Tell(new RunProtocol.TrainersChanged(trainers));

    public Task InPhaseAsync(string phase) => Within.UntilAsync(
        () => Guest.GetStatusAsync(Within.Limit).Result?.Phase == phase, $"{Peer.ToShortString()} is {phase}");

    public async ValueTask DisposeAsync()
    {
        await Host.AbortAsync();
        await Guest.DisposeAsync();
        await _rpc.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
