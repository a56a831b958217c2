using Microsoft.Extensions.Time.Testing;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Protocols.Kad.Records;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

/// <summary>What a stranger with a real connection can do to a server of the DHT.</summary>
public sealed class KadServerHostileTests
{
    [Theory]
    [InlineData("80", EndReason.MalformedMessage)] // the stream ends within a length
    [InlineData("ffffffffffffffffff01", EndReason.MalformedMessage)]
    [InlineData("818001", EndReason.MessageTooLarge)] // 16,385 bytes: by its length alone
    [InlineData("0208", EndReason.MalformedMessage)]
    [InlineData("020806", EndReason.UnexpectedMessage)] // type 6
    [InlineData("020804", EndReason.MalformedMessage)] // FIND_NODE without a key
    [InlineData("050802120100", EndReason.MalformedMessage)] // ADD_PROVIDER of a key of one byte
    public async Task Bytes_that_break_a_rule_end_the_stream_and_cost_score(string hex, EndReason reason)
    {
        await using KadNet net = await KadNet.StartAsync(1);
        Node stranger = await StrangerAsync(net);
        Assert.Equal(0, await AnswersAsync(stranger, net.NodeAt(0).LocalPeer, Convert.FromHexString(hex)));
        await Within.UntilAsync(
            () => net.NodeAt(0).GetPeerInfo(stranger.LocalPeer)!.Score < 0, $"{reason} is counted");
    }

    [Fact]
    public async Task A_stream_carries_many_requests()
    {
        await using KadNet net = await KadNet.StartAsync(1);
        Node stranger = await StrangerAsync(net);
        byte[] ping = [2, 8, 5];
        Assert.Equal(50, await AnswersAsync(
            stranger, net.NodeAt(0).LocalPeer, [.. Enumerable.Repeat(ping, 50).SelectMany(p => p)]));
    }

    [Fact]
    public async Task Who_asks_too_often_waits_for_the_answer()
    {
        var time = new FakeTimeProvider();
        await using KadNet net = await KadNet.StartAsync(
            1, o => o with { RequestBurstPerPeer = 20, RequestsPerSecondPerPeer = 1 }, time);
        Node stranger = await StrangerAsync(net);
        await using PeerStream stream = await stranger.OpenStreamAsync(
            net.NodeAt(0).LocalPeer, KadOptions.OwnProtocol, default).LimitAsync("a stream");
        await stream.WriteAsync((byte[])[.. Enumerable.Repeat(new byte[] { 2, 8, 5 }, 22).SelectMany(p => p)], default);
        using var reader = new FramedReader(stream, 100);
        for (int i = 0; i < 20; i++)
        {
            await reader.ReadAsync(default).LimitAsync("an answer at once");
        }

        Task<ReadOnlyMemory<byte>?> next = reader.ReadAsync(default).AsTask();
        await stranger.PingAsync(net.NodeAt(0).LocalPeer, default).LimitAsync("a ping: it has had the time to answer");
        Assert.False(next.IsCompleted, "the twenty-first answer came without a wait");
        for (int i = 0; i < 4 && !next.IsCompleted; i++)
        {
            time.Advance(TimeSpan.FromSeconds(1)); // the wait may begin after the first of these; the links bear 7 s
            await Task.WhenAny(next, Task.Delay(TimeSpan.FromSeconds(2)));
        }

        Assert.NotNull(await next.LimitAsync("the twenty-first answer"));
        Assert.Equal(0, net.NodeAt(0).GetPeerInfo(stranger.LocalPeer)!.Score); // no rule is broken
    }

    [Fact]
    public async Task A_stream_that_says_nothing_is_ended()
    {
        await using KadNet net = await KadNet.StartAsync(1, o => o with { IdleTimeout = TimeSpan.FromMilliseconds(50) });
        Node stranger = await StrangerAsync(net);
        await using PeerStream stream = await stranger.OpenStreamAsync(
            net.NodeAt(0).LocalPeer, KadOptions.OwnProtocol, default).LimitAsync("a stream");
        await stream.WriteAsync(new byte[] { 2 }, default).LimitAsync("writing"); // one byte of a message
        await Assert.ThrowsAnyAsync<IOException>(
            async () => await stream.ReadExactlyAsync(new byte[1], default).LimitAsync("the end"));
    }

    [Fact]
    public async Task A_flood_of_provider_records_fills_one_share()
    {
        await using KadNet net = await KadNet.StartAsync(1, o => o with
        {
            RequestBurstPerPeer = 100_000,
            Providers = o.Providers with { MaxPerPeer = 100 },
        });
        Node stranger = await StrangerAsync(net);
        using var flood = new MemoryStream();
        for (int i = 0; i < 2_000; i++)
        {
            await FramedWriter.WriteAsync(
                flood,
                KadCodec.Encode(new KadMessage
                {
                    Type = KadMessageType.AddProvider,
                    Key = Multihash.Sha256(BitConverter.GetBytes(i)).Bytes.ToArray(),
                    ProviderPeers = [new KadPeer(stranger.LocalPeer, [])],
                }),
                default);
        }

        Assert.Equal(0, await AnswersAsync(stranger, net.NodeAt(0).LocalPeer, flood.ToArray()));
        Assert.Equal(100, net[0].Status.Providers);
    }

