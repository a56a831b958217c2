using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Data;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Exchange;

/// <summary>Forty images of 28×28 in ten classes, each class with bright rows of its own: any model learns them.</summary>
internal static class TinyData
{
    public static readonly LabelledImages Images = Make();

    public static RunSettings Settings { get; } = new()
    {
        Model = "logistic",
        Faulty = 0,
        MinPeers = 2,
        Gradients = 6,
        LocalSteps = 2,
        Batch = 8,
        LearningRate = 0.1,
        Momentum = 0.5,
        EvaluateImages = 10,
    };

    public static TrainingData Of(int node) => new(new ExampleSets(Images, Images), [.. Enumerable.Range(0, Images.Count)], (ulong)node + 1, false);

    private static LabelledImages Make()
    {
        byte[] labels = [.. Enumerable.Range(0, 40).Select(i => (byte)(i % 10))];
        byte[] pixels = new byte[40 * 784];
        for (int i = 0; i < 40; i++)
        {
            pixels.AsSpan((i * 784) + (labels[i] * 56), 56).Fill((byte)(200 + i));
        }

        return new LabelledImages(pixels, labels, 28, 28, 10);
    }
}

/// <summary>Keeps events.</summary>
internal sealed class EventList : IEventSink
{
    private readonly ConcurrentQueue<MeshEvent> _events = new();

    public IEnumerable<T> Of<T>()
        where T : MeshEvent => _events.OfType<T>();

    /// <summary>Runs within <see cref="Record"/>, on the thread of whoever records.</summary>
    public Action<MeshEvent>? OnEvent { get; init; }

    public void Record(MeshEvent happened)
    {
        _events.Enqueue(happened);
        OnEvent?.Invoke(happened);
    }
}

/// <summary>Stands where the run actor is: answers offers and keeps what it is told.</summary>
internal sealed class Probe
{
    /// <summary>The answer to offers; null: each waits until <see cref="Release"/>.</summary>
    public RunProtocol.OfferAnswer? Answer { get; set; } = RunProtocol.OfferAnswer.Wanted;

    public ConcurrentQueue<object> Told { get; } = new();

    public ConcurrentQueue<IActorRef> Waiting { get; } = new();

    public IEnumerable<Contribution> Received => Told.OfType<RunProtocol.ModelReceived>().Select(m => m.Contribution);

    public IEnumerable<string> Faults => Told.OfType<RunProtocol.ModelFaulty>().Select(m => m.Reason);

    public void Release(RunProtocol.OfferAnswer answer)
    {
        while (Waiting.TryDequeue(out IActorRef? sender))
        {
            sender.Tell(answer);
        }
    }
}

internal sealed class ProbeActor : UntypedActor
{
    private readonly Probe _probe;

    public ProbeActor(Probe probe) => _probe = probe;

    protected override void OnReceive(object message)
    {
        _probe.Told.Enqueue(message);
        if (message is RunProtocol.Offer && _probe.Answer is { } answer)
        {
            Sender.Tell(answer);
        }
        else if (message is RunProtocol.Offer)
        {
            _probe.Waiting.Enqueue(Sender);
        }
    }
}

