using System.Net;
using System.Text.Json.Nodes;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.AutoNat;
using P2PLearn.Networking.Swarm;
using P2PLearn.TestKit;

namespace P2PLearn.Interop.Tests;

/// <summary>AutoNAT between our node, called 11.9.9.9, and js-libp2p's, called 11.1.0.1, over loopback.</summary>
public sealed class JsAutoNatTests
{
    private const string Ours = "11.9.9.9";
    private const string Theirs = "11.1.0.1";

    [Fact]
    public async Task Js_finds_out_that_we_are_reachable_after_we_have_paid_for_its_dial()
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "nat.mjs");
        await using Node node = await ListenAsync(client: true);
        await node.ConnectAsync(NameOf(js), default).LimitAsync("connecting");

        await Within.UntilAsync(() => node.Nat!.Status.Reachability == Reachability.Public, "we are public");

        AddressStatus address = Assert.Single(node.Nat!.Status.Addresses);
        Assert.Equal((AddressSource.Listen, Reachability.Public, 1), (address.Source, address.Reachability, address.Observers));
        string dialled = ((JsonArray)(await js.AskAsync("addresses"))["dialled"]!).ToJsonString();
        Assert.Contains(Ours, dialled, StringComparison.Ordinal);
        Assert.True(node.Connections.Sum(c => c.BytesOut) > 2 * 30_000, "it asked for data, twice");
    }

    [Theory]
    [InlineData(Theirs)] // where we see it
    [InlineData("11.7.7.7")] // elsewhere: it pays
    public async Task Js_learns_from_us_that_it_is_reachable(string ip)
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "nat.mjs");
        await LearnsAsync(js, ip);
    }

    [Fact]
    public async Task Js_learns_from_us_by_version_1_that_it_is_reachable()
    {
        await using JsPeer js = await JsPeer.StartAsync(script: "nat.mjs");
        await js.AskAsync("autonat", ("version", 1));
        await LearnsAsync(js, Theirs);
    }

    private static async Task LearnsAsync(JsPeer js, string ip)
    {
        await using Node node = await ListenAsync(client: false);
        var port = (int)(await js.AskAsync("map", ("ip", ip)))["port"]!;
        node.ListenAddresses[0].TryToTcpEndPoint(out EndPoint? end);
        await js.AskAsync("dial", ("address", $"/ip4/{Ours}/tcp/{((IPEndPoint)end!).Port}/p2p/{node.LocalPeer}"));

        string address = $"/ip4/{ip}/tcp/{port}";
        await JsPeer.UntilAsync(
            async () => (await js.AskAsync("addresses"))["addresses"]!.AsArray()
                .Any(a => ((string)a!).StartsWith(address, StringComparison.Ordinal)),
            $"js tells others of {address}");
    }

    private static Multiaddr NameOf(JsPeer js)
    {
        js.Address.TryToTcpEndPoint(out EndPoint? end);
        return Multiaddr.FromTcpEndPoint(new IPEndPoint(IPAddress.Parse(Theirs), ((IPEndPoint)end!).Port)).WithPeerId(js.Peer);
    }

    private static async Task<Node> ListenAsync(bool client)
    {
        var node = new Node(new SwarmOptions
        {
            Identity = KeyPair.FromSeed(TestPeers.Seed(1)),
            AgentVersion = "interop/1.0",
            Transports = [new RenamedTransport(Ours, Theirs)],
            Nat = new NatOptions
            {
                PortMapping = null,
                RelayMode = RelayMode.Off,
                AutoNat = new AutoNatOptions
                {
                    Client = client,
                    FirstProbeDelay = TimeSpan.FromMilliseconds(100),
                    ConfirmDelay = TimeSpan.FromMilliseconds(100),
                },
            },
        });
        await node.ListenAsync(Multiaddr.Parse($"/ip4/{Ours}/tcp/0"), default);
        return node;
    }
}
