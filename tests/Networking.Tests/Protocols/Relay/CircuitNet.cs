using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Tests.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Networking.Tests.Protocols.Relay;

/// <summary>Real relays on loopback, and nodes that dial and are reached through them.</summary>
internal sealed class CircuitNet : IAsyncDisposable
{
    private readonly List<IAsyncDisposable> _parts = [];

    public static ProtocolId Echo { get; } = new("/test/echo/1.0.0");

    /// <summary>A node that relays without limits, unless changed.</summary>
    public async Task<(Node Node, RelayServer Server)> RelayAsync(
        int number, Func<RelayServerOptions, RelayServerOptions>? change = null)
    {
        Node node = await Swarms.ListenAsync(number);
        var options = new RelayServerOptions { StrangerLimit = null };
        var server = new RelayServer(node.Network, change is null ? options : change(options));
        server.SetActive(true);
        _parts.Add(node);
        _parts.Add(server);
        return (node, server);
    }

    /// <summary>A node that listens nowhere, dials through relays, and echoes.</summary>
    public Node Dialer(int number, Func<SwarmOptions, SwarmOptions>? change = null)
    {
        Node node = Swarms.Create(number, change);
        node.Handle(Echo, Swarms.EchoAsync);
        node.Network.UseCircuits(new CircuitTransport(node.Network, new RelayClientOptions()));
        _parts.Add(node);
        return node;
    }

    /// <summary>A node that listens nowhere and wants to be reached through relays; it tells of where.</summary>
    public (Node Node, RelayClient Client) Hidden(
        int number, Func<RelayClientOptions, RelayClientOptions>? change = null, Func<SwarmOptions, SwarmOptions>? swarm = null)
    {
        Node node = Dialer(number, swarm);
        var options = new RelayClientOptions();
        options = change is null ? options : change(options);
        options.Validate();
        var client = new RelayClient(node.Network, options);
        client.Changed += () => node.Network.LocalAddresses.Set(
            AddressSource.Relayed, client.Reservations.SelectMany(r => r.Addresses));
        client.Start();
        client.SetNeeded(true);
        _parts.Add(client);
        return (node, client);
    }

    /// <summary>A node with a slot on a relay.</summary>
    public async Task<(Node Node, RelayClient Client)> ReservedAsync(
        int number, Node relay, Func<RelayClientOptions, RelayClientOptions>? change = null, Func<SwarmOptions, SwarmOptions>? swarm = null)
    {
        (Node node, RelayClient client) = Hidden(number, change, swarm);
        await Swarms.ConnectAsync(node, relay);
        await HoldsAsync(client, relay);
        return (node, client);
    }

    public static Task HoldsAsync(RelayClient client, params Node[] relays) => Within.UntilAsync(
        () => client.Reservations.Select(r => r.Relay).ToHashSet().SetEquals(relays.Select(r => r.LocalPeer)),
        $"slots on {relays.Length} relays");

    /// <summary>The way to a node through a relay.</summary>
    public static Multiaddr Through(Node relay, PeerId target) =>
        RelayedAddress.Through(relay.ListenAddresses[0], relay.LocalPeer)!.WithPeerId(target);

    public static async Task ConnectAsync(Node from, Node relay, Node to)
    {
        await from.ConnectAsync(Through(relay, to.LocalPeer), CancellationToken.None).LimitAsync("a relayed dial");
        await Within.UntilAsync(() => to.ConnectedPeers.Contains(from.LocalPeer), "the other side is connected");
    }

    public async ValueTask DisposeAsync()
    {
        foreach (IAsyncDisposable part in Enumerable.Reverse(_parts))
        {
            await part.DisposeAsync().LimitAsync("the end of a part");
        }
    }
}
