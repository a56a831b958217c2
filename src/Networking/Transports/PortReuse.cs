using System.Net;
using System.Net.Sockets;

namespace P2PLearn.Networking.Transports;

/// <summary>Lets dials leave from the port that we listen on, so that NATs map both alike.</summary>
/// <remarks>
/// Source: libp2p hole punching, TCP port reuse. Linux and macOS need SO_REUSEPORT on the listener and on each dial;
/// Windows has only SO_REUSEADDR, which means the same there. A listener must still notice that another program has its
/// port, although a shared port is what the option is for: Linux checks at bind, so there the option is set between
/// bind and listen; elsewhere a plain socket probes the port first.
/// </remarks>
internal static class PortReuse
{
    // SOL_SOCKET and SO_REUSEPORT as the kernels number them; .NET has no portable name for the option.
    private const int LinuxSocketLevel = 1;
    private const int LinuxReusePort = 15;
    private const int BsdSocketLevel = 0xffff;
    private const int BsdReusePort = 0x0200;

    /// <summary>Binds a listening socket exclusively, then opens its port for our own dials.</summary>
    /// <exception cref="SocketException">The port is taken or not allowed.</exception>
    public static void BindListener(Socket socket, IPEndPoint endPoint, bool reuse)
    {
        if (!reuse || OperatingSystem.IsLinux())
        {
            socket.Bind(endPoint);
            if (reuse)
            {
                Enable(socket);
            }

            return;
        }

        if (endPoint.Port != 0)
        {
            using var probe = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
            probe.ExclusiveAddressUse = true;
            probe.Bind(endPoint);
        }

        Enable(socket);
        socket.Bind(endPoint);
    }

    /// <summary>Binds a dialling socket to the listener's port.</summary>
    /// <returns>False when the system refuses: dial from an ephemeral port then.</returns>
    public static bool TryBindDialer(Socket socket, IPEndPoint listenEndPoint)
    {
        try
        {
            Enable(socket);
            socket.Bind(listenEndPoint);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }

    private static void Enable(Socket socket)
    {
        ReadOnlySpan<byte> on = [1, 0, 0, 0]; // a native int on every system .NET runs on here
        if (OperatingSystem.IsLinux())
        {
            socket.SetRawSocketOption(LinuxSocketLevel, LinuxReusePort, on);
        }
        else if (OperatingSystem.IsMacOS())
        {
            socket.SetRawSocketOption(BsdSocketLevel, BsdReusePort, on);
        }
        else
        {
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
        }
    }
}
