using System.Text;
using CsCheck;
using P2PLearn.Networking.Protocols.Rpc;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Rpc;

/// <summary>A peer that speaks the protocol by hand, and wrongly.</summary>
public sealed class RpcHostileTests
{
    private static readonly RpcFrame DeclareEcho = new(RpcFrameKind.Declare, 0, 4, 0, 0, 0);

    [Fact]
    public async Task A_caller_speaking_by_hand_is_answered()
    {
        await using var attack = await Attack.OnCalleeAsync();
        await attack.SendAsync(DeclareEcho, "echo");
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Request, 0, 2, 7, 4, 0), "ab");
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Chunk, 0, 2, 7, 0, 0), "cd");
        (RpcFrame frame, string body) = await attack.ReceiveAsync();
        Assert.Equal(new RpcFrame(RpcFrameKind.Response, 0, 4, 7, 4, 0), frame);
        Assert.Equal("abcd", body);
    }

    [Theory]
    [InlineData(RpcFrameKind.Response, 0, 7, EndReason.UnexpectedMessage)]
    [InlineData(RpcFrameKind.Message, 0, 0, EndReason.UnexpectedMessage)]
    [InlineData(RpcFrameKind.End, 0, 0, EndReason.UnexpectedMessage)]
    [InlineData(RpcFrameKind.Failure, 1, 1, EndReason.UnexpectedMessage)]
    [InlineData(RpcFrameKind.Request, 1, 9, EndReason.UnexpectedMessage)] // a slot that was not declared
    [InlineData((RpcFrameKind)0, 0, 0, EndReason.MalformedMessage)]
    [InlineData((RpcFrameKind)77, 0, 0, EndReason.MalformedMessage)]
    public async Task A_frame_out_of_place_resets_the_lane_and_costs_score(object kind, ushort code, ulong id, EndReason reason)
    {
        await using var attack = await Attack.OnCalleeAsync();
        await attack.SendAsync(DeclareEcho, "echo");
        await attack.SendAsync(new RpcFrame((RpcFrameKind)kind, code, 0, id, 0, 0), "");
        await attack.IsPunishedAsync(reason);
    }

    [Fact]
    public Task A_call_id_used_twice_resets_the_lane() => PunishedAsync(
        EndReason.UnexpectedMessage,
        (DeclareEcho, "echo"),
        (new RpcFrame(RpcFrameKind.Request, 0, 1, 5, 2, 0), "a"),
        (new RpcFrame(RpcFrameKind.Request, 0, 1, 5, 2, 0), "a"));

    [Fact]
    public Task A_call_id_below_an_earlier_one_resets_the_lane() => PunishedAsync(
        EndReason.UnexpectedMessage,
        (DeclareEcho, "echo"),
        (new RpcFrame(RpcFrameKind.Request, 0, 0, 5, 0, 0), ""),
        (new RpcFrame(RpcFrameKind.Request, 0, 0, 4, 0, 0), ""));

    [Fact]
    public Task More_bytes_than_announced_reset_the_lane() => PunishedAsync(
        EndReason.MessageTooLarge,
        (DeclareEcho, "echo"),
        (new RpcFrame(RpcFrameKind.Request, 0, 1, 5, 3, 0), "a"),
        (new RpcFrame(RpcFrameKind.Chunk, 0, 3, 5, 0, 0), "bcd"));

    [Fact]
    public Task A_part_of_a_call_that_has_not_begun_resets_the_lane() => PunishedAsync(
        EndReason.UnexpectedMessage, (DeclareEcho, "echo"), (new RpcFrame(RpcFrameKind.Chunk, 0, 3, 5, 0, 0), "bcd"));

    [Fact]
    public Task A_slot_declared_out_of_order_resets_the_lane() => PunishedAsync(
        EndReason.UnexpectedMessage, (DeclareEcho, "echo"), (DeclareEcho, "ohce"));

    [Fact]
    public Task A_method_name_that_is_not_visible_ASCII_resets_the_lane() => PunishedAsync(
        EndReason.MalformedMessage, (DeclareEcho, "ec\u0007o"));

    [Fact]
    public async Task Too_many_declarations_reset_the_lane()
    {
        await using var attack = await Attack.OnCalleeAsync(new RpcOptions { MaxMethodsPerStream = 10 });
        for (ushort slot = 0; slot <= 10; slot++)
        {
            await attack.SendAsync(DeclareEcho with { Code = slot }, "echo");
        }

        await attack.IsPunishedAsync(EndReason.TooManyRequests);
    }

    [Fact]
    public Task An_oversize_length_resets_the_lane_without_its_body() => PunishedAsync(
        EndReason.MessageTooLarge, (DeclareEcho, "echo"), (new RpcFrame(RpcFrameKind.Request, 0, uint.MaxValue, 5, uint.MaxValue, 0), ""));

    [Fact]
    public async Task A_flood_of_refused_calls_whose_answers_nobody_reads_is_cut_off()
    {
        await using var attack = await Attack.OnCalleeAsync(new RpcOptions { MaxQueuedControlBytes = 4096 }, streamBufferBytes: 4096);
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Declare, 0, 4, 0, 0, 0), "none");
        await Assert.ThrowsAnyAsync<IOException>(async () =>
        {
            for (ulong id = 1; id < 1_000_000; id++)
            {
                await attack.SendAsync(new RpcFrame(RpcFrameKind.Request, 0, 0, id, 0, 0), "");
            }
        });
        await attack.IsPunishedAsync(EndReason.TooManyRequests);
    }

    [Fact]
    public async Task Calls_whose_answers_nobody_reads_stay_within_the_limit()
    {
        await using var attack = await Attack.OnCalleeAsync(new RpcOptions { MaxServedCallsPerPeer = 5 }, streamBufferBytes: 4096);
        await attack.SendAsync(DeclareEcho, "echo");
        for (ulong id = 1; id <= 50; id++)
        {
            await attack.SendAsync(new RpcFrame(RpcFrameKind.Request, 0, 60_000, id, 60_000, 0), new string('x', 60_000));
        }

        Assert.InRange(attack.Pair.Callee.ServedCallCount, 0, 5);
    }

    [Fact]
    public async Task Opening_and_cancelling_quickly_does_not_run_more_than_the_limit()
    {
        await using var attack = await Attack.OnCalleeAsync(new RpcOptions { MaxServedCallsPerPeer = 5 });
        var gate = new TaskCompletionSource<RpcPayload>(TaskCreationOptions.RunContinuationsAsynchronously);
        int running = 0;
        attack.Pair.Callee.Map("hold", (_, _) =>
        {
            Interlocked.Increment(ref running);
            return new ValueTask<RpcPayload>(gate.Task);
        });
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Declare, 0, 4, 0, 0, 0), "hold");
        for (ulong id = 1; id <= 100; id++)
        {
            await attack.SendAsync(new RpcFrame(RpcFrameKind.Request, 0, 0, id, 0, 0), "");
            await attack.SendAsync(new RpcFrame(RpcFrameKind.Cancel, 0, 0, id, 0, 0), "");
        }

        for (int refused = 0; refused < 95; refused++)
        {
            (RpcFrame frame, _) = await attack.ReceiveAsync();
            Assert.Equal((ushort)RpcStatus.ResourceExhausted, frame.Code);
        }

        Assert.InRange(running, 0, 5);
        gate.SetResult(RpcPayload.Empty);
        await Within.UntilAsync(() => attack.Pair.Callee.ServedCallCount == 0, "the held calls to end");
    }

    [Fact]
    public async Task A_stream_that_says_nothing_is_closed_in_time()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var attack = await Attack.OnCalleeAsync(time: time);
        Task<(RpcFrame, string)> reading = attack.ReceiveAsync();
        await Within.UntilAsync(() => attack.Pair.Fabric.OpenStreamCount(attack.Pair.CallerId, attack.Pair.CalleeId) == 1, "the stream to open");
        await Within.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(11));
                return reading.IsCompleted;
            },
            "the stream to be closed");
        await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    [Fact]
    public async Task A_request_that_never_comes_whole_is_dropped_when_its_time_is_over()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var attack = await Attack.OnCalleeAsync(time: time);
        await attack.SendAsync(DeclareEcho, "echo");
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Request, 0, 1, 5, 3, 0), "a");
        await Within.UntilAsync(() => attack.Pair.Callee.ServedCallCount == 1, "the request to arrive");
        time.Advance(TimeSpan.FromMinutes(10.1));
        (RpcFrame frame, _) = await attack.ReceiveAsync();
        Assert.Equal((ushort)RpcStatus.DeadlineExceeded, frame.Code);
        Assert.Equal(0, attack.Pair.Callee.ServedCallCount);
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Chunk, 0, 2, 5, 0, 0), "bc"); // too late, but no crime
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Request, 0, 1, 6, 1, 0), "z");
        (frame, _) = await attack.ReceiveAsync();
        Assert.Equal(6ul, frame.CallId);
    }

    [Fact]
    public async Task A_streamed_call_with_a_frame_out_of_place_costs_score()
    {
        await using var attack = await Attack.OnCalleeAsync();
        attack.Pair.Callee.MapStream("sink", async (call, ct) => await call.NextAsync(ct));
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Open, 0, 4, 0, 0, 0), "sink");
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Cancel, 0, 0, 1, 0, 0), "");
        await attack.IsPunishedAsync(EndReason.UnexpectedMessage);
    }

    [Fact]
    public async Task Anything_but_Open_between_two_streamed_calls_costs_score()
    {
        await using var attack = await Attack.OnCalleeAsync();
        attack.Pair.Callee.MapStream("sink", async (call, ct) => await call.NextAsync(ct));
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Open, 0, 4, 0, 0, 0), "sink");
        await attack.SendAsync(new RpcFrame(RpcFrameKind.End, 0, 0, 0, 0, 0), "");
        Assert.Equal(RpcFrameKind.End, (await attack.ReceiveAsync()).Frame.Kind);
        await attack.SendAsync(new RpcFrame(RpcFrameKind.End, 0, 0, 0, 0, 0), "");
        await attack.IsPunishedAsync(EndReason.UnexpectedMessage);
    }

    [Fact]
    public async Task A_message_that_never_ends_is_not_drained_for_ever()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await using var attack = await Attack.OnCalleeAsync(time: time);
        attack.Pair.Callee.MapStream("none", (_, _) => Task.CompletedTask);
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Open, 0, 4, 0, 0, 0), "none");
        await attack.SendAsync(new RpcFrame(RpcFrameKind.Message, 0, int.MaxValue, 0, 0, 0), "just a beginning");
        Assert.Equal(RpcFrameKind.End, (await attack.ReceiveAsync()).Frame.Kind);
        Task<(RpcFrame, string)> reading = attack.ReceiveAsync();
        await Within.UntilAsync(
            () =>
            {
                time.Advance(TimeSpan.FromSeconds(11));
                return reading.IsCompleted;
            },
            "the stream to be closed");
        await Assert.ThrowsAnyAsync<IOException>(() => reading);
    }

    [Theory]
    [InlineData(RpcFrameKind.Request, 0)]
    [InlineData(RpcFrameKind.Chunk, 1)]
    [InlineData(RpcFrameKind.Response, 2)]
    [InlineData(RpcFrameKind.Cancel, 0)]
    [InlineData(RpcFrameKind.End, 0)]
    public async Task An_answering_side_that_breaks_the_rules_fails_the_calls_and_is_punished(object kind, ulong idBeyond)
    {
        await using var pair = new RpcPair();
        FabricNode liar = pair.Fabric.AddNode(2);
        liar.Handle(RpcEndpoint.Protocol, async (stream, ct) =>
        {
            var reader = new Attack.Raw(stream);
            await reader.ReceiveAsync();
            RpcFrame request = (await reader.ReceiveAsync()).Frame;
            uint length = (RpcFrameKind)kind == RpcFrameKind.Chunk ? 1u : 0u;
            ulong id = (RpcFrameKind)kind == RpcFrameKind.End ? 0 : request.CallId + idBeyond;
            await reader.SendAsync(new RpcFrame((RpcFrameKind)kind, 0, length, id, 0, 0), length == 0 ? "" : "x");
            await reader.ReceiveAsync();
        });
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => pair.Caller.CallAsync(liar.LocalPeer, "x", default, default).AsTask());
        await Within.UntilAsync(() => pair.CallerNode.Penalties.Contains((liar.LocalPeer, EndReason.UnexpectedMessage)), "the liar to be punished");
    }

    [Fact]
    public async Task An_answer_longer_than_announced_fails_the_call_and_is_punished()
    {
        await using var pair = new RpcPair();
        FabricNode liar = pair.Fabric.AddNode(2);
        liar.Handle(RpcEndpoint.Protocol, async (stream, ct) =>
        {
            var raw = new Attack.Raw(stream);
            await raw.ReceiveAsync();
            ulong id = (await raw.ReceiveAsync()).Frame.CallId;
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Response, 0, 1, id, 2, 0), "a");
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Chunk, 0, 2, id, 0, 0), "bc");
            await raw.ReceiveAsync();
        });
        await RpcPair.FailsAsync(RpcStatus.Unavailable, () => pair.Caller.CallAsync(liar.LocalPeer, "x", default, default).AsTask());
        await Within.UntilAsync(() => pair.CallerNode.Penalties.Contains((liar.LocalPeer, EndReason.MessageTooLarge)), "the liar to be punished");
    }

    [Fact]
    public async Task An_answer_that_was_given_up_may_still_arrive()
    {
        await using var pair = new RpcPair();
        FabricNode slow = pair.Fabric.AddNode(2);
        var cancelled = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var asked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        slow.Handle(RpcEndpoint.Protocol, async (stream, ct) =>
        {
            var raw = new Attack.Raw(stream);
            await raw.ReceiveAsync();
            ulong id = (await raw.ReceiveAsync()).Frame.CallId;
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Response, 0, 1, id, 2, 0), "a");
            asked.SetResult();
            Assert.Equal(RpcFrameKind.Cancel, (await raw.ReceiveAsync()).Frame.Kind);
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Chunk, 0, 1, id, 0, 0), "b");
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Failure, 1, 0, id, 0, 0), "");
            ulong next = (await raw.ReceiveAsync()).Frame.CallId;
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Response, 0, 2, next, 2, 0), "ok");
            await raw.ReceiveAsync();
        });
        using var source = new CancellationTokenSource();
        Task<RpcPayload> first = pair.Caller.CallAsync(slow.LocalPeer, "x", default, source.Token).AsTask();
        await asked.Task.LimitAsync("the first call");
        await source.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => first);
        using RpcPayload second = await pair.Caller.CallAsync(slow.LocalPeer, "x", default, default).LimitAsync("the second call");
        Assert.Equal("ok", Encoding.ASCII.GetString(second.Span));
        Assert.Empty(pair.CallerNode.Penalties);
    }

    [Fact]
    public async Task A_callee_that_breaks_a_streamed_call_is_punished()
    {
        await using var pair = new RpcPair();
        FabricNode liar = pair.Fabric.AddNode(2);
        liar.Handle(RpcEndpoint.Protocol, async (stream, ct) =>
        {
            var raw = new Attack.Raw(stream);
            await raw.SendAsync(new RpcFrame(RpcFrameKind.Declare, 0, 1, 0, 0, 0), "x");
            await raw.ReceiveAsync();
            await raw.ReceiveAsync();
        });
        await using (RpcCall call = await pair.Caller.OpenAsync(liar.LocalPeer, "x", default, default))
        {
            await RpcPair.FailsAsync(RpcStatus.Unavailable, () => call.NextAsync(default).AsTask());
        }

        Assert.Contains((liar.LocalPeer, EndReason.UnexpectedMessage), pair.CallerNode.Penalties);
    }

    [Fact]
    public Task Random_bytes_never_crash_and_never_leave_a_call_behind() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Int[0, 5], Gen.Bool).SampleAsync(async (noise, frames, isOpen) =>
        {
            await using var attack = await Attack.OnCalleeAsync();
            attack.Pair.Callee.MapStream("sink", async (call, ct) => await call.NextAsync(ct));
            try
            {
                await attack.SendAsync(isOpen ? new RpcFrame(RpcFrameKind.Open, 0, 4, 0, 0, 0) : DeclareEcho, isOpen ? "sink" : "echo");
                for (uint i = 1; i <= frames; i++)
                {
                    await attack.SendAsync(
                        isOpen ? new RpcFrame(RpcFrameKind.Message, 0, 3, 0, 0, 0) : new RpcFrame(RpcFrameKind.Request, 0, 3, i, 3 + (i % 2), 0), "abc");
                }

                await attack.Stream.WriteAsync(noise);
                await attack.Stream.CloseWriteAsync(default);
            }
            catch (IOException)
            {
                // cut off before it had said everything
            }

            await Within.UntilAsync(() => attack.Pair.Callee.ServedCallCount == 0, "the callee to forget all calls");
        }, iter: 200);

    private static async Task PunishedAsync(EndReason reason, params (RpcFrame Frame, string Body)[] frames)
    {
        await using var attack = await Attack.OnCalleeAsync();
        foreach ((RpcFrame frame, string body) in frames)
        {
            await attack.SendAsync(frame, body);
        }

        await attack.IsPunishedAsync(reason);
    }

    /// <summary>A raw stream of the first node to the second node's endpoint, which has an echo.</summary>
    internal sealed class Attack : IAsyncDisposable
    {
        private readonly Raw _raw;

        private Attack(RpcPair pair, PeerStream stream)
        {
            Pair = pair;
            Stream = stream;
            _raw = new Raw(stream);
        }

        public RpcPair Pair { get; }

        public PeerStream Stream { get; }

        public static async Task<Attack> OnCalleeAsync(RpcOptions? options = null, TimeProvider? time = null, int streamBufferBytes = Fabric.DefaultStreamBufferBytes)
        {
            var pair = new RpcPair(options, time, streamBufferBytes);
            pair.MapEcho();
            return new Attack(pair, await pair.CallerNode.OpenStreamAsync(pair.CalleeId, RpcEndpoint.Protocol, default));
        }

        public Task SendAsync(RpcFrame frame, string body) => _raw.SendAsync(frame, body);

        public Task<(RpcFrame Frame, string Body)> ReceiveAsync() => _raw.ReceiveAsync();

        public async Task IsPunishedAsync(EndReason reason)
        {
            await Within.UntilAsync(() => Pair.CalleeNode.Penalties.Contains((Pair.CallerId, reason)), $"a penalty for {reason}");
            await Assert.ThrowsAnyAsync<IOException>(async () =>
            {
                while (true)
                {
                    await _raw.ReceiveAsync(); // answers that were sent before
                }
            });
            await Within.UntilAsync(() => Pair.Callee.ServedCallCount == 0, "the callee to forget all calls");
        }

        public async ValueTask DisposeAsync()
        {
            await Stream.DisposeAsync();
            await Pair.DisposeAsync();
        }

        internal sealed class Raw(PeerStream stream)
        {
            public async Task SendAsync(RpcFrame frame, string body)
            {
                byte[] bytes = new byte[RpcFrame.HeaderBytes + body.Length];
                frame.Write(bytes);
                Encoding.ASCII.GetBytes(body, bytes.AsSpan(RpcFrame.HeaderBytes));
                await stream.WriteAsync(bytes);
            }

            public async Task<(RpcFrame Frame, string Body)> ReceiveAsync()
            {
                byte[] header = new byte[RpcFrame.HeaderBytes];
                await stream.ReadExactlyAsync(header).LimitAsync("a frame");
                RpcFrame frame = RpcFrame.Read(header, 255);
                byte[] body = new byte[frame.Length];
                await stream.ReadExactlyAsync(body).LimitAsync("a frame's body");
                return (frame, Encoding.ASCII.GetString(body));
            }
        }
    }
}
