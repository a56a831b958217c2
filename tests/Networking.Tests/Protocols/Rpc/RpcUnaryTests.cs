using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

public sealed class RpcUnaryTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(128)]
    [InlineData(RpcFrame.MaxChunkBytes - 1)]
    [InlineData(RpcFrame.MaxChunkBytes)]
    [InlineData(RpcFrame.MaxChunkBytes + 1)]
    [InlineData(1_000_000)]
    public async Task Requests_and_answers_of_any_length_arrive_whole(int length)
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        byte[] request = RpcPair.Pattern(length);
        Assert.Equal(request, await pair.CallAsync("echo", request));
        Assert.Equal(request, await pair.CallAsync("echo", request));
    }

    [Fact]
    public async Task A_thousand_calls_at_once_of_all_lengths_get_their_own_answers_over_one_stream()
    {
        await using var pair = new RpcPair(streamBufferBytes: 32 * 1024);
        pair.MapEcho();
        int peak = 0;
        Task[] calls = [.. Enumerable.Range(0, 1000).Select(async i =>
        {
            byte[] request = RpcPair.Pattern(i % 50 == 0 ? 150_000 : i % 700, i);
            Assert.Equal(request, await pair.CallAsync("echo", request));
            peak = Math.Max(peak, pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId));
        })];
        await Task.WhenAll(calls).LimitAsync("a thousand calls");
        Assert.Equal(1, peak);
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the callee to forget all calls");
    }

    [Fact]
    public async Task Both_sides_call_each_other_at_once()
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        pair.Caller.Map("len", (request, _) => ValueTask.FromResult(RpcPayload.Copy(BitConverter.GetBytes(request.Body.Length))));
        Task<byte[]> forth = pair.CallAsync("echo", new byte[] { 1, 2, 3 });
        using RpcPayload back = await pair.Callee.CallAsync(pair.CallerId, "len", new byte[77], default).LimitAsync("the answer");
        Assert.Equal(77, BitConverter.ToInt32(back.Span));
        Assert.Equal([1, 2, 3], await forth);
    }

    [Fact]
    public async Task The_handler_sees_who_asks_and_how_long_there_is()
    {
        await using var pair = new RpcPair();
        RpcRequest? seen = null;
        pair.Callee.Map("who", (request, _) =>
        {
            seen = request;
            return ValueTask.FromResult(RpcPayload.Empty);
        });
        Assert.Empty(await pair.CallAsync("who", default, new RpcCallOptions(TimeSpan.FromSeconds(50))));
        Assert.Equal(pair.CallerId, seen!.Value.Peer);
        Assert.Equal("who", seen.Value.Method);
        Assert.InRange(seen.Value.Timeout, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(50.001));
    }

    [Fact]
    public async Task An_inline_handler_answers_too_even_when_it_finishes_later()
    {
        await using var pair = new RpcPair();
        pair.Callee.Map("slow", async (request, ct) =>
        {
            await Task.Yield();
            return RpcPayload.Copy(request.Body.Span);
        }, new RpcMethodOptions { RunInline = true });
        Assert.Equal([9], await pair.CallAsync("slow", new byte[] { 9 }));
    }

    [Fact]
    public async Task An_unknown_method_is_NotFound_and_one_mapped_later_is_found_on_the_same_stream()
    {
        await using var pair = new RpcPair();
        RpcException error = await RpcPair.FailsAsync(RpcStatus.NotFound, () => pair.CallAsync("echo", default));
        Assert.Contains("echo", error.Message, StringComparison.Ordinal);
        pair.MapEcho();
        Assert.Equal([5], await pair.CallAsync("echo", new byte[] { 5 }));
    }

    [Fact]
    public async Task A_streamed_method_is_NotFound_as_unary()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("streamed", (_, _) => Task.CompletedTask);
        await RpcPair.FailsAsync(RpcStatus.NotFound, () => pair.CallAsync("streamed", default));
    }

    [Fact]
    public async Task What_a_handler_throws_decides_the_status_and_only_its_own_text_travels()
    {
        await using var pair = new RpcPair();
        pair.Callee.Map("typed", (_, _) => throw new RpcException(RpcStatus.PermissionDenied, "members only"));
        pair.Callee.Map("bug", async (_, _) =>
        {
            await Task.Yield();
            throw new InvalidOperationException("secret");
        });
        pair.Callee.Map("cancel", (_, _) => throw new OperationCanceledException());
        RpcException typed = await RpcPair.FailsAsync(RpcStatus.PermissionDenied, () => pair.CallAsync("typed", default));
        Assert.Equal("members only", typed.Message);
        RpcException bug = await RpcPair.FailsAsync(RpcStatus.Internal, () => pair.CallAsync("bug", default));
        Assert.DoesNotContain("secret", bug.Message, StringComparison.Ordinal);
        await RpcPair.FailsAsync(RpcStatus.Cancelled, () => pair.CallAsync("cancel", default));
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the callee to forget all calls");
    }

    [Fact]
    public async Task A_long_failure_text_is_cut_and_its_control_characters_dropped()
    {
        await using var pair = new RpcPair();
        pair.Callee.Map("long", (_, _) => throw new RpcException(RpcStatus.InvalidArgument, "\u001b[31m" + new string('ü', 5000)));
        RpcException error = await RpcPair.FailsAsync(RpcStatus.InvalidArgument, () => pair.CallAsync("long", default));
        Assert.StartsWith("[31mü", error.Message, StringComparison.Ordinal);
        Assert.InRange(error.Message.Length, 300, RpcFrame.MaxTextBytes);
    }

    [Fact]
    public async Task Cancelling_ends_the_call_here_and_fires_the_handlers_token_there()
    {
        await using var pair = new RpcPair();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.Map("wait", async (_, ct) =>
        {
            using CancellationTokenRegistration registration = ct.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
            return RpcPayload.Empty;
        });
        using var source = new CancellationTokenSource();
        Task<byte[]> call = pair.CallAsync("wait", default, default, source.Token);
        await started.Task.LimitAsync("the handler to start");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        await cancelled.Task.LimitAsync("the handler's token to fire");
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the callee to forget the call");
    }

    [Fact]
    public async Task A_token_that_has_fired_sends_nothing()
    {
        await using var pair = new RpcPair();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => pair.CallAsync("echo", default, default, new CancellationToken(true)));
        Assert.Equal(0, pair.Fabric.BytesSent(pair.CallerId));
    }

    [Fact]
    public async Task A_deadline_ends_the_call_on_both_sides()
    {
        var time = new FakeTimeProvider();
        await using var pair = new RpcPair(time: time);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.Map("wait", async (request, ct) =>
        {
            Assert.Equal(TimeSpan.FromSeconds(3), request.Timeout);
            using CancellationTokenRegistration registration = ct.Register(over.SetResult);
            started.SetResult();
            await over.Task;
            return RpcPayload.Empty;
        });
        Task call = RpcPair.FailsAsync(RpcStatus.DeadlineExceeded, () => pair.CallAsync("wait", default, new RpcCallOptions(TimeSpan.FromSeconds(3))));
        await started.Task.LimitAsync("the handler to start");
        time.Advance(TimeSpan.FromSeconds(2.9));
        Assert.False(call.IsCompleted);
        Assert.False(over.Task.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(0.2));
        await call;
        await over.Task.LimitAsync("the handler's token to fire");
    }

    [Fact]
    public async Task A_later_deadline_is_kept_after_an_earlier_one_has_passed()
    {
        var time = new FakeTimeProvider();
        await using var pair = new RpcPair(time: time);
        var never = new TaskCompletionSource<RpcPayload>();
        int started = 0;
        pair.Callee.Map("wait", (_, ct) =>
        {
            Interlocked.Increment(ref started);
            return new ValueTask<RpcPayload>(never.Task.WaitAsync(ct));
        });
        Task late = RpcPair.FailsAsync(RpcStatus.DeadlineExceeded, () => pair.CallAsync("wait", default, new RpcCallOptions(TimeSpan.FromSeconds(9))));
        Task early = RpcPair.FailsAsync(RpcStatus.DeadlineExceeded, () => pair.CallAsync("wait", default, new RpcCallOptions(TimeSpan.FromSeconds(2))));
        Task endless = pair.CallAsync("wait", default, new RpcCallOptions(Timeout.InfiniteTimeSpan));
        await Within.UntilAsync(() => started == 3, "three handlers to start");
        time.Advance(TimeSpan.FromSeconds(2.1));
        await early;
        Assert.False(late.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(7));
        await late;
        Assert.False(endless.IsCompleted);
        never.SetResult(RpcPayload.Empty);
        await endless;
    }

    [Fact]
    public async Task The_callee_ends_what_asks_for_more_time_than_it_gives()
    {
        var time = new FakeTimeProvider();
        await using var pair = new RpcPair(new RpcOptions { MaxServeTime = TimeSpan.FromSeconds(5) }, time);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.Map("wait", async (_, ct) =>
        {
            started.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, time, ct);
            return RpcPayload.Empty;
        });
        Task call = RpcPair.FailsAsync(
            RpcStatus.DeadlineExceeded, () => pair.CallAsync("wait", default, new RpcCallOptions(Timeout.InfiniteTimeSpan)));
        await started.Task.LimitAsync("the handler to start");
        time.Advance(TimeSpan.FromSeconds(5.1));
        await call;
    }

    [Fact]
    public async Task Losing_the_peer_fails_calls_with_Unavailable_and_healing_lets_new_ones_through()
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.Map("wait", async (_, ct) =>
        {
            using CancellationTokenRegistration registration = ct.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
            return RpcPayload.Empty;
        });
        Task<byte[]> call = pair.CallAsync("wait", default);
        await started.Task.LimitAsync("the handler to start");
        pair.Fabric.Cut(pair.CallerId, pair.CalleeId);
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => call);
        await cancelled.Task.LimitAsync("the handler's token to fire");
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => pair.CallAsync("echo", default));
        pair.Fabric.Heal(pair.CallerId, pair.CalleeId);
        Assert.Equal([1], await pair.CallAsync("echo", new byte[] { 1 }));
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the callee to forget all calls");
    }

    [Fact]
    public async Task A_request_beyond_the_methods_limit_is_refused_before_it_is_read()
    {
        await using var pair = new RpcPair();
        pair.Callee.Map("small", (_, _) => throw new InvalidOperationException("must not run"), new RpcMethodOptions { MaxRequestBytes = 1000 });
        await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => pair.CallAsync("small", new byte[1001]));
        await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => pair.CallAsync("small", new byte[300_000]));
        pair.MapEcho();
        Assert.Equal([1], await pair.CallAsync("echo", new byte[] { 1 }));
    }

    [Fact]
    public async Task An_answer_beyond_the_callers_limit_is_refused_and_the_lane_goes_on()
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        await RpcPair.FailsAsync(
            RpcStatus.ResourceExhausted, () => pair.CallAsync("echo", new byte[200_000], new RpcCallOptions(MaxResponseBytes: 100)));
        Assert.Equal(new byte[100], await pair.CallAsync("echo", new byte[100], new RpcCallOptions(MaxResponseBytes: 100)));
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the callee to forget all calls");
    }

    [Fact]
    public async Task Calls_beyond_the_callers_limit_wait_their_turn_and_beyond_that_fail()
    {
        await using var pair = new RpcPair(new RpcOptions { MaxCallsInFlightPerPeer = 2, MaxWaitingCallsPerPeer = 1 });
        using var gate = new SemaphoreSlim(0);
        int running = 0;
        pair.Callee.Map("wait", async (_, ct) =>
        {
            Interlocked.Increment(ref running);
            await gate.WaitAsync(ct);
            return RpcPayload.Empty;
        });
        Task<byte[]>[] calls = [pair.CallAsync("wait", default), pair.CallAsync("wait", default)];
        await Within.UntilAsync(() => running == 2, "two handlers to run");
        Task<byte[]> waiting = pair.CallAsync("wait", default);
        await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => pair.CallAsync("wait", default));
        Assert.Equal(2, running);
        gate.Release(3);
        await Task.WhenAll([.. calls, waiting]).LimitAsync("all three");
        Assert.Equal(3, running);
    }

    [Fact]
    public async Task A_waiting_call_can_be_cancelled()
    {
        await using var pair = new RpcPair(new RpcOptions { MaxCallsInFlightPerPeer = 1 });
        var gate = new TaskCompletionSource<RpcPayload>(TaskCreationOptions.RunContinuationsAsynchronously);
        int running = 0;
        pair.Callee.Map("wait", (_, _) =>
        {
            Interlocked.Increment(ref running);
            return new ValueTask<RpcPayload>(gate.Task);
        });
        Task<byte[]> first = pair.CallAsync("wait", default);
        await Within.UntilAsync(() => running == 1, "the handler to run");
        using var source = new CancellationTokenSource();
        Task<byte[]> second = pair.CallAsync("wait", default, default, source.Token);
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        gate.SetResult(RpcPayload.Empty);
        await first;
        Assert.Equal(1, running);
    }

    [Fact]
    public async Task Calls_beyond_the_callees_limits_are_refused()
    {
        var callerOptions = new RpcOptions();
        await using var pair = new RpcPair();
        FabricNode strict = pair.Fabric.AddNode(2);
        await using var callee = new RpcEndpoint(
            strict, callerOptions with { MaxServedCallsPerPeer = 2, MaxHeldRequestBytesPerPeer = 500 }, TimeProvider.System);
        var gate = new TaskCompletionSource<RpcPayload>(TaskCreationOptions.RunContinuationsAsynchronously);
        callee.Map("wait", (_, _) => new ValueTask<RpcPayload>(gate.Task));
        Task<RpcPayload> first = pair.Caller.CallAsync(strict.LocalPeer, "wait", new byte[400], default).AsTask();
        await Within.UntilAsync(() => callee.ServedCallCount == 1, "the first call");
        await RpcPair.FailsAsync(
            RpcStatus.ResourceExhausted, () => pair.Caller.CallAsync(strict.LocalPeer, "wait", new byte[200], default).AsTask());
        Task<RpcPayload> second = pair.Caller.CallAsync(strict.LocalPeer, "wait", default, default).AsTask();
        await Within.UntilAsync(() => callee.ServedCallCount == 2, "the second call");
        await RpcPair.FailsAsync(
            RpcStatus.ResourceExhausted, () => pair.Caller.CallAsync(strict.LocalPeer, "wait", default, default).AsTask());
        gate.SetResult(RpcPayload.Empty);
        await Task.WhenAll(first, second).LimitAsync("both");
    }

    [Fact]
    public async Task All_peers_together_share_the_callees_limit()
    {
        await using var pair = new RpcPair(new RpcOptions { MaxServedCalls = 1 });
        var gate = new TaskCompletionSource<RpcPayload>(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.Map("wait", (_, _) => new ValueTask<RpcPayload>(gate.Task));
        FabricNode third = pair.Fabric.AddNode(2);
        await using var other = new RpcEndpoint(third, new RpcOptions(), TimeProvider.System);
        Task<byte[]> first = pair.CallAsync("wait", default);
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 1, "the first call");
        await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => other.CallAsync(pair.CalleeId, "wait", default, default).AsTask());
        gate.SetResult(RpcPayload.Empty);
        await first;
    }

    [Fact]
    public async Task Short_calls_pass_a_long_one_on_a_slow_link()
    {
        var time = new FakeTimeProvider();
        await using var pair = new RpcPair(time: time, streamBufferBytes: 4096);
        pair.MapEcho();
        await pair.CallAsync("echo", default);
        pair.Fabric.Slow(pair.CallerId, pair.CalleeId, TimeSpan.Zero, bytesPerSecond: 1_000_000);
        var slow = new RpcCallOptions(Timeout.InfiniteTimeSpan);
        Task<byte[]> big = pair.CallAsync("echo", RpcPair.Pattern(600_000), slow);
        Task<byte[]> small = pair.CallAsync("echo", new byte[10], slow);
        await Within.UntilAsync(() => AdvanceUntil(time, small), "the short call");
        Assert.False(big.IsCompleted, "the long call was over before the short one");
        await Within.UntilAsync(() => AdvanceUntil(time, big), "the long call");
        Assert.Equal(RpcPair.Pattern(600_000), await big);
    }

    [Fact]
    public async Task A_cancelled_request_frees_its_memory_at_once_though_its_parts_were_queued()
    {
        var time = new FakeTimeProvider();
        await using var pair = new RpcPair(time: time, streamBufferBytes: 4096);
        pair.MapEcho();
        pair.Callee.Map("stuck", (_, _) => throw new InvalidOperationException("never whole"));
        await pair.CallAsync("echo", default);
        pair.Fabric.Slow(pair.CallerId, pair.CalleeId, TimeSpan.Zero, bytesPerSecond: 1_000_000);
        byte[] request = new byte[2_000_000];
        using var source = new CancellationTokenSource();
        Task<byte[]> call = pair.CallAsync("stuck", request, default, source.Token);
        await Within.UntilAsync(() => AdvanceUntil(time, pair.Callee.ServedCallCount == 1), "the request to begin to arrive");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call);
        pair.Fabric.Slow(pair.CallerId, pair.CalleeId, TimeSpan.Zero);
        Task<byte[]> next = pair.CallAsync("echo", new byte[] { 1 });
        await Within.UntilAsync(() => AdvanceUntil(time, next), "the next call");
        Assert.InRange(pair.Fabric.BytesSent(pair.CallerId), 0, 500_000);
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the callee to forget the call");
    }

    [Fact]
    public async Task A_peer_without_the_protocol_is_Unavailable()
    {
        await using var pair = new RpcPair();
        FabricNode plain = pair.Fabric.AddNode(2);
        RpcException error = await RpcPair.FailsAsync(
            RpcStatus.Unavailable, () => pair.Caller.CallAsync(plain.LocalPeer, "echo", default, default).AsTask());
        Assert.IsType<ProtocolNotSupportedException>(error.InnerException);
    }

    [Fact]
    public async Task Disposing_fails_open_calls_cancels_handlers_and_refuses_new_calls()
    {
        await using var pair = new RpcPair();
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.Map("wait", async (_, ct) =>
        {
            started.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return RpcPayload.Empty;
        });
        Task<byte[]> call = pair.CallAsync("wait", default);
        await started.Task.LimitAsync("the handler to start");
        await pair.Callee.DisposeAsync().LimitAsync("the callee to close");
        Assert.Equal(0, pair.Callee.ServedCallCount);
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => call);
        await pair.Caller.DisposeAsync().LimitAsync("the caller to close");
        await pair.Caller.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => pair.CallAsync("wait", default));
    }

    [Fact]
    public void Method_names_are_checked_when_mapped()
    {
        var fabric = new Fabric();
        var endpoint = new RpcEndpoint(fabric.AddNode(0), new RpcOptions(), TimeProvider.System);
        RpcUnaryHandler handler = (_, _) => ValueTask.FromResult(RpcPayload.Empty);
        Assert.Throws<ArgumentException>(() => endpoint.Map("", handler));
        Assert.Throws<ArgumentException>(() => endpoint.Map("a b", handler));
        Assert.Throws<ArgumentException>(() => endpoint.Map("ü", handler));
        Assert.Throws<ArgumentException>(() => endpoint.Map(new string('x', 129), handler));
        endpoint.Map("x", handler);
        Assert.Throws<InvalidOperationException>(() => endpoint.MapStream("x", (_, _) => Task.CompletedTask));
    }

    [Fact]
    public async Task A_caller_that_uses_too_many_methods_learns_that_it_is_its_own_mistake()
    {
        await using var pair = new RpcPair(new RpcOptions { MaxMethodsPerStream = 2 });
        await RpcPair.FailsAsync(RpcStatus.NotFound, () => pair.CallAsync("a", default));
        await RpcPair.FailsAsync(RpcStatus.NotFound, () => pair.CallAsync("b", default));
        await Assert.ThrowsAsync<InvalidOperationException>(() => pair.CallAsync("c", default));
        await RpcPair.FailsAsync(RpcStatus.NotFound, () => pair.CallAsync("a", default));
    }

    [Fact]
    public void Options_that_cannot_work_are_refused()
    {
        var fabric = new Fabric();
        FabricNode node = fabric.AddNode(0);
        RpcOptions good = new();
        foreach (RpcOptions bad in new[]
        {
            good with { MaxServedCallsPerPeer = 0 }, good with { MaxServedCalls = 0 }, good with { MaxHeldRequestBytesPerPeer = 0 },
            good with { MaxQueuedControlBytes = 0 }, good with { MaxInboundStreamsPerPeer = 0 }, good with { MaxCallsInFlightPerPeer = 0 },
            good with { MaxWaitingCallsPerPeer = -1 }, good with { MaxIdleStreamsPerPeer = -1 }, good with { MaxMethodNameBytes = 256 },
            good with { MaxMethodsPerStream = 65536 }, good with { MaxResponseBytes = -1 }, good with { DefaultTimeout = TimeSpan.Zero },
            good with { FirstFrameTimeout = TimeSpan.FromDays(60) },
        })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => new RpcEndpoint(node, bad, TimeProvider.System));
        }
    }

    private static bool AdvanceUntil(FakeTimeProvider time, Task task) => AdvanceUntil(time, task.IsCompleted);

    private static bool AdvanceUntil(FakeTimeProvider time, bool done)
    {
        time.Advance(done ? TimeSpan.Zero : TimeSpan.FromMilliseconds(4)); // one piece of 4096 bytes
        return done;
    }
}
