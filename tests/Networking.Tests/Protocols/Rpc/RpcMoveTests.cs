using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

/// <summary>A better connection comes up under running calls.</summary>
public sealed class RpcMoveTests
{
    [Fact]
    public async Task Calls_run_all_the_time_across_moves_and_none_fails()
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        using var enough = new CancellationTokenSource();
        int done = 0;
        Task[] callers = [.. Enumerable.Range(0, 16).Select(async i =>
        {
            for (int round = 0; !enough.IsCancellationRequested; round++)
            {
                byte[] request = RpcPair.Pattern((i * 977 * (round % 5)) % 100_000, i);
                Assert.Equal(request, await pair.CallAsync("echo", request));
                Interlocked.Increment(ref done);
            }
        })];
        for (int move = 0; move < 5; move++)
        {
            int before = Volatile.Read(ref done);
            pair.Fabric.Supersede(pair.CallerId, pair.CalleeId);
            await Within.UntilAsync(() => Volatile.Read(ref done) > before + 64, "calls go on after the move");
        }

        await enough.CancelAsync();
        await Task.WhenAll(callers).LimitAsync("the callers");
        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 1, "only the newest lane is left");
    }

    [Fact]
    public async Task A_call_in_flight_finishes_on_the_old_lane_which_then_ends()
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        var release = new TaskCompletionSource();
        var entered = new TaskCompletionSource();
        pair.Callee.Map("slow", async (_, _) =>
        {
            entered.TrySetResult();
            await release.Task;
            return RpcPayload.Copy([7]);
        });
        Task<byte[]> slow = pair.CallAsync("slow", default);
        await entered.Task.LimitAsync("the handler");

        pair.Fabric.Supersede(pair.CallerId, pair.CalleeId);
        Assert.Equal([1], await pair.CallAsync("echo", new byte[] { 1 }));
        Assert.Equal(2, pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId));

        release.SetResult();
        Assert.Equal([7], await slow.LimitAsync("the old call"));
        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 1, "the old lane has ended");
        Assert.Empty(pair.CalleeNode.Penalties);
    }

    [Fact]
    public async Task Calls_that_wait_on_the_old_lane_get_their_turn_there()
    {
        await using var pair = new RpcPair(new RpcOptions { MaxCallsInFlightPerPeer = 1 });
        var release = new TaskCompletionSource();
        pair.Callee.Map("slow", async (request, _) =>
        {
            await release.Task;
            return RpcPayload.Copy(request.Body.Span);
        });
        Task<byte[]>[] calls = [.. Enumerable.Range(0, 5).Select(i => pair.CallAsync("slow", new[] { (byte)i }))];
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 1, "the first call is served");

        pair.Fabric.Supersede(pair.CallerId, pair.CalleeId);
        release.SetResult();

        Assert.Equal([0, 1, 2, 3, 4], (await Task.WhenAll(calls).LimitAsync("all calls")).Select(a => a[0]));
        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 0, "the old lane has ended");
    }

    [Fact]
    public async Task A_lane_whose_last_call_is_given_up_ends_too()
    {
        await using var pair = new RpcPair();
        pair.Callee.Map("never", async (_, ct) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return RpcPayload.Empty;
        });
        using var giveUp = new CancellationTokenSource();
        Task<byte[]> call = pair.CallAsync("never", default, cancellationToken: giveUp.Token);
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 1, "the call is served");
        pair.Fabric.Supersede(pair.CallerId, pair.CalleeId);

        await giveUp.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.LimitAsync("the end of the call"));
        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 0, "the old lane has ended");
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the handler was told");
    }

    [Fact]
    public async Task A_call_that_outlives_the_old_connection_fails_as_unavailable()
    {
        await using var pair = new RpcPair();
        pair.Callee.Map("never", async (_, ct) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, ct);
            return RpcPayload.Empty;
        });
        Task<byte[]> call = pair.CallAsync("never", default);
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 1, "the call is served");
        pair.Fabric.Supersede(pair.CallerId, pair.CalleeId);

        pair.Fabric.Disconnect(pair.CallerId, pair.CalleeId); // the grace is over

        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => call);
    }

    [Fact]
    public async Task Idle_streams_of_streamed_calls_are_closed_and_running_ones_finish()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("copy", async (call, ct) =>
        {
            while (await call.ReadMessageAsync(16, ct) is { } message)
            {
                using (message)
                {
                    await call.WriteAsync(message.Memory, ct);
                }
            }
        });
        RpcCall idle = await pair.Caller.OpenAsync(pair.CalleeId, "copy", default, default).LimitAsync("a call");
        RpcCall running = await pair.Caller.OpenAsync(pair.CalleeId, "copy", default, default).LimitAsync("a call");
        await FinishAsync(idle);
        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 2, "one is kept, one runs");

        pair.Fabric.Supersede(pair.CallerId, pair.CalleeId);

        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 1, "the kept one is closed");
        await running.WriteAsync(new byte[] { 5 }, default).LimitAsync("writing");
        await FinishAsync(running);
        await Within.UntilAsync(() => pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId) == 0, "nothing is kept");
    }

    private static async Task FinishAsync(RpcCall call)
    {
        await call.CompleteAsync(default).LimitAsync("the end");
        while (await call.ReadMessageAsync(16, default).LimitAsync("a message") is { } message)
        {
            message.Dispose();
        }

        await call.DisposeAsync();
    }
}
