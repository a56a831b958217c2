using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols;
using P2PLearn.Networking.Protocols.Kad;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Protocols.Kad.Records;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Kad;

/// <summary>The DHT over whole nodes: connections, identify and streams are real.</summary>
public sealed class KadServiceTests
{
    private static readonly Multihash Content = Multihash.Sha256("content"u8);

    [Fact]
    public async Task A_node_reaches_a_peer_that_only_the_network_knows()
    {
        await using KadNet net = await KadNet.StartAsync(8);
        int newcomer = await net.AddAsync();
        await net.ConnectAsync(newcomer, 0);
        PeerId target = net.NodeAt(7).LocalPeer;

        Multiaddr address = Assert.Single(await net[newcomer].FindPeerAsync(target, default).LimitAsync("finding a peer"));
        Assert.Equal(net.NodeAt(7).ListenAddresses[0].WithoutPeerId(), address);

        int router = await net.AddAsync(o => o with { Mode = KadMode.Client });
        await net.ConnectAsync(router, 0);
        net.NodeAt(router).PeerRouter = net[router];
        await net.NodeAt(router).ConnectAsync(target, default).LimitAsync("connecting by peer id");
        Assert.Contains(target, net.NodeAt(router).ConnectedPeers);
    }

    [Fact]
    public async Task Who_is_nowhere_is_not_found()
    {
        await using KadNet net = await KadNet.StartAsync(4);
        Assert.Empty(await net[0].FindPeerAsync(KadSamples.Id(1), default).LimitAsync("finding nobody"));
        net.NodeAt(0).PeerRouter = net[0];
        await Assert.ThrowsAsync<PeerUnreachableException>(
            async () => await net.NodeAt(0).ConnectAsync(KadSamples.Id(1), default).LimitAsync("not connecting"));
    }

    [Fact]
    public async Task A_value_put_by_one_is_got_by_another()
    {
        await using KadNet net = await KadNet.StartAsync(8);
        byte[] key = SignedValue.KeyOf(net.NodeAt(1).LocalPeer, "checkpoint");
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        using KeyPair owner = TestPeers.Key(1);
        byte[] value = new SignedValue(key, 1, now, now.AddHours(1), "cid"u8.ToArray()).Seal(owner);

        KadPutResult put = await net[1].PutValueAsync(key, value, default).LimitAsync("putting");
        KadValue got = (await net[6].GetValueAsync(key, default).LimitAsync("getting"))!;

        Assert.Equal((RecordCheck.Valid, 7, 7), (put.Check, put.Asked, put.Stored));
        Assert.Equal(value, got.Value.ToArray());
        Assert.Null(await net[6].GetValueAsync(AnyValidator.Key(9), default).LimitAsync("getting nothing"));
    }

    [Fact]
    public async Task A_value_that_does_not_hold_is_not_even_sent()
    {
        await using KadNet net = await KadNet.StartAsync(3);
        KadPutResult put = await net[0].PutValueAsync(AnyValidator.Key(1), "!x"u8.ToArray(), default).LimitAsync("putting");
        Assert.Equal(new KadPutResult(RecordCheck.BadSignature, 0, 0), put);
        Assert.Equal(0, net[0].Status.Announcements);
    }

    [Fact]
    public async Task The_best_value_wins_and_who_has_an_older_one_is_corrected()
    {
        await using KadNet net = await KadNet.StartAsync(4, o => o with { Quorum = 3 });
        byte[] key = AnyValidator.Key(1);
        await net[0].PutValueAsync(key, "a"u8.ToArray(), default).LimitAsync("putting");
        int late = await net.AddAsync(o => o with { Quorum = 10 });
        await net.ConnectAsync(late, 0);
        await net[late].BootstrapAsync(default).LimitAsync("a bootstrap");
        await SendAsync(net.NodeAt(late), net.NodeAt(2).LocalPeer, PutMessage(key, "b")); // one holder has a newer one

        KadValue got = (await net[late].GetValueAsync(key, default).LimitAsync("getting"))!;

        Assert.Equal("b"u8.ToArray(), got.Value.ToArray());
        Assert.Equal(3, got.Outdated.Count);
        foreach (int i in (int[])[0, 1, 3])
        {
            await Within.UntilAsync(() => Held(net, late, i, key).Result == "b", "it is corrected");
        }
    }

