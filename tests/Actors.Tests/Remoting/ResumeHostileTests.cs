using P2PLearn.Actors.Remoting;
using P2PLearn.Networking;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;
using Link = P2PLearn.Actors.Tests.Remoting.TransportNode.Link;

namespace P2PLearn.Actors.Tests.Remoting;

/// <summary>What a peer may try with the resume of associations.</summary>
public sealed class ResumeHostileTests
{
    private static readonly AssociationId Id = new(12345);
    private static readonly P2PTransportOptions Patient = new() { ResumeLimit = TimeSpan.FromMinutes(10) };

    [Fact]
    public async Task The_peer_itself_goes_on_and_gets_again_what_it_says_it_has_not()
    {
        await using Scene scene = await Scene.StartAsync();
        await scene.Link.SendAsync(0, 3);
        Assert.Equal(0x80, (await RawPeer.ReadDataAsync(scene.Stream))[0]);

        (PeerStream next, InboundFrame? answer) = await scene.Raw.ResumeAsync(Id, 1);

        Assert.Equal((FrameKind.Resumed, 1ul), (answer!.Value.Kind, answer.Value.Number)); // it has our handshake
        Assert.Equal([0x80, 0, 0, 1, 0, 0, 0, 0], await RawPeer.ReadDataAsync(next));
        Assert.Equal([0x80, 0, 0, 2, 0, 0, 0, 0], await RawPeer.ReadDataAsync(next));
        await Assert.ThrowsAnyAsync<IOException>(() => RawPeer.ReadToEndAsync(scene.Stream)).LimitAsync("the old stream to be given up");
    }

    [Fact]
    public async Task Another_peer_that_knows_the_id_is_told_that_there_is_none()
    {
        await using Scene scene = await Scene.StartAsync();
        await using RawPeer thief = new(scene.Fabric, TestPeers.Id(1), index: 8);

        (_, InboundFrame? stolen) = await thief.ResumeAsync(Id, 0);
        (_, InboundFrame? guessed) = await thief.ResumeAsync(new AssociationId(99), 0);

        Assert.Equal(ResumeRefusal.Unknown, stolen!.Value.Refusal);
        Assert.Equal(stolen, guessed);
        Assert.Equal(2, scene.Node.Counters.RefusedResumes);
        Assert.Equal(0, scene.Link.Disassociations);
        await scene.Link.SendAsync(0, 1);
        Assert.NotNull(await RawPeer.ReadAsync(scene.Stream)); // undisturbed
    }

    [Theory]
    [InlineData(4ul)] // written 0 … 2
    [InlineData(1ul)] // acknowledged 2
    [InlineData(ulong.MaxValue)]
    public async Task An_absurd_number_ends_the_association(ulong number)
    {
        await using Scene scene = await Scene.StartAsync();
        await scene.Link.SendAsync(0, 3);
        for (int i = 0; i < 3; i++)
        {
            await RawPeer.ReadDataAsync(scene.Stream);
        }

        await scene.Stream.WriteAsync(FrameBuilder.Number(FrameKind.Ack, 2));
        await scene.Stream.WriteAsync(FrameBuilder.Data([0x80, 0, 0, 0]));
        await scene.Link.ReceivedAsync(1); // so the acknowledgement was read
        (_, InboundFrame? answer) = await scene.Raw.ResumeAsync(Id, number);

        Assert.Equal(ResumeRefusal.OutOfRange, answer!.Value.Refusal);
        await Within.UntilAsync(() => scene.Link.Disassociations == 1, "the association is over");
        Assert.Contains(scene.Node.Node.Penalties, penalty => penalty.Reason == EndReason.UnexpectedMessage);
    }

