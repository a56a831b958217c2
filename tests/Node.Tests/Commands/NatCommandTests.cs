using P2PLearn.Node.Commands;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Commands;

public sealed class NatCommandTests
{
    private static readonly DateTimeOffset Now = new(2026, 11, 22, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_person_sees_addresses_relays_peers_and_what_would_help()
    {
        var view = new NatView(
            "12D3self",
            "relayed",
            "endpoint-independent",
            "endpoint-dependent",
            [
                new NatAddressView("/ip4/192.168.1.20/tcp/4001", "interface", "unknown", 0, true),
                new NatAddressView("/ip4/198.97.3.7/tcp/4001", "observed", "private", 2, false),
            ],
            new PortMappingView([], "no router answered"),
            [new RelayView("12D3relay", ["/ip4/9.9.9.9/tcp/1/p2p/12D3relay/p2p-circuit"], Now, Now.AddMinutes(45), 120, 131072, 51.25)],
            null,
            [
                new PeerPathView("12D3a", true, "punched", "/ip4/198.97.3.9/tcp/4001", Now.AddSeconds(-30), 12.5, null),
                new PeerPathView("12D3b", false, "relayed", "/ip4/9.9.9.9/tcp/1/p2p/12D3relay/p2p-circuit", Now.AddHours(-3), null, 131072),
            ],
            ["forward TCP port 4001"]);

        Assert.Equal(
            """
            this node     12D3self
            reachable     through relays
            NAT           mapping is endpoint-independent (holes can be punched); lets in only those that were contacted
            addresses     /ip4/192.168.1.20/tcp/4001  of this machine
                          /ip4/198.97.3.7/tcp/4001  seen by other peers, not reachable from outside (2 observers)
            port mapping  no router answered
            relays        12D3relay  51.3 ms  slot for another 45 min, circuits of 2 min and 131.1 kB
            relaying      no
            peers         12D3a  punched   for 30 s  12.5 ms  /ip4/198.97.3.9/tcp/4001
                          12D3b  relayed   for 3 h  /ip4/9.9.9.9/tcp/1/p2p/12D3relay/p2p-circuit  limited to 131.1 kB  (no member)
            would help    forward TCP port 4001

            """,
            NatCommand.Show(view, Now));
    }

    [Fact]
    public void A_reachable_relay_says_what_it_does()
    {
        var view = new NatView(
            "12D3self", "reachable", "none", "endpoint-independent", [], new PortMappingView([], null), [],
            new RelayingView(3, 128, 2, 5_200_000, new Dictionary<string, long> { ["ResourceLimitExceeded"] = 4 }), [], []);

        string text = NatCommand.Show(view, Now);

        Assert.Contains("for 3 of at most 128 peers, 2 circuits now, 5200 kB so far, 4 requests refused (ResourceLimitExceeded 4)", text, StringComparison.Ordinal);
        Assert.Contains("nothing to improve", text, StringComparison.Ordinal);
    }
}
