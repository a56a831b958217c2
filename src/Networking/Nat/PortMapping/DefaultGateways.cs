using System.Net;
using System.Net.NetworkInformation;
using System.Net.Sockets;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>The machine's default gateways, as the system knows them.</summary>
internal static class DefaultGateways
{
    /// <summary>The IPv4 default gateways of the interfaces that are up, each once.</summary>
    /// <param name="max">How many are told at most.</param>
    public static IReadOnlyList<IPAddress> Find(int max)
    {
        try
        {
            IEnumerable<IPAddress> gateways =
                from network in NetworkInterface.GetAllNetworkInterfaces()
                where network.OperationalStatus is OperationalStatus.Up or OperationalStatus.Unknown
                from gateway in network.GetIPProperties().GatewayAddresses
                where gateway.Address.AddressFamily == AddressFamily.InterNetwork
                    && !gateway.Address.Equals(IPAddress.Any) // a line from point to point has none
                    && !IPAddress.IsLoopback(gateway.Address)
                select gateway.Address;
            return [.. gateways.Distinct().Take(max)];
        }
        catch (NetworkInformationException)
        {
            return []; // interfaces change while they are listed; the next look is a minute away
        }
    }
}
