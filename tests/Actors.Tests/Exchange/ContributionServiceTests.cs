using System.Runtime.InteropServices;
using Akka.Actor;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Exchange;

/// <remarks>Every node checks at its end that all models were given back.</remarks>
public sealed class ContributionServiceTests : IAsyncLifetime
{
    private readonly Fabric _fabric = new();
    private readonly ActorSystem _system = ActorSystem.Create("exchange", "akka.loglevel = OFF");
    private readonly List<ExchangeNode> _nodes = [];
    private ExchangeNode _maker = null!;
    private ExchangeNode _receiver = null!;

    public async ValueTask InitializeAsync()
    {
        _maker = await AddAsync();
        _receiver = await AddAsync();
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
    public async Task An_honest_push_arrives_bit_for_bit_and_is_counted()
    {
        float[] values = _maker.Values(1);
        Contribution contribution = _maker.Make(values);

        Assert.Equal(PushVerdict.Accepted, await _maker.PushAsync(_receiver, contribution));

        await Within.UntilAsync(() => _receiver.Probe.Received.Any(), "the run hears of the model");
        Assert.Equal(contribution, Assert.Single(_receiver.Probe.Received));
        Assert.True(_receiver.Context.Models.TryTake(1, contribution.Peer, contribution.Root, out ModelBuffer? model));
        Assert.Equal(values, model.Values.ToArray());
        model.Release();
        Assert.Equal(_maker.ModelBytes, _maker.Context.Traffic.Sent);
        Assert.Equal(_maker.ModelBytes, _receiver.Context.Traffic.Received);
        await _receiver.LentAsync(1);
        await _maker.LentAsync(1);
        Assert.Empty(_receiver.Fabric.Penalties);
    }

    [Theory]
    [InlineData(RunProtocol.OfferAnswer.NotWanted)]
    [InlineData(RunProtocol.OfferAnswer.AlreadyHeld)]
    public async Task Of_a_model_that_is_not_wanted_no_byte_is_sent(RunProtocol.OfferAnswer answer)
    {
        _receiver.Probe.Answer = answer;
        Assert.Equal(PushVerdict.NotWanted, await _maker.PushAsync(_receiver, _maker.Make(_maker.Values(1))));
        Assert.Equal(0, _maker.Context.Traffic.Sent);
        Assert.InRange(_fabric.BytesSent(_maker.Peer, _receiver.Peer), 1, 2000);
        await _receiver.LentAsync(0);
    }

    [Fact]
    public async Task A_push_whose_model_is_gone_is_not_begun()
    {
        Contribution contribution = _maker.Make(_maker.Values(1));
        _maker.Context.Models.DropBelow(2);
        Assert.Equal(PushVerdict.NotWanted, await _maker.PushAsync(_receiver, contribution));
        Assert.Equal(0, _fabric.BytesSent(_maker.Peer, _receiver.Peer));
    }

    [Fact]
    public async Task A_head_that_its_sender_did_not_sign_lowers_the_senders_score()
    {
        ExchangeNode other = await AddAsync();
        float[] values = _maker.Values(1);
        Contribution good = _maker.Sign(values);
        byte[][] heads =
        [
            ContributionCodec.Encode(good with { SampleCount = 17 }), // signed, then changed
            ContributionCodec.Encode(good with { Signature = default }),
            ContributionCodec.Encode(other.Sign(values)), // well signed, but not by the sender
            ContributionCodec.Encode(good)[..^1],
            [],
            new byte[ContributionService.MaxHeadBytes],
        ];
        for (int i = 0; i < heads.Length; i++)
        {
            RpcException error = await Assert.ThrowsAsync<RpcException>(() => _maker.PushRawAsync(_receiver, heads[i], null));
            Assert.Equal(RpcStatus.InvalidArgument, error.Status);
            Assert.Equal(i + 1, _receiver.Fabric.Penalties.Count(p => p == (_maker.Peer, EndReason.MalformedMessage)));
        }

        Assert.Empty(_receiver.Probe.Told);
    }

    [Fact]
    public async Task A_head_that_is_too_long_is_not_read()
    {
        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => _maker.PushRawAsync(_receiver, new byte[ContributionService.MaxHeadBytes + 1], null));
        Assert.Equal(RpcStatus.ResourceExhausted, error.Status);
        Assert.Empty(_receiver.Probe.Told);
    }

