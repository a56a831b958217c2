using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

public sealed class RpcStreamTests
{
    [Fact]
    public async Task A_pushed_contribution_arrives_in_the_receivers_own_memory_and_is_answered()
    {
        await using var pair = new RpcPair();
        byte[] head = RpcPair.Pattern(300, 1);
        byte[] model = RpcPair.Pattern(5_000_000, 2);
        byte[] receivedHead = new byte[300];
        byte[] receivedModel = new byte[model.Length];
        pair.Callee.MapStream("push", async (call, ct) =>
        {
            Assert.Equal(300, await call.NextAsync(ct));
            await call.ReadExactlyAsync(receivedHead, ct);
            Assert.Equal(model.Length, await call.NextAsync(ct));
            await call.ReadExactlyAsync(receivedModel, ct);
            Assert.Equal(-1, await call.NextAsync(ct));
            Assert.Equal(-1, await call.NextAsync(ct));
            await call.WriteAsync("taken"u8.ToArray(), ct);
        }, new RpcMethodOptions { MaxRequestBytes = 8 << 20 });
        for (int i = 0; i < 3; i++)
        {
            receivedModel.AsSpan().Clear();
            await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "push", default, default).LimitAsync("the call to open");
            await call.WriteAsync(head, default).LimitAsync("the head");
            await call.WriteAsync(model, default).LimitAsync("the model");
            using RpcPayload answer = await call.FinishAsync(100, default).LimitAsync("the answer");
            Assert.Equal("taken"u8.ToArray(), answer.Memory.ToArray());
            Assert.Equal(head, receivedHead);
            Assert.Equal(model, receivedModel);
        }

