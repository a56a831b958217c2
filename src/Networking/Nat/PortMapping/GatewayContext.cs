using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>What every client of one gateway needs.</summary>
/// <param name="Gateway">Its IPv4 address in the local network.</param>
/// <param name="Options">Limits and pauses.</param>
/// <param name="Time">Times the pauses.</param>
/// <param name="FillRandom">Fills a span with unguessable bytes.</param>
/// <param name="Log">Where it says what it ignored.</param>
internal sealed record GatewayContext(
    IPAddress Gateway, PortMapperOptions Options, TimeProvider Time, Action<Span<byte>> FillRandom, ILogger Log)
{
    /// <summary>This machine's address towards the gateway, as its routes say; null when there is no route. Sends nothing.</summary>
    public IPAddress? LocalAddress()
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(Gateway, Options.PcpPort);
            return ((IPEndPoint)socket.LocalEndPoint!).Address;
        }
        catch (SocketException)
        {
            return null;
        }
    }
}