    [Theory]
    [InlineData(1ul)]
    [InlineData(ulong.MaxValue)]
    public async Task An_acknowledgement_of_what_was_never_sent_ends_the_association(ulong number)
    {
        await using Scene scene = await Scene.StartAsync();

        await scene.Stream.WriteAsync(FrameBuilder.Number(FrameKind.Ack, number));

        await Within.UntilAsync(() => scene.Link.Disassociations == 1, "the association is over");
        Assert.Contains(scene.Node.Node.Penalties, penalty => penalty.Reason == EndReason.UnexpectedMessage);
        Assert.Equal(1, scene.Node.Counters.Lost);
    }

    [Theory]
    [InlineData((byte)FrameKind.Resumed)]
    [InlineData((byte)FrameKind.Open)]
    [InlineData((byte)FrameKind.Resume)]
    public async Task A_frame_that_begins_a_stream_has_no_place_within_one(byte kind)
    {
        await using Scene scene = await Scene.StartAsync();

        await scene.Stream.WriteAsync((FrameKind)kind switch
        {
            FrameKind.Open => FrameBuilder.Open(Id),
            FrameKind.Resume => FrameBuilder.Resume(Id, 0),
            _ => FrameBuilder.Number((FrameKind)kind, 0),
        });

        await Within.UntilAsync(() => scene.Link.Disassociations == 1, "the association is over");
        Assert.Contains(scene.Node.Node.Penalties, penalty => penalty.Reason == EndReason.UnexpectedMessage);
    }

    [Fact]
    public async Task An_id_that_is_in_use_opens_nothing()
    {
        await using Scene scene = await Scene.StartAsync();

        PeerStream second = await scene.Raw.OpenAsync(Id);

        await Assert.ThrowsAnyAsync<IOException>(() => RawPeer.ReadToEndAsync(second)).LimitAsync("the second stream to be reset");
        Assert.Equal(0, scene.Link.Disassociations);
        Assert.Empty(scene.Node.Inbound);
    }

    [Fact]
    public async Task Resumes_are_bounded_a_minute_and_more_are_penalized()
    {
        await using Scene scene = await Scene.StartAsync(Patient with { MaxResumesPerMinute = 3 });

        List<FrameKind?> answers = [];
        for (int i = 0; i < 5; i++)
        {
            (_, InboundFrame? answer) = await scene.Raw.ResumeAsync(Id, 0);
            answers.Add(answer?.Kind);
        }

        Assert.Equal([FrameKind.Resumed, FrameKind.Resumed, FrameKind.Resumed, FrameKind.Refused, FrameKind.Refused], answers);
        Assert.Equal(2, scene.Node.Node.Penalties.Count(penalty => penalty.Reason == EndReason.TooManyRequests));
        Assert.Equal(2, scene.Node.Counters.RefusedResumes);
    }