    [Fact]
    public async Task A_contribution_to_another_run_is_not_wanted_and_the_run_hears_nothing()
    {
        Contribution other = _maker.Sign(_maker.Values(1), change: c => c with { Run = RunId.Of([7]) });
        Assert.Equal(PushVerdict.NotWanted, await _maker.PushRawAsync(_receiver, ContributionCodec.Encode(other), null));
        Assert.Empty(_receiver.Probe.Told);
    }

    [Fact]
    public async Task Without_a_run_nothing_is_wanted()
    {
        _receiver.Service.Unserve(_maker.Run); // not the one that is served
        Contribution contribution = _maker.Make(_maker.Values(1));
        Assert.Equal(PushVerdict.Accepted, await _maker.PushAsync(_receiver, contribution));
        _receiver.Service.Unserve(_receiver.Run);
        Assert.Equal(PushVerdict.NotWanted, await _maker.PushAsync(_receiver, contribution));
    }

    [Theory]
    [InlineData("layout")]
    [InlineData("length")]
    [InlineData("codec")]
    public async Task A_head_that_cannot_be_of_this_run_is_told_as_faulty_and_no_model_is_asked_for(string fault)
    {
        Contribution contribution = _maker.Sign(_maker.Values(1), change: c => fault switch
        {
            "layout" => c with { LayoutHash = Hash256.Of([1]) },
            "length" => c with { ModelBytes = c.ModelBytes + 4 },
            _ => c with { Base = Hash256.Of([2]) },
        });
        Assert.Equal(PushVerdict.NotWanted, await _maker.PushRawAsync(_receiver, ContributionCodec.Encode(contribution), null));
        await FaultAsync(fault);
        Assert.Single(_receiver.Probe.Told);
    }

    [Theory]
    [InlineData(-4)]
    [InlineData(4)]
    [InlineData(2000)]
    [InlineData(1_000_000)]
    [InlineData(int.MinValue)] // no model at all
    public async Task A_model_of_another_length_than_announced_is_its_senders_fault(int more)
    {
        byte[]? model = more == int.MinValue ? null : new byte[_maker.ModelBytes + more];
        RpcException error = await Assert.ThrowsAsync<RpcException>(
            () => _maker.PushRawAsync(_receiver, ContributionCodec.Encode(_maker.Sign(_maker.Values(1))), model));
        Assert.Equal(RpcStatus.InvalidArgument, error.Status);
        await FaultAsync("length");
        Assert.Equal([(_maker.Peer, EndReason.MalformedMessage)], _receiver.Fabric.Penalties);
    }

    [Fact]
    public async Task A_model_that_is_not_the_announced_one_lowers_the_senders_score()
    {
        byte[] other = MemoryMarshal.AsBytes(_maker.Values(2).AsSpan()).ToArray();
        Assert.Equal(PushVerdict.Refused, await _maker.PushRawAsync(_receiver, ContributionCodec.Encode(_maker.Sign(_maker.Values(1))), other));
        await FaultAsync("hash");
        Assert.Equal([(_maker.Peer, EndReason.AuthenticationFailed)], _receiver.Fabric.Penalties);
    }

    [Theory]
    [InlineData(float.NaN, "finite")]
    [InlineData(float.PositiveInfinity, "finite")]
    [InlineData(float.MaxValue, "norm")]
    [InlineData(1e9f, "norm")]
    public async Task A_model_that_would_spoil_the_mixing_is_refused(float poison, string fault)
    {
        float[] values = _maker.Values(1);
        values[17] = poison;
        Assert.Equal(PushVerdict.Refused, await _maker.PushAsync(_receiver, _maker.Make(values)));
        await FaultAsync(fault);
    }

    [Fact]
    public async Task The_second_model_of_one_maker_for_a_round_is_refused()
    {
        Contribution first = _maker.Make(_maker.Values(1));
        Assert.Equal(PushVerdict.Accepted, await _maker.PushAsync(_receiver, first));
        float[] values = _maker.Values(2);
        byte[] model = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
        Assert.Equal(PushVerdict.Refused, await _maker.PushRawAsync(_receiver, ContributionCodec.Encode(_maker.Sign(values)), model));
        await _receiver.LentAsync(1);
        Assert.Single(_receiver.Probe.Received);
    }

