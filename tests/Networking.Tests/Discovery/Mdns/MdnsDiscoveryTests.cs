using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Discovery.Mdns;

/// <summary>Over real multicast sockets, on the loopback interface alone: nothing leaves the machine.</summary>
public sealed class MdnsDiscoveryTests
{
    private readonly MdnsOptions _options = new()
    {
        IncludeLoopback = true,
        Port = FreePort(),
        ServiceName = $"_p2p-{RandomNumberGenerator.GetHexString(16, lowercase: true)}._udp.local",
    };

    [Fact]
    public async Task Two_nodes_of_one_machine_find_each_other()
    {
        await SkipWithoutMulticastAsync();
        await using var a = new Found(Create(1, "/ip4/127.0.0.1/tcp/1001"));
        await using var b = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002", "/ip4/192.0.2.9/tcp/1002"));
        Assert.Equal((TestPeers.Id(2), "/ip4/127.0.0.1/tcp/1002 /ip4/192.0.2.9/tcp/1002"), await a.NextAsync());
        Assert.Equal((TestPeers.Id(1), "/ip4/127.0.0.1/tcp/1001"), await b.NextAsync());
    }

    [Fact]
    public async Task New_addresses_reach_the_others()
    {
        await SkipWithoutMulticastAsync();
        IReadOnlyList<Multiaddr> addresses = [];
        await using var a = new Found(Create(1, "/ip4/127.0.0.1/tcp/1001"));
        MdnsDiscovery changing = Create(2, () => Volatile.Read(ref addresses));
        await using var b = new Found(changing);
        await b.NextAsync();
        Volatile.Write(ref addresses, [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1002")]);
        changing.AddressesChanged();
        Assert.Equal((TestPeers.Id(2), "/ip4/127.0.0.1/tcp/1002"), await a.NextAsync());
        Volatile.Write(ref addresses, [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1003")]);
        changing.AddressesChanged();
        (PeerId Peer, string Addresses) next;
        while ((next = await a.NextAsync()).Addresses == "/ip4/127.0.0.1/tcp/1002")
        {
            // A change within a second of the last report waits for the next answer.
            changing.AddressesChanged();
        }

        Assert.Equal("/ip4/127.0.0.1/tcp/1003", next.Addresses);
    }

    [Fact]
    public async Task Services_of_different_names_do_not_see_each_other()
    {
        await SkipWithoutMulticastAsync();
        await using var home = new Found(Create(1, "/ip4/127.0.0.1/tcp/1001"));
        await using var elsewhere = new Found(new MdnsDiscovery(
            _options with { ServiceName = MdnsServiceName.Public },
            TestPeers.Id(3),
            () => [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1003")],
            Loopback,
            TimeProvider.System,
            NullLoggerFactory.Instance));
        await using var late = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002"));
        Assert.Equal(TestPeers.Id(2), (await home.NextAsync()).Peer);
        Assert.Equal(TestPeers.Id(1), (await late.NextAsync()).Peer);
        Assert.False(elsewhere.Any);
    }

    [Fact]
    public async Task An_interface_that_comes_later_is_joined()
    {
        await SkipWithoutMulticastAsync();
        IReadOnlyList<MdnsLink> links = [];
        var looked = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        MdnsOptions options = _options with { QueryInterval = TimeSpan.FromSeconds(1) };
        await using var a = new Found(new MdnsDiscovery(
            options,
            TestPeers.Id(1),
            () => [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1001")],
            () =>
            {
                looked.TrySetResult();
                return Volatile.Read(ref links);
            },
            TimeProvider.System,
            NullLoggerFactory.Instance));
        await using var b = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002"));
        await looked.Task.LimitAsync("the first look");
        Assert.False(a.Any);
        Volatile.Write(ref links, Loopback()!);
        Assert.Equal(TestPeers.Id(2), (await a.NextAsync()).Peer);
        Assert.Equal(TestPeers.Id(1), (await b.NextAsync()).Peer);
    }

    [Fact]
    public async Task Packets_of_strangers_stop_nothing()
    {
        await SkipWithoutMulticastAsync();
        await using var a = new Found(Create(1, "/ip4/127.0.0.1/tcp/1001"));
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        stranger.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(Loopback()![0].Index));
        var group = new IPEndPoint(IPAddress.Parse("224.0.0.251"), _options.Port);
        foreach (int length in (int[])[0, 1, 12, 9_000, 9_001, 20_000])
        {
            await stranger.SendToAsync(RandomNumberGenerator.GetBytes(length), group);
        }

        await using var b = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002"));
        Assert.Equal(TestPeers.Id(2), (await a.NextAsync()).Peer);
    }

    [Fact]
    public async Task What_is_sent_to_this_machine_alone_is_not_believed()
    {
        await SkipWithoutMulticastAsync();
        await using var a = new Found(Create(1, "/ip4/127.0.0.1/tcp/1001"));
        using var stranger = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        byte[] forged = MdnsAnnouncement.Write(
            _options, DnsName.Parse(_options.ServiceName), DnsName.Parse(_options.ServiceName).Child("x"), TestPeers.Id(9), Loopback()![0],
            [Multiaddr.Parse("/ip4/127.0.0.1/tcp/9")])!;
        await stranger.SendToAsync(forged, new IPEndPoint(IPAddress.Loopback, _options.Port));
        await using var b = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002"));
        Assert.Equal(TestPeers.Id(2), (await a.NextAsync()).Peer);
        Assert.False(a.Any);
    }

    [Fact]
    public async Task A_handler_that_throws_does_not_stop_the_others()
    {
        await SkipWithoutMulticastAsync();
        MdnsDiscovery discovery = Create(1, "/ip4/127.0.0.1/tcp/1001");
        var throwing = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await using var a = new Found(discovery);
        discovery.PeerFound += (_, _) =>
        {
            throwing.TrySetResult();
            throw new InvalidOperationException("a handler of another layer");
        };
        await using var b = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002"));
        await throwing.Task.LimitAsync("the first handler");
        await using var c = new Found(Create(3, "/ip4/127.0.0.1/tcp/1003"));
        await a.NextAsync();
        await a.NextAsync();
    }

    [Fact]
    public async Task A_port_that_another_program_does_not_share_is_one_warning_and_taken_when_free()
    {
        await SkipWithoutMulticastAsync();
        var exclusive = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        exclusive.Bind(new IPEndPoint(IPAddress.Any, _options.Port));
        var warned = new TaskCompletionSource<string>(TaskCreationOptions.RunContinuationsAsynchronously);
        using var loggers = new Warnings(text => Assert.True(warned.TrySetResult(text), "one warning"));
        await using var a = new Found(new MdnsDiscovery(
            _options with { QueryInterval = TimeSpan.FromSeconds(1) },
            TestPeers.Id(1),
            () => [Multiaddr.Parse("/ip4/127.0.0.1/tcp/1001")],
            Loopback,
            TimeProvider.System,
            loggers));
        Assert.Contains($"IPv4 port {_options.Port} cannot be opened", await warned.Task.LimitAsync("the warning"), StringComparison.Ordinal);
        exclusive.Dispose();
        await using var b = new Found(Create(2, "/ip4/127.0.0.1/tcp/1002"));
        Assert.Equal(TestPeers.Id(2), (await a.NextAsync()).Peer);
    }

    [Fact]
    public async Task Without_an_interface_it_waits_and_harms_nobody()
    {
        await using var none = new MdnsDiscovery(_options, TestPeers.Id(1), () => [], () => null, TimeProvider.System, NullLoggerFactory.Instance);
        none.Start();
        none.AddressesChanged();
    }

    [Fact]
    public async Task On_the_wire_it_has_a_random_name_and_takes_its_leave()
    {
        await SkipWithoutMulticastAsync();
        using MdnsSocket wire = MdnsSocket.Open(AddressFamily.InterNetwork, _options.Port);
        wire.Join(Loopback()!, (link, e) => Assert.Fail($"{link.Name}: {e.Message}"));
        var names = new HashSet<string>();
        for (int i = 0; i < 2; i++)
        {
            MdnsDiscovery discovery = Create(1, "/ip4/127.0.0.1/tcp/1001");
            discovery.Start();
            PtrRecord here = await PointerAsync(wire, p => p.Ttl > TimeSpan.Zero);
            await discovery.DisposeAsync();
            PtrRecord gone = await PointerAsync(wire, p => p.Ttl == TimeSpan.Zero);
            Assert.Equal(here.Target, gone.Target);
            Assert.Matches("^[a-z0-9]{32,}\\." + _options.ServiceName + "$", here.Target.ToString());
            Assert.True(names.Add(here.Target.ToString()));
        }
    }

    [Fact]
    public async Task It_starts_once_and_ends_once()
    {
        MdnsDiscovery discovery = Create(1, "/ip4/127.0.0.1/tcp/1001");
        discovery.Start();
        Assert.Throws<InvalidOperationException>(discovery.Start);
        await discovery.DisposeAsync();
        await discovery.DisposeAsync();
        Assert.Throws<ObjectDisposedException>(discovery.Start);
        discovery.AddressesChanged();
        await Create(2, "/ip4/127.0.0.1/tcp/1001").DisposeAsync();
    }

    private static IReadOnlyList<MdnsLink>? Loopback() =>
        [.. MdnsLinks.Find(new MdnsOptions { IncludeLoopback = true, MaxInterfaces = 64 })!.Where(l => l.IsLoopback)];

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private MdnsDiscovery Create(int number, params string[] addresses) => Create(number, () => [.. addresses.Select(Multiaddr.Parse)]);

    private MdnsDiscovery Create(int number, Func<IReadOnlyList<Multiaddr>> addresses) =>
        new(_options, TestPeers.Id(number), addresses, Loopback, TimeProvider.System, NullLoggerFactory.Instance);

    private static async Task<PtrRecord> PointerAsync(MdnsSocket wire, Func<PtrRecord, bool> condition)
    {
        byte[] buffer = new byte[DnsReader.MaxPacketBytes];
        while (true)
        {
            (_, _, int bytes) = await wire.ReceiveAsync(buffer, default).LimitAsync("an answer on the wire");
            Assert.True(DnsReader.TryRead(buffer.AsMemory(0, bytes), out DnsMessage? message));
            if (message.Answers.OfType<PtrRecord>().FirstOrDefault(condition) is { } pointer)
            {
                return pointer;
            }
        }
    }

    /// <summary>Whether a multicast packet comes back on the loopback interface: told apart from discovery being broken.</summary>
    private static async Task SkipWithoutMulticastAsync()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        var group = new IPEndPoint(IPAddress.Parse("224.0.0.251"), ((IPEndPoint)socket.LocalEndPoint!).Port);
        try
        {
            int index = Loopback()![0].Index;
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(group.Address, index));
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.MulticastInterface, IPAddress.HostToNetworkOrder(index));
            await socket.SendToAsync(new byte[1], group);
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(10));
            await socket.ReceiveAsync(new byte[1], limit.Token);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException)
        {
            Assert.Skip($"no multicast on the loopback interface: {e.Message}");
        }
    }

    /// <summary>A started discovery and what it has told.</summary>
    private sealed class Found : IAsyncDisposable
    {
        private readonly MdnsDiscovery _discovery;
        private readonly Channel<(PeerId Peer, string Addresses)> _found = Channel.CreateBounded<(PeerId, string)>(64);

        public Found(MdnsDiscovery discovery)
        {
            _discovery = discovery;
            discovery.PeerFound += (peer, addresses) => Assert.True(_found.Writer.TryWrite((peer, string.Join(' ', addresses))));
            discovery.Start();
        }

        public bool Any => _found.Reader.Count > 0;

        public Task<(PeerId Peer, string Addresses)> NextAsync() => _found.Reader.ReadAsync().LimitAsync("a peer to be found");

        public ValueTask DisposeAsync() => _discovery.DisposeAsync();
    }
}