    [Fact]
    public async Task Providers_are_found_with_their_addresses()
    {
        await using KadNet net = await KadNet.StartAsync(8);
        Assert.Equal(7, await net[1].ProvideAsync(Content, default).LimitAsync("providing"));
        Assert.Equal(7, await net[2].ProvideAsync(Content, default).LimitAsync("providing"));

        List<KadPeer> found = await FindAsync(net[7], max: 10);
        Assert.Equal(
            new[] { net.NodeAt(1).LocalPeer, net.NodeAt(2).LocalPeer }.Order(), found.Select(p => p.Peer).Order());
        Assert.All(found, p => Assert.NotEmpty(p.Addresses));
        Assert.Single(await FindAsync(net[7], max: 1));
        Assert.Equal(1, net[1].Status.Announcements);
        net[1].StopProviding(Content);
        Assert.Equal(0, net[1].Status.Announcements);
    }

    [Fact]
    public async Task A_search_for_providers_ends_when_nobody_listens_any_more()
    {
        await using KadNet net = await KadNet.StartAsync(4);
        await net[1].ProvideAsync(Content, default).LimitAsync("providing");
        await foreach (KadPeer provider in net[3].FindProvidersAsync(Content, 10, default))
        {
            Assert.Equal(net.NodeAt(1).LocalPeer, provider.Peer);
            break;
        }
    }

    [Fact]
    public async Task A_client_asks_and_is_in_nobodys_table()
    {
        await using KadNet net = await KadNet.StartAsync(3);
        int client = await net.AddAsync(o => o with { Mode = KadMode.Client });
        await net.ConnectAsync(client, 0);
        await net[client].PutValueAsync(AnyValidator.Key(1), "a"u8.ToArray(), default).LimitAsync("putting");
        await net[client].BootstrapAsync(default).LimitAsync("a bootstrap");

        Assert.False(net[client].IsServer);
        Assert.Equal(3, net[client].Status.Peers);
        Assert.All([0, 1, 2], i => Assert.Equal(2, net[i].Status.Peers));
        await Assert.ThrowsAsync<ProtocolNotSupportedException>(async () => await net.NodeAt(0).OpenStreamAsync(
            net.NodeAt(client).LocalPeer, KadOptions.OwnProtocol, default).LimitAsync("a stream"));
    }

    [Fact]
    public async Task A_node_behind_an_unknown_nat_is_a_client_until_it_is_known_to_be_reachable()
    {
        await using Node hidden = Swarms.Create(1, o => o with { Nat = Quiet });
        await using var kad = new KadService(hidden, new KadOptions());
        Assert.False(kad.IsServer);
        kad.OnReachability(hidden.Nat!.Status with { Reachability = Reachability.Public });
        Assert.True(kad.IsServer);
        kad.OnReachability(hidden.Nat!.Status with { Reachability = Reachability.Private });
        Assert.False(kad.IsServer);

        await using Node open = Swarms.Create(2, o => o with
        {
            Nat = Quiet with { AnnouncedAddresses = [Multiaddr.Parse("/ip4/11.1.1.1/tcp/1")] },
        });
        await using var server = new KadService(open, new KadOptions());
        Assert.True(server.IsServer);
    }

    [Fact]
    public async Task A_server_that_turns_client_leaves_the_tables()
    {
        await using KadNet net = await KadNet.StartAsync(2);
        Assert.Equal(1, net[0].Status.Peers);
        await net[1].DisposeAsync();
        await Within.UntilAsync(() => net[0].Status.Peers == 0, "identify push tells");
        await net[1].DisposeAsync(); // twice is fine
    }

