using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Membership;
using P2PLearn.Actors.Replication;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Tests.Exchange;
using P2PLearn.Actors.Tests.Models;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Rounds;

/// <summary>A whole learning node over a fabric: cluster, replication, run, exchange.</summary>
internal sealed class LearningNode : IAsyncDisposable
{
    private readonly string _folder;
    private readonly RpcEndpoint _rpc;
    private readonly LibraryNode? _library;

    private LearningNode(
        TestMesh mesh, int index, LearningOptions options, string? folder, EventList? events, ILoggerFactory? loggers, LibraryNode? library)
    {
        _folder = folder ?? NewFolder();
        _library = library;
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
            NullLogger.Instance,
            library?.Library);
        Guest = new LearningGuest(options, place, mesh.Node(index), _rpc, loggers ?? mesh.Log);
        ReplicationStore store = Replicated = new(new Ed25519Verifier());
        ClusterHostOptions cluster = (index == 0 ? TestMesh.Options() : TestMesh.Options(0)) with { Setups = [store] };
        Host = mesh.Start(index, cluster, system => Guest.Attach(system, system.ActorOf(ReplicationActor.Props(store), ReplicationActor.ActorName)));
    }

    public PeerId Peer { get; }

    public EventList Events { get; }

    public ReplicationStore Replicated { get; }

    public LearningGuest Guest { get; }

    public ClusterHost Host { get; }

    public string ModelFile => Path.Combine(_folder, "model.safetensors");

    public static string NewFolder() => Directory.CreateTempSubdirectory("p2plearn-learning-").FullName;

    public static string ProgressFile(string folder) => Path.Combine(folder, "progress.bin");

    /// <summary>Starts a node that takes its trainers from the cluster, or from <see cref="Tell"/>.</summary>
    public static LearningNode Start(
        TestMesh mesh, int index, LearningOptions options, bool follows = true, string? folder = null, EventList? events = null, ILoggerFactory? loggers = null)
    {
        LearningNode node = new(mesh, index, options, folder, events, loggers, null);
        if (follows)
        {
            node.Guest.Follow(node.Host);
        }

        return node;
    }

    /// <summary>Starts a node that keeps its models as blocks: it makes checkpoints, and takes over those of others.</summary>
    public static async Task<LearningNode> StartWithModelsAsync(TestMesh mesh, int index, LearningOptions options)
    {
        string folder = NewFolder();
        LibraryNode library = await LibraryNode.OpenAsync(mesh.Node(index), index, Path.Combine(folder, "blocks"));
        LearningNode node = new(mesh, index, options, folder, null, null, library);
        node.Guest.Follow(node.Host);
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
        if (_library is not null)
        {
            await _library.DisposeAsync();
        }

        await _rpc.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }
}