    [Fact]
    public async Task A_forged_value_and_a_provider_record_of_somebody_else_are_not_kept()
    {
        await using KadNet net = await KadNet.StartAsync(1);
        Node stranger = await StrangerAsync(net);
        byte[] key = AnyValidator.Key(1);
        foreach (KadMessage message in (KadMessage[])
        [
            new()
            {
                Type = KadMessageType.PutValue,
                Key = key,
                Record = new ValueRecord(key, "!forged"u8.ToArray(), null),
            },
            new()
            {
                Type = KadMessageType.AddProvider,
                Key = Multihash.Sha256("x"u8).Bytes.ToArray(),
                ProviderPeers = [KadSamples.Peer(1)],
            },
        ])
        {
            using var bytes = new MemoryStream();
            await FramedWriter.WriteAsync(bytes, KadCodec.Encode(message), default);
            Assert.Equal(0, await AnswersAsync(stranger, net.NodeAt(0).LocalPeer, bytes.ToArray()));
        }

        await Within.UntilAsync(() => net.NodeAt(0).GetPeerInfo(stranger.LocalPeer)!.Score <= -59, "both are counted");
        Assert.Equal((0, 0), (net[0].Status.Records, net[0].Status.Providers));
    }

    [Theory]
    [InlineData("signature", true)]
    [InlineData("key", true)]
    [InlineData("owner", true)]
    [InlineData("expired", false)] // an honest clock may be late: it costs the stream and no score
    [InlineData("future", false)]
    [InlineData("endless", false)]
    public async Task A_signed_value_that_does_not_hold_is_not_kept(string wrong, bool isLie)
    {
        await using KadNet net = await KadNet.StartAsync(1);
        Node stranger = await StrangerAsync(net);
        (byte[] key, byte[] value) = SignedSamples.Wrong(wrong, TimeProvider.System.GetUtcNow());
        using var bytes = new MemoryStream();
        await FramedWriter.WriteAsync(bytes, KadCodec.Encode(PutMessage(key, value)), default);
        Assert.Equal(0, await AnswersAsync(stranger, net.NodeAt(0).LocalPeer, bytes.ToArray()));
        Assert.Equal(0, net[0].Status.Records);
        if (isLie)
        {
            await Within.UntilAsync(() => net.NodeAt(0).GetPeerInfo(stranger.LocalPeer)!.Score < 0, "the lie is counted");
        }
        else
        {
            Assert.Equal(0, net.NodeAt(0).GetPeerInfo(stranger.LocalPeer)!.Score);
        }
    }

    [Fact]
    public async Task A_put_is_answered_when_it_is_durable_and_not_before()
    {
        var storage = new SlowStorage();
        await using KadNet net = await KadNet.StartAsync(1, o => o with { Storage = storage });
        Node stranger = await StrangerAsync(net);
        using var bytes = new MemoryStream();
        await FramedWriter.WriteAsync(bytes, KadCodec.Encode(PutMessage(AnyValidator.Key(1), "a"u8.ToArray())), default);

        Task<int> answers = AnswersAsync(stranger, net.NodeAt(0).LocalPeer, bytes.ToArray());
        await storage.Asked.LimitAsync("the flush");
        await stranger.PingAsync(net.NodeAt(0).LocalPeer, default).LimitAsync("a ping: it has had the time to answer");
        Assert.False(answers.IsCompleted, "it was answered before it was durable");
        storage.Flushed.SetResult();
        Assert.Equal(1, await answers.LimitAsync("the answer"));

        storage.Flushed = new TaskCompletionSource();
        storage.Flushed.SetException(new IOException("the disk is full"));
        Assert.Equal(0, await AnswersAsync(stranger, net.NodeAt(0).LocalPeer, bytes.ToArray()));
    }

    private static async Task<Node> StrangerAsync(KadNet net)
    {
        int index = await net.AddAsync(o => o with { Mode = KadMode.Client });
        await net.ConnectAsync(index, 0);
        return net.NodeAt(index);
    }

    /// <summary>Sends bytes, half-closes, and counts the answers until the stream ends in whatever way.</summary>
    private static async Task<int> AnswersAsync(Node from, PeerId to, byte[] bytes)
    {
        await using PeerStream stream = await from.OpenStreamAsync(to, KadOptions.OwnProtocol, default).LimitAsync("a stream");
        int answers = 0;
        try
        {
            await stream.WriteAsync(bytes, default).LimitAsync("writing");
            await stream.CloseWriteAsync(default).LimitAsync("half-closing");
            using var reader = new FramedReader(stream, KadLimits.MaxAnswerBytes);
            while (await reader.ReadAsync(default).LimitAsync("an answer") is not null)
            {
                answers++;
            }
        }
        catch (IOException)
        {
            // It was reset.
        }

        return answers;
    }

    private static KadMessage PutMessage(byte[] key, byte[] value) => new()
    {
        Type = KadMessageType.PutValue,
        Key = key,
        Record = new ValueRecord(key, value, null),
    };

    /// <summary>Storage whose flush ends when the test says so.</summary>
    private sealed class SlowStorage : IKadStorage
    {
        private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public TaskCompletionSource Flushed { get; set; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public Task Asked => _asked.Task;

        public IReadOnlyList<KadStoredEntry> Load(KadTable table) => [];

        public void Save(KadStoredEntry entry)
        {
        }

        public void Delete(KadTable table, ReadOnlyMemory<byte> id)
        {
        }

        public Task FlushAsync(CancellationToken cancellationToken)
        {
            _asked.TrySetResult();
            return Flushed.Task;
        }
    }
}
