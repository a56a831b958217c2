using System.Net;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Node.Management;

/// <summary>Says in plain words how reachable a node is, and what its owner can do about it. Pure.</summary>
internal static class NatAdvice
{
    /// <summary>The one word for a status.</summary>
    public static string StateOf(NatStatus status) => status switch
    {
        { Reachability: Reachability.Public } => "reachable",
        { Relays.Count: > 0 } => "relayed",
        { Reachability: Reachability.Private } => "unreachable",
        _ => "unknown",
    };

    /// <summary>The line that the node's log shows when the state changes.</summary>
    public static string LineOf(NatStatus status)
    {
        Multiaddr? open = status.Addresses.FirstOrDefault(a => a.Reachability == Reachability.Public)?.Address;
        return StateOf(status) switch
        {
            "reachable" => $"reachable from everywhere{(open is null ? "" : $" at {open}")}",
            "relayed" => $"behind a NAT or firewall; reachable through {Count(status.Relays.Count, "relay")}",
            "unreachable" => "not reachable: behind a NAT or firewall, and no relay is known; 'p2plearn nat' tells what would help",
            _ => "not known yet whether other nodes can reach this one",
        };
    }

    /// <summary>What would help, most effective first; nothing when all is well.</summary>
    /// <param name="status">How the node is reached.</param>
    /// <param name="relayedPeers">Peers that are connected over a relay only.</param>
    public static IReadOnlyList<string> Remedies(NatStatus status, int relayedPeers)
    {
        IPEndPoint[] listening = [.. status.Addresses.Where(a => a.Source == AddressSource.Listen).Select(EndPointOf).OfType<IPEndPoint>()];
        IPEndPoint[] outward = [.. listening.Where(e => !IPAddress.IsLoopback(e.Address))];
        if (listening.Length > 0 && outward.Length == 0)
        {
            return ["this node listens on loopback only; listen on all interfaces with --listen /ip4/0.0.0.0/tcp/4001"];
        }

        // Behind a NAT that filters by address nobody can prove that strangers are kept out: all who could test have been talked to.
        bool isLeftToRelays = status is { Reachability: Reachability.Unknown, Relays.Count: > 0, Mapping: NatMapping.EndpointIndependent or NatMapping.EndpointDependent };
        if ((status.Reachability != Reachability.Private && !isLeftToRelays) || outward.Length == 0)
        {
            return [];
        }

        List<string> remedies = [.. OpenThePort(status, outward)];
        if (status.Mapping == NatMapping.EndpointDependent)
        {
            remedies.Add(
                "the NAT gives every connection another public port (symmetric), so that no hole can be punched to other peers behind NATs; "
                + "if the router has a setting 'full cone' or 'endpoint-independent NAT', choose it");
        }

        if (status.Relays.Count == 0)
        {
            remedies.Add(
                "no relay is in use: keep at least one reachable node in the mesh (a member with an open port, or 'p2plearn node --relay-only' on a "
                + "machine with a public address), or name one with --relay");
        }

        if (relayedPeers > 0)
        {
            remedies.Add($"{Count(relayedPeers, "peer")} can only be talked to through a relay until this node's port is open, or theirs");
        }

        return remedies;
    }

    private static IEnumerable<string> OpenThePort(NatStatus status, IPEndPoint[] outward)
    {
        IPEndPoint v4 = Array.Find(outward, e => e.AddressFamily == System.Net.Sockets.AddressFamily.InterNetwork) ?? outward[0];
        int port = v4.Port;
        if (status.Mapping == NatMapping.None || AddressRule.PublicInternet.Allows(v4.Address))
        {
            yield return $"a firewall drops what comes in: allow inbound TCP port {port}, e.g. 'sudo ufw allow {port}/tcp' on Linux, or on Windows "
                + $"'New-NetFirewallRule -DisplayName p2plearn -Direction Inbound -Protocol TCP -LocalPort {port} -Action Allow'";
        }
        else if (status.IsBehindCarrierNat)
        {
            yield return "the provider shares one public address among its customers (carrier-grade NAT), so forwarding a port on the own router does not "
                + "help: ask the provider for a public IPv4 address, or use IPv6 with --listen /ip6/::/tcp/4001";
        }
        else
        {
            string router = status.Gateway is { } gateway ? $"the router ({gateway})" : "the router";
            yield return $"forward TCP port {port} of {router} to {v4.Address} port {port}"
                + (status.PortMappingProblem is { } problem ? $", or switch on UPnP or NAT-PMP there ({problem})" : "");
        }
    }

    private static IPEndPoint? EndPointOf(AddressStatus address) =>
        address.Address.TryToTcpEndPoint(out EndPoint? endPoint) ? endPoint as IPEndPoint : null;

    private static string Count(int count, string noun) => count == 1 ? $"1 {noun}" : $"{count} {noun}s";
}