    [Fact]
    public async Task Nodes_of_another_network_never_meet()
    {
        await using KadNet net = await KadNet.StartAsync(2);
        int other = await net.AddAsync(o => o with { Protocol = KadOptions.IpfsProtocol });
        await net.ConnectAsync(other, 0);
        Assert.Equal((0, 1), (net[other].Status.Peers, net[0].Status.Peers));
    }

    [Fact]
    public async Task What_a_node_put_and_provides_is_told_again()
    {
        await using KadNet net = await KadNet.StartAsync(1, o => o with
        {
            RepublishInterval = TimeSpan.FromMilliseconds(100),
            RefreshInterval = TimeSpan.FromMilliseconds(50),
        });
        int first = await net.AddAsync();
        await net.ConnectAsync(first, 0);
        await net[0].PutValueAsync(AnyValidator.Key(1), "a"u8.ToArray(), default).LimitAsync("putting");
        await net[0].ProvideAsync(Content, default).LimitAsync("providing");

        int late = await net.AddAsync();
        await net.ConnectAsync(late, 0);
        await Within.UntilAsync(() => net[late].Status is { Records: 1, Providers: 1 }, "it is told too");
    }

    [Fact]
    public async Task A_client_is_found_by_those_that_are_connected_with_it()
    {
        await using KadNet net = await KadNet.StartAsync(4);
        int client = await net.AddAsync(o => o with { Mode = KadMode.Client });
        await net.ConnectAsync(client, 0);
        IReadOnlyList<Multiaddr> found = await net[3].FindPeerAsync(net.NodeAt(client).LocalPeer, default).LimitAsync("finding");
        Assert.Equal(net.NodeAt(client).ListenAddresses[0].WithoutPeerId(), Assert.Single(found));
    }

    [Fact]
    public async Task Connections_that_lookups_made_are_few()
    {
        await using KadNet net = await KadNet.StartAsync(10);
        int newcomer = await net.AddAsync(o => o with
        {
            Mode = KadMode.Client,
            MaxDialledConnections = 3,
            DialledCheckInterval = TimeSpan.FromMilliseconds(20),
        });
        await net.ConnectAsync(newcomer, 0);
        await net[newcomer].BootstrapAsync(default).LimitAsync("a bootstrap");
        Assert.Equal(10, net[newcomer].Status.Peers);

        await Within.UntilAsync(
            () => net.NodeAt(newcomer).ConnectedPeers.Count == 4, "three of the lookup's connections are left, and our own");
        Assert.Contains(net.NodeAt(0).LocalPeer, net.NodeAt(newcomer).ConnectedPeers);
        Assert.Equal(10, net[newcomer].Status.Peers); // they are known all the same
    }

    [Fact]
    public async Task What_a_node_keeps_for_others_survives_its_restart()
    {
        var storage = new MemoryKadStorage();
        await using KadNet net = await KadNet.StartAsync(1);
        int keeper = await net.AddAsync(o => o with { Storage = storage });
        await net.ConnectAsync(keeper, 0);
        await Within.UntilAsync(() => net[0].Status.Peers == 1, "the keeper is taken for a server");
        await net[0].PutValueAsync(AnyValidator.Key(1), "a"u8.ToArray(), default).LimitAsync("putting");
        await net[0].ProvideAsync(Content, default).LimitAsync("providing");
        await net[keeper].DisposeAsync();

        await using var again = new KadService(
            net.NodeAt(keeper), new KadOptions { Storage = storage, Validators = KadNet.Validators, Mode = KadMode.Server });
        Assert.Equal((1, 1), (again.Status.Records, again.Status.Providers));
        Assert.Equal("a"u8.ToArray(), (await again.GetValueAsync(AnyValidator.Key(1), default).LimitAsync("getting"))!.Value.ToArray());
    }