        Assert.Equal(1, pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId)); // kept from call to call
    }

    [Fact]
    public async Task A_server_stream_ends_with_minus_one_and_its_stream_is_used_again()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("count", async (call, ct) =>
        {
            using RpcPayload? request = await call.ReadMessageAsync(4, ct);
            for (int i = 0; i < BitConverter.ToInt32(request!.Value.Span); i++)
            {
                await call.WriteAsync(BitConverter.GetBytes(i), ct);
            }
        });
        foreach (int count in new[] { 0, 1, 1000 })
        {
            await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "count", default, default);
            await call.WriteAsync(BitConverter.GetBytes(count), default);
            await call.CompleteAsync(default);
            int next = 0;
            while (await call.ReadMessageAsync(4, default).LimitAsync("the next number") is { } message)
            {
                Assert.Equal(next++, BitConverter.ToInt32(message.Span));
                message.Dispose();
            }

            Assert.Equal(count, next);
        }

        Assert.Equal(1, pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId));
    }

    [Fact]
    public async Task Both_directions_flow_at_once()
    {
        await using var pair = new RpcPair(streamBufferBytes: 2048);
        pair.Callee.MapStream("echo", async (call, ct) =>
        {
            byte[] buffer = new byte[777];
            while (await call.NextAsync(ct) >= 0)
            {
                int count;
                while ((count = await call.ReadAsync(buffer, ct)) > 0)
                {
                    await call.WriteAsync(buffer.AsMemory(0, count), ct);
                }
            }
        });
        byte[] sent = RpcPair.Pattern(200_000);
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "echo", default, default);
        Task writing = Task.Run(async () =>
        {
            for (int at = 0; at < sent.Length; at += 10_000)
            {
                await call.WriteAsync(sent.AsMemory(at, 10_000), default);
            }

            await call.CompleteAsync(default);
        });
        var received = new MemoryStream();
        while (await call.ReadMessageAsync(1000, default).LimitAsync("an echo") is { } message)
        {
            received.Write(message.Span);
            message.Dispose();
        }

        await writing.LimitAsync("the writer");
        Assert.Equal(sent, received.ToArray());
    }

    [Fact]
    public async Task Empty_messages_count_as_messages()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("count", async (call, ct) =>
        {
            int count = 0;
            while (await call.NextAsync(ct) == 0)
            {
                Assert.Equal(0, await call.ReadAsync(new byte[1], ct));
                count++;
            }

            await call.WriteAsync(new[] { (byte)count }, ct);
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "count", default, default);
        await call.WriteAsync(default, default);
        await call.WriteAsync(default, default);
        using RpcPayload answer = await call.FinishAsync(1, default).LimitAsync("the count");
        Assert.Equal(2, answer.Span[0]);
    }

    [Fact]
    public async Task What_is_left_of_a_message_is_dropped_by_the_next()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("skip", async (call, ct) =>
        {
            await call.NextAsync(ct);
            await call.ReadExactlyAsync(new byte[10], ct);
            using RpcPayload? second = await call.ReadMessageAsync(10, ct);
            await call.WriteAsync(second!.Value.Memory, ct);
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "skip", default, default);
        await call.WriteAsync(new byte[100_000], default);
        await call.WriteAsync(new byte[] { 1, 2 }, default);
        using RpcPayload answer = await call.FinishAsync(10, default).LimitAsync("the answer");
        Assert.Equal([1, 2], answer.Memory.ToArray());
    }

    [Fact]
    public async Task A_writer_waits_while_the_peer_does_not_read()
    {
        await using var pair = new RpcPair(streamBufferBytes: 4096);
        var go = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("hold", async (call, ct) =>
        {
            await go.Task.WaitAsync(ct);
            await call.NextAsync(ct);
            byte[] all = new byte[100_000];
            await call.ReadExactlyAsync(all, ct);
            Assert.Equal(-1, await call.NextAsync(ct));
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "hold", default, default);
        Task write = call.WriteAsync(new byte[100_000], default).AsTask();
        Assert.False(write.IsCompleted);
        Assert.InRange(pair.Fabric.BytesSent(pair.CallerId), 0, 40_000); // the pipe, and the reader's buffer
        go.SetResult();
        await write.LimitAsync("the write");
        await call.CompleteAsync(default);
        Assert.Equal(-1, await call.NextAsync(default).LimitAsync("the end"));
    }

    [Fact]
    public async Task A_refusal_reaches_a_caller_that_only_writes()
    {
        await using var pair = new RpcPair(streamBufferBytes: 4096);
        pair.Callee.MapStream("no", async (call, ct) =>
        {
            await call.NextAsync(ct);
            throw new RpcException(RpcStatus.PermissionDenied, "not you");
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "no", default, default);
        RpcException error = await RpcPair.FailsAsync(RpcStatus.PermissionDenied, () => call.WriteAsync(new byte[1_000_000], default).AsTask());
        Assert.Equal("not you", error.Message);
        await RpcPair.FailsAsync(RpcStatus.PermissionDenied, () => call.NextAsync(default).AsTask());
        await RpcPair.FailsAsync(RpcStatus.PermissionDenied, () => call.CompleteAsync(default).AsTask());
        await call.DisposeAsync();
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the handler to end");
    }

    [Fact]
    public async Task A_failure_after_the_callers_end_leaves_the_stream_good()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("fail", async (call, ct) =>
        {
            await call.NextAsync(ct);
            throw new RpcException(RpcStatus.InvalidArgument, "no");
        });
        for (int i = 0; i < 3; i++)
        {
            await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "fail", default, default);
            await call.CompleteAsync(default);
            await RpcPair.FailsAsync(RpcStatus.InvalidArgument, () => call.NextAsync(default).AsTask());
        }

        Assert.Equal(1, pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId));
    }

    [Fact]
    public async Task What_a_handler_did_not_read_is_drained_before_the_next_call()
    {
        await using var pair = new RpcPair();
        int calls = 0;
        pair.Callee.MapStream("lazy", async (call, ct) => await call.WriteAsync(new[] { (byte)Interlocked.Increment(ref calls) }, ct));
        for (int i = 1; i <= 3; i++)
        {
            await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "lazy", default, default);
            await call.WriteAsync(new byte[1000], default);
            await call.WriteAsync(new byte[100_000], default);
            using RpcPayload answer = await call.FinishAsync(1, default).LimitAsync("the answer");
            Assert.Equal(i, answer.Span[0]);
        }

        Assert.Equal(1, pair.Fabric.OpenStreamCount(pair.CallerId, pair.CalleeId));
    }

    [Fact]
    public async Task Unknown_and_unary_methods_are_NotFound()
    {
        await using var pair = new RpcPair();
        pair.MapEcho();
        foreach (string method in new[] { "nothing", "echo" })
        {
            await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, method, default, default);
            await RpcPair.FailsAsync(RpcStatus.NotFound, () => call.NextAsync(default).AsTask());
        }
    }

    [Fact]
    public async Task Cancelling_a_read_ends_the_whole_call_and_fires_the_handlers_token()
    {
        await using var pair = new RpcPair();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("wait", async (call, ct) =>
        {
            using CancellationTokenRegistration registration = ct.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
            ct.ThrowIfCancellationRequested();
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "wait", default, default);
        using var source = new CancellationTokenSource();
        Task<int> next = call.NextAsync(source.Token).AsTask();
        await started.Task.LimitAsync("the handler to start");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => next.LimitAsync("the read to end"));
        await cancelled.Task.LimitAsync("the handler's token to fire");
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => call.WriteAsync(new byte[1], default).AsTask());
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 0, "the handler to end");
    }

    [Fact]
    public async Task Disposing_early_fires_the_handlers_token()
    {
        await using var pair = new RpcPair();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("wait", async (call, ct) =>
        {
            using CancellationTokenRegistration registration = ct.Register(cancelled.SetResult);
            await call.WriteAsync(new byte[1], ct);
            await cancelled.Task;
        });
        RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "wait", default, default);
        Assert.Equal(1, await call.NextAsync(default).LimitAsync("the first message"));
        await call.DisposeAsync();
        await call.DisposeAsync();
        await cancelled.Task.LimitAsync("the handler's token to fire");
        await Assert.ThrowsAsync<ObjectDisposedException>(() => call.WriteAsync(new byte[1], default).AsTask());
    }

    [Fact]
    public async Task A_deadline_ends_a_streamed_call_on_both_sides()
    {
        var time = new FakeTimeProvider();
        await using var pair = new RpcPair(time: time);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var over = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("wait", async (_, ct) =>
        {
            using CancellationTokenRegistration registration = ct.Register(over.SetResult);
            started.SetResult();
            await over.Task;
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "wait", new RpcCallOptions(TimeSpan.FromSeconds(2)), default);
        Task<int> next = call.NextAsync(default).AsTask();
        await started.Task.LimitAsync("the handler to start");
        time.Advance(TimeSpan.FromSeconds(2.1));
        await over.Task.LimitAsync("the handler's token to fire");
        RpcException error = await Assert.ThrowsAsync<RpcException>(() => next.LimitAsync("the read to fail"));
        Assert.Contains(error.Status, new[] { RpcStatus.DeadlineExceeded, RpcStatus.Unavailable }); // whichever side's timer was first
    }

    [Fact]
    public async Task Losing_the_peer_ends_both_ends_of_a_call()
    {
        await using var pair = new RpcPair();
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var started = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("wait", async (_, ct) =>
        {
            using CancellationTokenRegistration registration = ct.Register(cancelled.SetResult);
            started.SetResult();
            await cancelled.Task;
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "wait", default, default);
        await started.Task.LimitAsync("the handler to start");
        pair.Fabric.Cut(pair.CallerId, pair.CalleeId);
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => call.NextAsync(default).AsTask());
        await cancelled.Task.LimitAsync("the handler's token to fire");
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => pair.Caller.OpenAsync(pair.CalleeId, "wait", default, default).AsTask());
    }

    [Fact]
    public async Task A_kept_stream_that_died_is_replaced()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("ok", (_, _) => Task.CompletedTask);
        for (int i = 0; i < 3; i++)
        {
            await using (RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "ok", default, default).LimitAsync("the call to open"))
            {
                await call.CompleteAsync(default);
                Assert.Equal(-1, await call.NextAsync(default).LimitAsync("the end"));
            }

            pair.Fabric.Disconnect(pair.CallerId, pair.CalleeId);
        }
    }

    [Fact]
    public async Task Messages_beyond_the_limits_are_refused_on_either_side()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("small", async (call, ct) =>
        {
            while (await call.NextAsync(ct) >= 0)
            {
            }
        }, new RpcMethodOptions { MaxRequestBytes = 100, MaxStreamBytes = 250 });
        pair.Callee.MapStream("large", async (call, ct) => await call.WriteAsync(new byte[101], ct));
        await using (RpcCall one = await pair.Caller.OpenAsync(pair.CalleeId, "small", default, default))
        {
            await one.WriteAsync(new byte[101], default);
            await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => one.NextAsync(default).AsTask());
        }

        await using (RpcCall sum = await pair.Caller.OpenAsync(pair.CalleeId, "small", default, default))
        {
            await sum.WriteAsync(new byte[100], default);
            await sum.WriteAsync(new byte[100], default);
            await sum.WriteAsync(new byte[100], default);
            await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => sum.NextAsync(default).AsTask());
        }

        await using RpcCall answer = await pair.Caller.OpenAsync(pair.CalleeId, "large", new RpcCallOptions(MaxResponseBytes: 100), default);
        await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, () => answer.NextAsync(default).AsTask());
    }

    [Fact]
    public async Task A_message_too_long_for_its_reader_and_one_too_short_are_told_apart()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("two", async (call, ct) =>
        {
            await call.WriteAsync(new byte[10], ct);
            await call.WriteAsync(new byte[10], ct);
        });
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "two", default, default);
        await RpcPair.FailsAsync(RpcStatus.ResourceExhausted, async () => await call.ReadMessageAsync(9, default));
        await call.NextAsync(default);
        await RpcPair.FailsAsync(RpcStatus.InvalidArgument, () => call.ReadExactlyAsync(new byte[11], default).AsTask());
    }

    [Fact]
    public async Task FinishAsync_wants_exactly_one_message()
    {
        await using var pair = new RpcPair();
        pair.Callee.MapStream("none", (_, _) => Task.CompletedTask);
        pair.Callee.MapStream("two", async (call, ct) =>
        {
            await call.WriteAsync(new byte[1], ct);
            await call.WriteAsync(new byte[1], ct);
        });
        foreach (string method in new[] { "none", "two" })
        {
            await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, method, default, default);
            await RpcPair.FailsAsync(RpcStatus.Internal, () => call.FinishAsync(10, default).AsTask());
        }
    }

    [Fact]
    public async Task Streams_beyond_the_peers_limit_are_reset()
    {
        await using var pair = new RpcPair(new RpcOptions { MaxInboundStreamsPerPeer = 1 });
        var gate = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("wait", (_, ct) => gate.Task.WaitAsync(ct));
        await using RpcCall first = await pair.Caller.OpenAsync(pair.CalleeId, "wait", default, default);
        await Within.UntilAsync(() => pair.Callee.ServedCallCount == 1, "the first call");
        await RpcPair.FailsAsync(RpcStatus.Unavailable, async () =>
        {
            await using RpcCall second = await pair.Caller.OpenAsync(pair.CalleeId, "wait", default, default);
            await second.NextAsync(default);
        });
        gate.SetResult();
        Assert.Equal(-1, await first.NextAsync(default).LimitAsync("the end"));
    }

    [Fact]
    public async Task Misuse_is_told_as_such()
    {
        await using var pair = new RpcPair();
        var failure = new TaskCompletionSource<Exception?>(TaskCreationOptions.RunContinuationsAsynchronously);
        pair.Callee.MapStream("callee", async (call, ct) => failure.SetResult(await Record.ExceptionAsync(() => call.CompleteAsync(ct).AsTask())));
        await using RpcCall call = await pair.Caller.OpenAsync(pair.CalleeId, "callee", default, default);
        Assert.IsType<InvalidOperationException>(await failure.Task.LimitAsync("the callee"));
        await call.CompleteAsync(default);
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.CompleteAsync(default).AsTask());
        await Assert.ThrowsAsync<InvalidOperationException>(() => call.WriteAsync(default, default).AsTask());
    }
}
