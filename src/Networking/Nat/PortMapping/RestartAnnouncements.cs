using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Nat.PortMapping.NatPmp;
using P2PLearn.Networking.Nat.PortMapping.Pcp;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Listens to what gateways tell everybody over multicast after a restart or a change of their address.</summary>
/// <remarks>Sources: RFC 6886, 3.2.1; RFC 6887, 14.1.2. Whatever is heard is only a reason to look: the sender can be forged.</remarks>
internal static class RestartAnnouncements
{
    private static readonly IPAddress AllHosts = IPAddress.Parse("224.0.0.1");

    /// <summary>Listens until cancelled. Without the port, which another program may keep to itself, it does nothing: restarts
    /// are then noticed at the next check.</summary>
    /// <param name="options">The port.</param>
    /// <param name="heard">Told of the sender's address.</param>
    /// <param name="log">Where it says that it cannot listen.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task ListenAsync(
        PortMapperOptions options, Action<IPAddress> heard, ILogger log, CancellationToken cancellationToken)
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            socket.Bind(new IPEndPoint(IPAddress.Any, options.AnnouncementPort));
            Join(socket, log);
            byte[] buffer = new byte[GatewayDatagrams.MaxMessageBytes + 1];
            while (true)
            {
                SocketReceiveFromResult got = await socket
                    .ReceiveFromAsync(buffer, new IPEndPoint(IPAddress.Any, 0), cancellationToken).ConfigureAwait(false);
                if (IsAnnouncement(buffer.AsSpan(0, got.ReceivedBytes)))
                {
                    heard(((IPEndPoint)got.RemoteEndPoint).Address);
                }
            }
        }
        catch (SocketException e)
        {
            PortMappingLog.NotListening(log, e.Message);
        }
    }

    // Without a route for multicast joining fails; most systems deliver to this group all the same.
    private static void Join(Socket socket, ILogger log)
    {
        try
        {
            socket.SetSocketOption(SocketOptionLevel.IP, SocketOptionName.AddMembership, new MulticastOption(AllHosts));
        }
        catch (SocketException e)
        {
            PortMappingLog.NotListening(log, e.Message);
        }
    }

    /// <summary>Whether it is an answer to a question that nobody asked.</summary>
    internal static bool IsAnnouncement(ReadOnlySpan<byte> datagram) =>
        datagram.Length <= GatewayDatagrams.MaxMessageBytes
        && (NatPmpCodec.TryReadExternalAddress(datagram, out _) || PcpCodec.TryReadAnnounce(datagram, out _));
}