    [Theory]
    [InlineData("silent")]
    [InlineData("garbage")]
    [InlineData("giant")]
    [InlineData("another type")]
    [InlineData("end")]
    public async Task A_server_that_answers_badly_holds_no_lookup_up(string how)
    {
        await using KadNet net = await KadNet.StartAsync(4, o => o with
        {
            Lookup = o.Lookup with { RequestTimeout = TimeSpan.FromSeconds(1), SlowAfter = TimeSpan.FromMilliseconds(100) },
        });
        int bad = await net.AddAsync(o => o with { Mode = KadMode.Client });
        net.NodeAt(bad).Handle(KadOptions.OwnProtocol, (stream, token) => AnswerBadlyAsync(stream, how, token));
        await net.ConnectAsync(0, bad);
        await Within.UntilAsync(() => net[0].Status.Peers == 4, "it is taken for a server");

        await net[1].PutValueAsync(AnyValidator.Key(1), "a"u8.ToArray(), default).LimitAsync("putting");
        KadValue got = (await net[0].GetValueAsync(AnyValidator.Key(1), default).LimitAsync("getting"))!;
        Assert.Equal("a"u8.ToArray(), got.Value.ToArray());
        Assert.Null(await net[0].GetValueAsync(AnyValidator.Key(2), default).LimitAsync("getting nothing"));
    }

    [Theory]
    [InlineData("signature", true)]
    [InlineData("owner", true)]
    [InlineData("expired", false)]
    [InlineData("future", false)]
    public async Task A_server_that_gives_values_that_do_not_hold_is_not_believed(string wrong, bool isLie)
    {
        await using KadNet net = await KadNet.StartAsync(3);
        int bad = await net.AddAsync(o => o with { Mode = KadMode.Client });
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        (byte[] key, byte[] value) = SignedSamples.Wrong(wrong, now);
        net.NodeAt(bad).Handle(KadOptions.OwnProtocol, (stream, token) => GiveAsync(stream, value, token));
        await net.ConnectAsync(0, bad);
        await Within.UntilAsync(() => net[0].Status.Peers == 3, "it is taken for a server");

        Assert.Null(await net[0].GetValueAsync(key, default).LimitAsync("getting nothing"));
        Assert.Equal(isLie, net.NodeAt(0).GetPeerInfo(net.NodeAt(bad).LocalPeer)!.Score < 0);
        byte[] right = SignedSamples.Right(now);
        await net[1].PutValueAsync(SignedSamples.Key, right, default).LimitAsync("putting");
        if (key.AsSpan().SequenceEqual(SignedSamples.Key))
        {
            Assert.Equal(right, (await net[0].GetValueAsync(key, default).LimitAsync("getting"))!.Value.ToArray());
        }
    }

