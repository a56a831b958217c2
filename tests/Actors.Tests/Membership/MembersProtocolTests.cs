using CsCheck;
using P2PLearn.Actors.Membership;
using P2PLearn.Networking;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Actors.Tests.Membership;

public sealed class MembersCodecTests
{
    [Fact]
    public void Answers_round_trip() =>
        Gen.Select(Gen.Bool, Gen.Int[0, 40].List[0, 30], Gen.Int[0, 40].List[0, 30]).Sample((isMember, live, joining) =>
        {
            MembersAnswer answer = new(isMember, [.. live.Select(TestMesh.Peer)], [.. joining.Select(TestMesh.Peer)]);

            Assert.True(MembersCodec.TryRead(MembersCodec.Write(answer), out MembersAnswer? read));
            Assert.Equal(answer.IsMember, read.IsMember);
            Assert.Equal(answer.Live, read.Live);
            Assert.Equal(answer.Joining, read.Joining);
        });

    [Fact]
    public void The_bytes_are_these()
    {
        byte[] bytes = MembersCodec.Write(new MembersAnswer(true, [TestMesh.Peer(1)], [TestMesh.Peer(2)]));

        Assert.Equal(
            "01020126" + Convert.ToHexString(TestMesh.Peer(1).Bytes) + "0226" + Convert.ToHexString(TestMesh.Peer(2).Bytes), Convert.ToHexString(bytes));
    }

    [Fact]
    public void An_answer_is_bounded_and_members_come_first()
    {
        byte[] bytes = MembersCodec.Write(new MembersAnswer(true, TestPeers.List(60), TestPeers.List(60)));

        Assert.True(bytes.Length <= MembersCodec.MaxBytes);
        Assert.True(MembersCodec.TryRead(bytes, out MembersAnswer? read));
        Assert.Equal((60, 4), (read.Live.Count, read.Joining.Count));
    }

    [Fact]
    public void Whatever_the_bytes_they_are_an_answer_or_refused()
    {
        byte[] right = MembersCodec.Write(new MembersAnswer(true, TestPeers.List(3), TestPeers.List(2)));
        Assert.False(MembersCodec.TryRead([.. right, 0], out _));
        for (int length = 0; length < right.Length; length++)
        {
            Assert.False(MembersCodec.TryRead(right.AsSpan(0, length), out _));
        }

        Gen.Select(Gen.Int[0, right.Length - 1], Gen.Byte).Sample((index, value) =>
        {
            byte[] flipped = [.. right];
            flipped[index] = value;
            MembersCodec.TryRead(flipped, out _);
        });
        Gen.Byte.Array[0, 200].Sample(bytes =>
        {
            MembersCodec.TryRead(bytes, out _);
        });
    }

    [Theory]
    [InlineData("0200")] // neither in nor out
    [InlineData("0141")] // 65 peers
    [InlineData("0101032600")] // unknown mark
    [InlineData("01010100")] // an empty id
    [InlineData("010101ff")]
    public void A_wrong_answer_is_refused(string hex) => Assert.False(MembersCodec.TryRead(Convert.FromHexString(hex), out _));
}

public sealed class MembersProtocolTests
{
    [Fact]
    public async Task A_question_gets_the_answer_and_the_asker_is_the_peer_that_was_authenticated()
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0), b = fabric.AddNode(1);
        (PeerId Asker, bool IsJoining) heard = default;
        using MembersProtocol server = new(b, TimeProvider.System, (asker, isJoining) =>
        {
            heard = (asker, isJoining);
            return new MembersAnswer(true, [TestMesh.Peer(5)], []);
        });

        MembersAnswer answer = await MembersProtocol.AskAsync(a, TestMesh.Peer(1), isJoining: true, CancellationToken.None).LimitAsync("an answer");

        Assert.Equal([TestMesh.Peer(5)], answer.Live);
        Assert.Equal((TestMesh.Peer(0), true), heard);
        Assert.True((await new StreamReachability(a).ReachAsync(TestMesh.Peer(1), CancellationToken.None)).IsReachable);
    }

    [Fact]
    public async Task Who_cannot_be_reached_is_told_with_a_reason()
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0);
        fabric.AddNode(1);
        StreamReachability reachability = new(a);

        Assert.Contains("members", (await reachability.ReachAsync(TestMesh.Peer(1), CancellationToken.None)).Obstacle, StringComparison.Ordinal);
        fabric.Block(TestMesh.Peer(0), TestMesh.Peer(1));
        Assert.Contains("cannot be dialled", (await reachability.ReachAsync(TestMesh.Peer(1), CancellationToken.None)).Obstacle, StringComparison.Ordinal);
        Assert.Contains("in time", (await reachability.ReachAsync(TestMesh.Peer(1), new CancellationToken(true))).Obstacle, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("")]
    [InlineData("02")]
    [InlineData("0000")]
    public async Task A_question_that_is_none_ends_the_stream(string hex)
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0), b = fabric.AddNode(1);
        using MembersProtocol server = new(b, TimeProvider.System, (_, _) => throw new InvalidOperationException("not to be asked"));
        await using PeerStream stream = await a.OpenStreamAsync(TestMesh.Peer(1), MembersProtocol.Id, CancellationToken.None);

        await Assert.ThrowsAnyAsync<IOException>(AskAsync).LimitAsync("the stream to be reset");
        Assert.Empty(b.HandlerFailures);

        async Task AskAsync()
        {
            await stream.WriteAsync(Convert.FromHexString(hex)); // the reset may come as soon as the first wrong byte is there
            await stream.CloseWriteAsync(CancellationToken.None);
            _ = await stream.ReadAsync(new byte[1]);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(MembersCodec.MaxBytes + 100)]
    public async Task An_answer_that_is_none_is_a_violation(int length)
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0), b = fabric.AddNode(1);
        b.Handle(MembersProtocol.Id, async (stream, cancellationToken) =>
        {
            await stream.CopyToAsync(Stream.Null, cancellationToken); // the question, to its end
            await stream.WriteAsync(new byte[length], cancellationToken);
            await stream.CloseWriteAsync(cancellationToken);
        });

        await Assert.ThrowsAsync<ProtocolViolationException>(
            () => MembersProtocol.AskAsync(a, TestMesh.Peer(1), isJoining: false, CancellationToken.None)).LimitAsync("the answer");
        Assert.Equal([(TestMesh.Peer(1), EndReason.MalformedMessage)], a.Penalties);
    }

    [Fact]
    public async Task Questions_that_never_end_are_bounded_in_number()
    {
        await using Fabric fabric = new();
        FabricNode a = fabric.AddNode(0), b = fabric.AddNode(1);
        using MembersProtocol server = new(b, TimeProvider.System, (_, _) => new MembersAnswer(false, [], []));
        List<PeerStream> silent = [];
        for (int i = 0; i <= MembersProtocol.MaxAnswers; i++)
        {
            silent.Add(await a.OpenStreamAsync(TestMesh.Peer(1), MembersProtocol.Id, CancellationToken.None));
        }

        Task<int>[] reads = [.. silent.Select(stream => stream.ReadAsync(new byte[1]).AsTask())];
        Task<int> refused = await Task.WhenAny(reads).LimitAsync("one to be refused");

        await Assert.ThrowsAnyAsync<IOException>(() => refused);
        Assert.Equal(1, reads.Count(read => read.IsCompleted));
        silent.ForEach(stream => stream.Dispose());
        await Record.ExceptionAsync(() => Task.WhenAll(reads));
    }
}