    [Fact]
    public async Task Many_resumes_at_once_leave_one_stream_and_nothing_lost()
    {
        await using Scene scene = await Scene.StartAsync(Patient with { MaxInboundPerPeer = 16 });
        await scene.Link.SendAsync(0, 1);

        (PeerStream Stream, InboundFrame? Answer)[] all =
            await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => scene.Raw.ResumeAsync(Id, 0))).LimitAsync("all to be answered or given up");

        Assert.Contains(all, one => one.Answer is { Kind: FrameKind.Resumed });
        Task[] reads = [.. all.Select(one => RawPeer.ReadToEndAsync(one.Stream))];
        await Within.UntilAsync(() => reads.Count(read => read.IsCompleted) == 7, "one stream is left");
        await scene.Link.SendAsync(1, 1);
        Assert.Equal(1, reads.Count(read => !read.IsCompleted));
        Assert.Equal(0, scene.Link.Disassociations);
    }

    [Fact]
    public async Task A_stream_that_asks_for_nothing_in_time_is_closed()
    {
        await using Scene scene = await Scene.StartAsync(Patient with { HandshakeLimit = TimeSpan.FromMilliseconds(200) });

        PeerStream silent = await scene.Raw.StreamAsync();

        await Assert.ThrowsAnyAsync<IOException>(() => RawPeer.ReadToEndAsync(silent)).LimitAsync("the silent stream to be reset");
        Assert.Empty(scene.Node.Node.Penalties);
    }

    [Theory]
    [InlineData((byte)FrameKind.Ack)]
    [InlineData((byte)FrameKind.Resumed)]
    public async Task A_stream_that_begins_with_anything_but_open_or_resume_is_refused(byte kind)
    {
        await using Scene scene = await Scene.StartAsync();
        PeerStream stream = await scene.Raw.StreamAsync();

        await stream.WriteAsync(FrameBuilder.Number((FrameKind)kind, 0));

        await Assert.ThrowsAnyAsync<IOException>(() => RawPeer.ReadToEndAsync(stream)).LimitAsync("the stream to be reset");
        Assert.Contains(scene.Node.Node.Penalties, penalty => penalty.Reason == EndReason.UnexpectedMessage);
    }

    [Theory]
    [InlineData(7ul)] // beyond what was written
    [InlineData(ulong.MaxValue)]
    public async Task An_opener_ends_the_association_when_the_answer_is_absurd(ulong number)
    {
        await using Fabric fabric = new();
        await using TransportNode node = await TransportNode.StartAsync(fabric, 1);
        await using FabricNode liar = fabric.AddNode(9);
        liar.Handle(P2PTransport.Protocol, async (stream, cancellationToken) =>
        {
            InboundFrame? first = await RawPeer.ReadAsync(stream);
            if (first is { Kind: FrameKind.Resume })
            {
                await stream.WriteAsync(FrameBuilder.Number(FrameKind.Resumed, number), cancellationToken);
                await RawPeer.ReadToEndAsync(stream);
            }
        }); // ends its first stream at once

        Link link = await node.AssociateAsync(TestPeers.Id(9));

        await Within.UntilAsync(() => link.Disassociations == 1, "the association is over");
        Assert.Contains(node.Node.Penalties, penalty => penalty == (TestPeers.Id(9), EndReason.UnexpectedMessage));
    }

    [Fact]
    public async Task An_opener_that_gets_no_answer_tries_on_until_the_limit()
    {
        int asked = 0;
        await using Fabric fabric = new();
        await using TransportNode node = await TransportNode.StartAsync(fabric, 1, new P2PTransportOptions
        {
            ResumeLimit = TimeSpan.FromSeconds(1),
            ResumeAnswerLimit = TimeSpan.FromMilliseconds(100),
        });
        await using FabricNode silent = fabric.AddNode(9);
        silent.Handle(P2PTransport.Protocol, async (stream, _) =>
        {
            if (Interlocked.Increment(ref asked) > 1)
            {
                await RawPeer.ReadToEndAsync(stream);
            }
        });

        Link link = await node.AssociateAsync(TestPeers.Id(9));

        await Within.UntilAsync(() => link.Disassociations == 1, "the association is over");
        Assert.True(asked > 2);
        Assert.Empty(node.Node.Penalties);
    }

    /// <summary>A transport with one association that a raw peer has opened.</summary>
    private sealed class Scene : IAsyncDisposable
    {
        public required Fabric Fabric { get; init; }

        public required TransportNode Node { get; init; }

        public required RawPeer Raw { get; init; }

        public required PeerStream Stream { get; init; }

        public required Link Link { get; init; }

        public static async Task<Scene> StartAsync(P2PTransportOptions? options = null)
        {
            Fabric fabric = new();
            TransportNode node = await TransportNode.StartAsync(fabric, 1, options ?? Patient);
            RawPeer raw = new(fabric, TestPeers.Id(1));
            PeerStream stream = await raw.OpenAsync(Id);
            return new Scene { Fabric = fabric, Node = node, Raw = raw, Stream = stream, Link = await node.AcceptAsync() };
        }

        public async ValueTask DisposeAsync()
        {
            await Node.DisposeAsync();
            await Fabric.DisposeAsync();
        }
    }
}