    [Fact]
    public async Task One_peer_has_so_many_pushes_at_once_and_no_more()
    {
        _receiver.Probe.Answer = null;
        Contribution[] all = [.. Enumerable.Range(1, ContributionService.MaxPushesPerPeer + 1).Select(i => _maker.Make(_maker.Values(i), (uint)i))];
        Task<PushVerdict>[] first = [.. all[..^1].Select(c => _maker.PushAsync(_receiver, c))];
        await Within.UntilAsync(() => _receiver.Probe.Waiting.Count == first.Length, "the offers");

        RpcException error = await Assert.ThrowsAsync<RpcException>(() => _maker.PushAsync(_receiver, all[^1]));
        Assert.Equal(RpcStatus.ResourceExhausted, error.Status);

        _receiver.Probe.Release(RunProtocol.OfferAnswer.NotWanted);
        Assert.All(await Task.WhenAll(first), verdict => Assert.Equal(PushVerdict.NotWanted, verdict));
        _receiver.Probe.Answer = RunProtocol.OfferAnswer.Wanted;
        Assert.Equal(PushVerdict.Accepted, await _maker.PushAsync(_receiver, all[^1]));
    }

    [Fact]
    public async Task When_memory_is_out_a_push_is_refused_before_its_model_and_own_work_goes_on()
    {
        List<ModelBuffer> held = [];
        while (_receiver.Context.Pool.TryRent(out ModelBuffer? buffer))
        {
            held.Add(buffer);
        }

        Contribution contribution = _maker.Make(_maker.Values(1));
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => _maker.PushAsync(_receiver, contribution));
        Assert.Equal(RpcStatus.ResourceExhausted, error.Status);
        Assert.Equal(0, _maker.Context.Traffic.Sent);
        Assert.False(await _receiver.FetchAsync(contribution, _maker));
        await _receiver.Context.CommitAsync(1).LimitAsync("a commit without a buffer to spare");

