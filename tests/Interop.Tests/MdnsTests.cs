using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Discovery.Mdns;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>Our mDNS discovery with js-libp2p's, over the interfaces of this machine, on a port of their own.</summary>
public sealed class MdnsTests
{
    [Fact]
    public async Task Js_finds_us_and_we_find_js()
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "mdns.mjs");
        await using var node = new Node(new SwarmOptions { Identity = KeyPair.FromSeed(TestPeers.Seed(1)), AgentVersion = "interop/1.0" });
        await node.ListenAsync(Multiaddr.Parse("/ip4/127.0.0.1/tcp/0"), default);
        var options = new MdnsOptions
        {
            Port = FreePort(),
            ServiceName = $"_p2p-{RandomNumberGenerator.GetHexString(16, lowercase: true)}._udp.local",
            IncludeLoopback = true,
        };
        await js.AskAsync("discover", ("port", options.Port), ("service", options.ServiceName), ("interval", 1000));
        await using var discovery = new MdnsDiscovery(
            options, node.LocalPeer, () => node.ListenAddresses, TimeProvider.System, NullLoggerFactory.Instance);
        var found = new TaskCompletionSource<IReadOnlyList<Multiaddr>>(TaskCreationOptions.RunContinuationsAsynchronously);
        discovery.PeerFound += (peer, addresses) => found.TrySetResult(peer == js.Peer ? addresses : []);
        discovery.Start();

        IReadOnlyList<Multiaddr> ofJs = await found.Task.LimitAsync("we find js");
        Assert.Contains(js.Address.WithoutPeerId()!, ofJs);
        JsonNode? ofUs = null;
        await JsPeer.UntilAsync(
            async () => (ofUs = (await js.AskAsync("found", ("peer", node.LocalPeer.ToString())))["addresses"]) is not null, "js finds us");
        Assert.Equal(node.ListenAddresses.Select(a => a.WithoutPeerId()!.ToString()), ofUs!.AsArray().Select(a => (string?)a));

        JsonObject dialled = await js.AskAsync("dial", ("address", (string?)ofUs[0]));
        Assert.Equal(node.LocalPeer.ToString(), (string?)dialled["peer"]);
    }

    private static int FreePort()
    {
        using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        socket.Bind(new IPEndPoint(IPAddress.Any, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }
}