    [Fact]
    public async Task A_restarted_node_goes_on_announcing_and_an_expired_value_is_dropped()
    {
        string folder = Directory.CreateTempSubdirectory("p2plearn-dht-").FullName;
        try
        {
            DateTimeOffset now = TimeProvider.System.GetUtcNow();
            await using KadNet net = await KadNet.StartAsync(1);
            await using (SqliteKadStorage storage = Open())
            {
                await using var first = new KadService(net.NodeAt(await net.AddAsync()), Options(storage));
                Assert.Equal(0, (await first.PutValueAsync(AnyValidator.Key(1), "a"u8.ToArray(), default).LimitAsync("putting")).Asked);
                Assert.Equal(0, await first.ProvideAsync(Content, default).LimitAsync("providing")); // nobody is there to be told
                await first.PutValueAsync(SignedSamples.Key, SignedSamples.Right(now.AddHours(-1), 3600 + 5), default).LimitAsync("putting");
                Assert.Equal(3, first.Status.Announcements);
            }

            await using SqliteKadStorage again = Open();
            int node = await net.AddAsync(o => o with { Storage = again }, new LateClock(TimeSpan.FromMinutes(1))); // the signed value is over
            Assert.Equal(2, net[node].Status.Announcements);
            Assert.Equal(1, net[node].Status.Records);
            await net.ConnectAsync(node, 0);
            await Within.UntilAsync(() => net[0].Status is { Records: 1, Providers: 1 }, "what the node said before its restart is told");
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        SqliteKadStorage Open() => SqliteKadStorage.Open(Path.Combine(folder, "dht.db"), TimeProvider.System, NullLoggerFactory.Instance);
        static KadOptions Options(IKadStorage storage) => new() { Storage = storage, Validators = KadNet.Validators, Protocol = KadOptions.IpfsProtocol };
    }

    private static NatOptions Quiet => new() { PortMapping = null, RelayMode = RelayMode.Off };

    private static KadMessage PutMessage(byte[] key, string value) => new()
    {
        Type = KadMessageType.PutValue,
        Key = key,
        Record = new ValueRecord(key, System.Text.Encoding.UTF8.GetBytes(value), null),
    };

    private static async Task<string?> Held(KadNet net, int asker, int holder, byte[] key)
    {
        KadMessage answer = await SendAsync(
            net.NodeAt(asker), net.NodeAt(holder).LocalPeer, new KadMessage { Type = KadMessageType.GetValue, Key = key });
        return answer.Record is { } record ? System.Text.Encoding.UTF8.GetString(record.Value.Span) : null;
    }

    private static async Task<KadMessage> SendAsync(Node from, PeerId to, KadMessage message)
    {
        await using PeerStream stream = await from.OpenStreamAsync(to, KadOptions.OwnProtocol, default).LimitAsync("a stream");
        await FramedWriter.WriteAsync(stream, KadCodec.Encode(message), default).LimitAsync("writing");
        await stream.CloseWriteAsync(default).LimitAsync("half-closing");
        using var reader = new FramedReader(stream, KadLimits.MaxAnswerBytes);
        return KadCodec.Decode((await reader.ReadAsync(default).LimitAsync("an answer"))!.Value.Span, KadLimits.MaxAnswerBytes);
    }

    private static async Task<List<KadPeer>> FindAsync(KadService kad, int max)
    {
        List<KadPeer> found = [];
        await foreach (KadPeer provider in kad.FindProvidersAsync(Content, max, default))
        {
            found.Add(provider);
        }

        return found;
    }

    private static async Task AnswerBadlyAsync(PeerStream stream, string how, CancellationToken cancellationToken)
    {
        byte[] answer = how switch
        {
            "garbage" => [5, 0xff, 0xff, 0xff, 0xff, 0xff],
            "giant" => [0xff, 0xff, 0xff, 0x7f],
            "another type" => [2, 8, 5],
            _ => [],
        };
        await stream.WriteAsync(answer, cancellationToken);
        if (how == "silent")
        {
            await Task.Delay(Timeout.Infinite, cancellationToken);
        }

        await stream.CloseWriteAsync(cancellationToken);
        while (await stream.ReadAsync(new byte[100], cancellationToken) > 0)
        {
        }
    }

    private static async Task GiveAsync(PeerStream stream, byte[] value, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, KadLimits.MaxRequestBytes);
        while (await reader.ReadAsync(cancellationToken) is { } bytes)
        {
            KadMessage request = KadCodec.Decode(bytes.Span, KadLimits.MaxRequestBytes);
            var answer = new KadMessage
            {
                Type = request.Type,
                Key = request.Key,
                Record = request.Type == KadMessageType.GetValue ? new ValueRecord(request.Key, value, null) : null,
            };
            await FramedWriter.WriteAsync(stream, KadCodec.Encode(answer), cancellationToken);
        }

        await stream.CloseWriteAsync(cancellationToken);
    }

    /// <summary>The system's clock, ahead; its timers run as the system's.</summary>
    private sealed class LateClock(TimeSpan by) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + by;
    }
}