        held.ForEach(buffer => buffer.Release());
        Assert.Equal(PushVerdict.Accepted, await _maker.PushAsync(_receiver, contribution));
        await _receiver.LentAsync(2);
    }

    [Fact]
    public async Task A_push_that_breaks_off_or_is_overdue_gives_its_memory_back()
    {
        ManualTimers time = new();
        ExchangeNode receiver = await AddAsync(time);
        byte[] head = ContributionCodec.Encode(_maker.Sign(_maker.Values(1)));
        foreach (Action end in (Action[])[() => _fabric.Disconnect(_maker.Peer, receiver.Peer), time.FireAll])
        {
            await using RpcCall call = await _maker.Rpc.OpenAsync(
                receiver.Peer, ContributionService.PushMethod, new RpcCallOptions(Timeout.InfiniteTimeSpan, 1), CancellationToken.None);
            await call.WriteAsync(head, CancellationToken.None);
            Assert.Equal(PushVerdict.Wanted, await ExchangeNode.NextVerdictAsync(call));
            await receiver.LentAsync(1);
            end();
            await Assert.ThrowsAsync<RpcException>(() => ExchangeNode.NextVerdictAsync(call));
            await receiver.LentAsync(0);
        }

        Assert.Empty(receiver.Probe.Received);
    }

    [Fact]
    public async Task A_model_is_fetched_by_its_hash()
    {
        float[] values = _maker.Values(1);
        Contribution contribution = _maker.Make(values);
        Assert.True(await _receiver.FetchAsync(contribution, _maker));
        Assert.True(_receiver.Context.Models.TryTake(1, contribution.Peer, contribution.Root, out ModelBuffer? model));
        Assert.Equal(values, model.Values.ToArray());
        model.Release();
        Assert.Equal(_maker.ModelBytes, _receiver.Context.Traffic.Received);
        Assert.Equal(_maker.ModelBytes, _maker.Context.Traffic.Sent);
    }

    [Fact]
    public async Task An_unknown_or_malformed_hash_is_answered_with_an_error()
    {
        Assert.False(await _receiver.FetchAsync(_maker.Sign(_maker.Values(1)), _maker));
        foreach ((int length, RpcStatus status) in ((int, RpcStatus)[])[(32, RpcStatus.NotFound), (31, RpcStatus.InvalidArgument), (0, RpcStatus.InvalidArgument), (33, RpcStatus.ResourceExhausted)])
        {
            await using RpcCall call = await _receiver.Rpc.OpenAsync(_maker.Peer, ContributionService.GetMethod, default, CancellationToken.None);
            await call.WriteAsync(new byte[length], CancellationToken.None);
            await call.CompleteAsync(CancellationToken.None);
            RpcException error = await Assert.ThrowsAsync<RpcException>(() => call.NextAsync(CancellationToken.None).LimitAsync("the answer"));
            Assert.Equal(status, error.Status);
        }
    }

    [Fact]
    public async Task A_fetch_goes_from_source_to_source_and_a_liar_pays()
    {
        FabricNode liar = _fabric.AddNode(8);
        await using RpcEndpoint lies = new(liar, new RpcOptions(), TimeProvider.System);
        lies.MapStream(ContributionService.GetMethod, async (call, cancellationToken) => await call.WriteAsync(new byte[_maker.ModelBytes], cancellationToken));
        FabricNode shortLiar = _fabric.AddNode(9);
        await using RpcEndpoint shortLies = new(shortLiar, new RpcOptions(), TimeProvider.System);
        shortLies.MapStream(ContributionService.GetMethod, async (call, cancellationToken) => await call.WriteAsync(new byte[12], cancellationToken));
        ExchangeNode empty = await AddAsync();
        Contribution contribution = _maker.Make(_maker.Values(1));

        Assert.True(await _receiver.Service.FetchAsync(
            contribution, [TestPeers.Id(99), empty.Peer, shortLiar.LocalPeer, liar.LocalPeer, _maker.Peer], CancellationToken.None).LimitAsync("the fetch"));

        Assert.Equal([(liar.LocalPeer, EndReason.AuthenticationFailed)], _receiver.Fabric.Penalties);
        await _receiver.LentAsync(1);
    }

    [Fact]
    public async Task A_fetched_model_that_is_none_is_told_once_and_asked_of_nobody_else()
    {
        float[] values = _maker.Values(1);
        values[0] = float.NaN;
        Contribution contribution = _maker.Make(values);
        ExchangeNode other = await AddAsync();
        other.Keep(contribution, values);
        Assert.False(await _receiver.FetchAsync(contribution, _maker, other));
        await FaultAsync("finite");
        Assert.Equal(0, other.Context.Traffic.Sent);
    }

    [Fact]
    public async Task A_fetch_that_is_given_up_gives_its_memory_back()
    {
        FabricNode silent = _fabric.AddNode(8);
        await using RpcEndpoint rpc = new(silent, new RpcOptions(), TimeProvider.System);
        rpc.MapStream(ContributionService.GetMethod, async (call, cancellationToken) =>
        {
            while (await call.NextAsync(cancellationToken) >= 0)
            {
            }

            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
        });
        using CancellationTokenSource stop = new();
        Task<bool> fetch = _receiver.Service.FetchAsync(_maker.Sign(_maker.Values(1)), [silent.LocalPeer], stop.Token);
        await Within.UntilAsync(() => rpc.ServedCallCount == 1, "the request");
        await _receiver.LentAsync(1);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => fetch.LimitAsync("the fetch's end"));
        await _receiver.LentAsync(0);
    }

    private async Task<ExchangeNode> AddAsync(TimeProvider? time = null)
    {
        ExchangeNode node = await ExchangeNode.StartAsync(_fabric, _system, _nodes.Count, time);
        _nodes.Add(node);
        return node;
    }

    /// <summary>The run heard of this fault and of nothing that it could mix; nothing stays in memory.</summary>
    private async Task FaultAsync(string reason)
    {
        await Within.UntilAsync(() => _receiver.Probe.Faults.Any(), "the run hears of the fault");
        await _receiver.LentAsync(0);
        Assert.Equal([reason], _receiver.Probe.Faults);
        Assert.Empty(_receiver.Probe.Received);
    }

    /// <summary>The system's clock, whose timers fire when the test says so.</summary>
    private sealed class ManualTimers : TimeProvider
    {
        private readonly Lock _gate = new();
        private readonly List<(TimerCallback Callback, object? State)> _timers = [];

        public void FireAll()
        {
            (TimerCallback Callback, object? State)[] due;
            lock (_gate)
            {
                due = [.. _timers];
                _timers.Clear();
            }

            foreach ((TimerCallback callback, object? state) in due)
            {
                callback(state);
            }
        }

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            lock (_gate)
            {
                _timers.Add((callback, state));
            }

            return new Silent();
        }

        private sealed class Silent : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
