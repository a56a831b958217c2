using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Protocols.Dcutr;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Transports;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>Nodes of ours that echo, over relays too.</summary>
internal static class EchoNode
{
    private static readonly ProtocolId Echo = new("/interop/echo/1.0.0");
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30);

    /// <summary>A node that relays for others and does nothing else.</summary>
    public static ValueTask<Node> RelayAsync(RelayServerOptions? options = null) => ListenAsync(1, new NatOptions
    {
        PortMapping = null,
        RelayMode = RelayMode.On,
        RelayServer = options ?? new RelayServerOptions(),
        AutoNat = new AutoNatOptions { Client = false },
        RelayClient = new RelayClientOptions { Reservations = 1 },
        Dcutr = new DcutrOptions { Enabled = false },
    });

    /// <summary>A node that may be behind a NAT.</summary>
    /// <param name="seed">Of its key.</param>
    /// <param name="relays">It holds a slot on each.</param>
    /// <param name="transport">Null for TCP on loopback; else one that listens at <paramref name="name"/>.</param>
    /// <param name="name">The IP it listens at.</param>
    /// <param name="punches">Whether it seeks direct connections.</param>
    public static ValueTask<Node> ClientAsync(
        int seed, IReadOnlyList<Multiaddr> relays, ITransport? transport = null, string name = "127.0.0.1", bool punches = false) =>
        ListenAsync(
            seed,
            new NatOptions
            {
                PortMapping = null,
                RelayMode = RelayMode.Off,
                AutoNat = new AutoNatOptions { Client = false, Server = false },
                RelayClient = new RelayClientOptions
                {
                    Relays = relays, DialTimeout = Patience, ReserveTimeout = Patience, AcceptTimeout = Patience,
                },
                Dcutr = new DcutrOptions
                {
                    Enabled = punches, MessageTimeout = Patience, AttemptTimeout = Patience, UpgradeTimeout = Patience,
                },
            },
            transport,
            name);

    /// <summary>Its slot, once it has one.</summary>
    public static async Task<RelayReservation> ReservationAsync(this Node node)
    {
        await Within.UntilAsync(() => node.Nat!.Status.Relays.Count > 0, "we hold a slot");
        return Assert.Single(node.Nat!.Status.Relays);
    }

    /// <summary>Where it is reached over the one relay that it holds a slot on.</summary>
    public static async Task<Multiaddr> RelayedAddressAsync(this Node node) =>
        (await node.ReservationAsync()).Addresses[0].WithPeerId(node.LocalPeer);

    /// <summary>The one connection with a peer.</summary>
    public static ConnectionInfo ConnectionWith(this Node node, PeerId peer) =>
        Assert.Single(node.Connections, c => c.Peer == peer);

    /// <summary>Sends so many bytes and returns how many come back.</summary>
    /// <exception cref="IOException">The stream or the connection ended before.</exception>
    public static async Task<int> EchoAsync(this Node node, PeerId to, int bytes)
    {
        PeerStream stream = await node.OpenStreamAsync(to, Echo, default).LimitAsync("opening");
        await using (stream)
        {
            await stream.WriteAsync(new byte[bytes], CancellationToken.None).LimitAsync("writing");
            await stream.CloseWriteAsync(default).LimitAsync("half-closing");
            using var answer = new MemoryStream();
            await stream.CopyToAsync(answer).LimitAsync("reading the answer");
            return (int)answer.Length;
        }
    }

    private static async ValueTask<Node> ListenAsync(
        int seed, NatOptions nat, ITransport? transport = null, string name = "127.0.0.1")
    {
        var node = new Node(new SwarmOptions
        {
            Identity = KeyPair.FromSeed(TestPeers.Seed(seed)),
            AgentVersion = "interop/1.0",
            Transports = transport is null ? null : [transport],
            Nat = nat,
            LimitedProtocols = new Dictionary<string, long> { [Echo.Value] = 0 },
        });
        node.Handle(Echo, AnswerAsync);
        await node.ListenAsync(Multiaddr.Parse($"/ip4/{name}/tcp/0"), default);
        return node;
    }

    private static async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        await stream.CopyToAsync(stream, cancellationToken);
        await stream.CloseWriteAsync(cancellationToken);
    }
}
