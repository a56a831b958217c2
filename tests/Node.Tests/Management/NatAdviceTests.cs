using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Relay;
using P2PLearn.Networking.Swarm;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Tests.Management;

public sealed class NatAdviceTests
{
    private static readonly AddressStatus Lan = Address("/ip4/192.168.1.20/tcp/4001", AddressSource.Listen, Reachability.Unknown);
    private static readonly AddressStatus Seen = Address("/ip4/198.97.3.7/tcp/4001", AddressSource.Observed, Reachability.Private);

    private static readonly NatStatus BehindNat = new()
    {
        Reachability = Reachability.Private,
        Mapping = NatMapping.EndpointIndependent,
        Addresses = [Lan, Seen],
        Gateway = IPAddress.Parse("192.168.1.1"),
        PortMappingProblem = "no router answered",
    };

    [Fact]
    public void A_node_behind_a_router_is_told_which_port_to_forward_to_which_address()
    {
        IReadOnlyList<string> remedies = NatAdvice.Remedies(BehindNat, relayedPeers: 0);

        Assert.Contains("forward TCP port 4001 of the router (192.168.1.1) to 192.168.1.20 port 4001", remedies[0], StringComparison.Ordinal);
        Assert.Contains("no router answered", remedies[0], StringComparison.Ordinal);
        Assert.Contains(remedies, r => r.Contains("no relay is in use", StringComparison.Ordinal));
        Assert.Equal("unreachable", NatAdvice.StateOf(BehindNat));
    }

    [Fact]
    public void A_node_behind_the_providers_NAT_is_not_sent_to_its_own_router()
    {
        string first = NatAdvice.Remedies(BehindNat with { IsBehindCarrierNat = true }, 0)[0];

        Assert.Contains("carrier-grade NAT", first, StringComparison.Ordinal);
        Assert.DoesNotContain("forward TCP port", first, StringComparison.Ordinal);
    }

    [Fact]
    public void A_firewall_without_NAT_gets_a_firewall_rule()
    {
        NatStatus status = BehindNat with
        {
            Mapping = NatMapping.None,
            Addresses = [Address("/ip4/198.97.3.7/tcp/4002", AddressSource.Listen, Reachability.Private)],
        };

        Assert.Contains("sudo ufw allow 4002/tcp", NatAdvice.Remedies(status, 0)[0], StringComparison.Ordinal);
    }

    [Fact]
    public void A_symmetric_NAT_and_relayed_peers_are_named()
    {
        IReadOnlyList<string> remedies = NatAdvice.Remedies(BehindNat with { Mapping = NatMapping.EndpointDependent }, relayedPeers: 2);

        Assert.Contains(remedies, r => r.Contains("symmetric", StringComparison.Ordinal));
        Assert.Contains(remedies, r => r.StartsWith("2 peers can only be talked to through a relay", StringComparison.Ordinal));
    }

    [Fact]
    public void Nothing_is_to_be_improved_at_a_reachable_node_and_nothing_is_said_before_it_is_known()
    {
        Assert.Empty(NatAdvice.Remedies(BehindNat with { Reachability = Reachability.Public }, 0));
        Assert.Empty(NatAdvice.Remedies(BehindNat with { Reachability = Reachability.Unknown }, 0));
        Assert.Equal("reachable", NatAdvice.StateOf(new NatStatus { Reachability = Reachability.Public }));
        Assert.Equal("unknown", NatAdvice.StateOf(new NatStatus()));
    }

    [Fact]
    public void A_node_on_loopback_is_told_so()
    {
        NatStatus status = new() { Addresses = [Address("/ip4/127.0.0.1/tcp/4001", AddressSource.Listen, Reachability.Unknown)] };

        Assert.Contains("listens on loopback only", Assert.Single(NatAdvice.Remedies(status, 0)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_slot_on_a_relay_makes_a_private_node_relayed()
    {
        var slot = new RelayReservation(TestPeer, [], default, null, null, default);

        Assert.Equal("relayed", NatAdvice.StateOf(BehindNat with { Relays = [slot] }));
        Assert.Contains("reachable through 1 relay", NatAdvice.LineOf(BehindNat with { Relays = [slot] }), StringComparison.Ordinal);
    }

    [Fact]
    public void Who_lives_on_relays_though_nobody_can_prove_why_is_told_what_would_help()
    {
        NatStatus status = BehindNat with { Reachability = Reachability.Unknown, Relays = [new RelayReservation(TestPeer, [], default, null, null, default)] };

        Assert.StartsWith("forward TCP port 4001", Assert.Single(NatAdvice.Remedies(status, 0)), StringComparison.Ordinal);
        Assert.Empty(NatAdvice.Remedies(status with { Mapping = NatMapping.Unknown }, 0));
    }

    private static Networking.Identity.PeerId TestPeer { get; } = Networking.Identity.KeyPair.FromSeed(new byte[32]).PeerId;

    private static AddressStatus Address(string text, AddressSource source, Reachability reachability) =>
        new(Multiaddr.Parse(text), source, reachability, 0, Announced: true);
}
