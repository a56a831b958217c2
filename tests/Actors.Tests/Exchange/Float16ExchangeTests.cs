using System.Runtime.InteropServices;
using Akka.Actor;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Rounds;
using P2PLearn.Actors.Training;
using P2PLearn.Crdt.Contributions;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Exchange;

/// <summary>A run whose models travel in 16 bits a parameter.</summary>
public sealed class Float16ExchangeTests : IAsyncLifetime
{
    private static readonly RunSettings Settings = TinyData.Settings with { ExchangePrecision = "float16" };

    private readonly Fabric _fabric = new();
    private readonly ActorSystem _system = ActorSystem.Create("exchange16", "akka.loglevel = OFF");
    private readonly List<ExchangeNode> _nodes = [];

    public async ValueTask InitializeAsync()
    {
        for (int i = 0; i < 3; i++)
        {
            _nodes.Add(await ExchangeNode.StartAsync(_fabric, _system, i, settings: Settings));
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _system.Terminate().LimitAsync("the actor system's end");
        foreach (ExchangeNode node in _nodes)
        {
            await node.DisposeAsync();
        }

        await _fabric.DisposeAsync();
    }

    [Fact]
    public async Task Half_the_bytes_travel_and_all_hold_the_model_that_its_maker_goes_on_with()
    {
        (ExchangeNode maker, ExchangeNode pushed, ExchangeNode fetched) = (_nodes[0], _nodes[1], _nodes[2]);
        long bytes = 2L * maker.Context.ParameterCount;
        await maker.Context.TrainAsync(1, 2);
        Contribution contribution = (await maker.Context.CommitAsync(1)).Contribution;
        Assert.Equal((ModelCodec.Float16, (ulong)bytes), (contribution.Codec, contribution.ModelBytes));

        Assert.Equal(PushVerdict.Accepted, await maker.PushAsync(pushed, contribution));
        Assert.True(await fetched.FetchAsync(contribution, pushed));

        float[] own = ValuesAt(maker, contribution);
        Assert.All(own, v => Assert.Equal((float)(Half)v, v));
        Assert.Equal(own, ValuesAt(pushed, contribution));
        Assert.Equal(own, ValuesAt(fetched, contribution));
        Assert.Equal((bytes, bytes, bytes), (maker.Context.Traffic.Sent, pushed.Context.Traffic.Received, fetched.Context.Traffic.Received));

        // The rule finds the maker's own model, bit for bit, among those that it mixes.
        Assert.NotNull((await maker.Context.MixAsync(1, [contribution.ToRef()!.Value])).Outcome);
    }

    [Fact]
    public async Task A_model_that_is_too_large_for_16_bits_is_refused()
    {
        byte[] infinite = MemoryMarshal.AsBytes(Enumerable.Repeat((Half)70_000f, _nodes[0].Context.ParameterCount).ToArray().AsSpan()).ToArray();
        Contribution head = _nodes[0].Sign(_nodes[0].Values(1), change: c => c with
        {
            Codec = ModelCodec.Float16, ModelBytes = (ulong)infinite.Length, Root = Hash256.Of(infinite),
        });
        Assert.Equal(PushVerdict.Refused, await _nodes[0].PushRawAsync(_nodes[1], ContributionCodec.Encode(head), infinite));
        await Within.UntilAsync(() => _nodes[1].Probe.Faults.Any(), "the run hears of the fault");
        Assert.Equal(["finite"], _nodes[1].Probe.Faults);
    }

    [Fact]
    public async Task A_model_in_32_bits_is_not_of_this_run()
    {
        Contribution head = _nodes[0].Sign(_nodes[0].Values(1));
        Assert.Equal(PushVerdict.NotWanted, await _nodes[0].PushRawAsync(_nodes[1], ContributionCodec.Encode(head), null));
        await Within.UntilAsync(() => _nodes[1].Probe.Faults.Any(), "the run hears of the fault");
        Assert.Equal(["codec"], _nodes[1].Probe.Faults);
    }

    [Fact]
    public async Task Who_was_killed_after_its_commit_has_the_same_contribution_again()
    {
        string folder = Directory.CreateTempSubdirectory("p2plearn-float16-").FullName;
        await using TrainingThread thread = new();
        Contribution committed;
        await using (RunContext first = await CreateAsync(folder, thread))
        {
            await first.ResumeAsync();
            await first.TrainAsync(1, 2);
            committed = (await first.CommitAsync(1)).Contribution;
        }

        await using (RunContext second = await CreateAsync(folder, thread))
        {
            Assert.Equal(committed, (await second.ResumeAsync()).Committed);
            Assert.True(second.Models.TryTake(1, committed.Peer, committed.Root, out ModelBuffer? model));
            Assert.Equal(committed.Root, Hash256.Of(model.WireBytes.Span));
            model.Release();
            Assert.NotNull((await second.MixAsync(1, [committed.ToRef()!.Value])).Outcome);
        }

        Directory.Delete(folder, recursive: true);
    }

    private static Task<RunContext> CreateAsync(string folder, TrainingThread thread)
    {
        RunPlace place = new(
            TestPeers.Key(7), Path.Combine(folder, "progress.bin"), Path.Combine(folder, "model.safetensors"),
            new EventList(), new ExchangeTraffic(), TimeProvider.System, NullLogger.Instance);
        return RunContext.CreateAsync(Settings, TinyData.Of(0), place, thread, null, CancellationToken.None);
    }

    private static float[] ValuesAt(ExchangeNode node, Contribution contribution)
    {
        Assert.True(node.Context.Models.TryTake(1, contribution.Peer, contribution.Root, out ModelBuffer? model));
        float[] values = model.Values.ToArray();
        model.Release();
        return values;
    }
}