/// <summary>A node of a fabric that exchanges models of a tiny run, with a probe in the place of its run actor.</summary>
internal sealed class ExchangeNode : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("p2plearn-exchange-").FullName;
    private readonly TrainingThread _thread = new();

    private ExchangeNode(Fabric fabric, int index)
    {
        Index = index;
        Fabric = fabric.AddNode(index);
        Rpc = new RpcEndpoint(Fabric, new RpcOptions(), TimeProvider.System);
    }

    public int Index { get; }

    public FabricNode Fabric { get; }

    public PeerId Peer => Fabric.LocalPeer;

    public RpcEndpoint Rpc { get; }

    public RunContext Context { get; private set; } = null!;

    public ContributionService Service { get; private set; } = null!;

    public Probe Probe { get; } = new();

    public IActorRef Run { get; private set; } = ActorRefs.Nobody;

    public int ModelBytes => Context.ParameterCount * sizeof(float);

    public static async Task<ExchangeNode> StartAsync(Fabric fabric, ActorSystem system, int index, TimeProvider? time = null, RunSettings? settings = null)
    {
        ExchangeNode node = new(fabric, index);
        RunPlace place = new(
            TestPeers.Key(index),
            Path.Combine(node._folder, "progress.bin"),
            Path.Combine(node._folder, "model.safetensors"),
            new EventList(),
            new ExchangeTraffic(),
            time ?? TimeProvider.System,
            NullLogger.Instance);
        node.Context = await RunContext.CreateAsync(settings ?? TinyData.Settings, TinyData.Of(index), place, node._thread, null, CancellationToken.None);
        node.Service = new ContributionService(node.Context, node.Fabric, node.Rpc);
        node.Run = system.ActorOf(Props.Create(() => new ProbeActor(node.Probe)));
        node.Service.Serve(node.Run);
        return node;
    }

    /// <summary>Distinct values for each seed.</summary>
    public float[] Values(int seed) => [.. Enumerable.Range(0, Context.ParameterCount).Select(i => (float)Math.Sin(i + (seed * 0.7)))];

    /// <summary>A contribution of this node to these values.</summary>
    public Contribution Sign(float[] values, uint round = 1, Func<Contribution, Contribution>? change = null)
    {
        Contribution contribution = new()
        {
            Run = Context.Run,
            Round = round,
            Peer = Peer.ToReplica(),
            Root = Hash256.Of(MemoryMarshal.AsBytes(values.AsSpan())),
            LayoutHash = Context.Layout,
            ModelBytes = (ulong)ModelBytes,
            SampleCount = 16,
        };
        contribution = change?.Invoke(contribution) ?? contribution;
        using KeyPair key = TestPeers.Key(Index);
        return contribution with { Signature = Signature64.FromBytes(key.Sign(contribution.SignedBytes())) };
    }

    /// <summary>Puts a contribution of this node with its values into this node's store.</summary>
    public Contribution Make(float[] values, uint round = 1)
    {
        Contribution contribution = Sign(values, round);
        Keep(contribution, values);
        return contribution;
    }

    public void Keep(Contribution contribution, float[] values)
    {
        ModelBuffer model = Context.Pool.Rent();
        values.CopyTo(model.Values);
        Assert.True(Context.Models.Add(contribution, model));
    }

    public Task<PushVerdict> PushAsync(ExchangeNode to, Contribution contribution) =>
        Service.PushAsync(to.Peer, contribution, CancellationToken.None).LimitAsync("the push");

    public Task<bool> FetchAsync(Contribution contribution, params ExchangeNode[] sources) =>
        Service.FetchAsync(contribution, [.. sources.Select(s => s.Peer)], CancellationToken.None).LimitAsync("the fetch");

    /// <summary>Pushes any head and then any model, as a program that is not ours would.</summary>
    public Task<PushVerdict> PushRawAsync(ExchangeNode to, ReadOnlyMemory<byte> head, byte[]? model) => PushRawAsync(to.Peer, head, model);

    /// <summary>Pushes any head and then any model, as a program that is not ours would.</summary>
    public async Task<PushVerdict> PushRawAsync(PeerId to, ReadOnlyMemory<byte> head, byte[]? model)
    {
        await using RpcCall call = await Rpc.OpenAsync(to, ContributionService.PushMethod, new RpcCallOptions(Within.Limit, 1), CancellationToken.None);
        await call.WriteAsync(head, CancellationToken.None);
        PushVerdict verdict = await NextVerdictAsync(call);
        if (verdict != PushVerdict.Wanted)
        {
            return verdict;
        }

        if (model is not null)
        {
            await call.WriteAsync(model, CancellationToken.None);
        }

        await call.CompleteAsync(CancellationToken.None);
        return await NextVerdictAsync(call);
    }

    public static async Task<PushVerdict> NextVerdictAsync(RpcCall call)
    {
        using RpcPayload? verdict = await call.ReadMessageAsync(1, CancellationToken.None).LimitAsync("a verdict");
        return (PushVerdict)verdict!.Value.Span[0];
    }

    /// <summary>Waits until so many buffers are on loan: handlers end a little after their callers.</summary>
    public Task LentAsync(int count) => Within.UntilAsync(() => Context.Pool.LentCount == count, $"{count} buffers on loan at {Index}");

    public async ValueTask DisposeAsync()
    {
        await Rpc.DisposeAsync();
        await Context.DisposeAsync();
        await _thread.DisposeAsync();
        await LentAsync(0);
        Directory.Delete(_folder, recursive: true);
    }
}
