using System.Net;
using System.Net.Sockets;

namespace P2PLearn.Networking.Transports;

/// <summary>Connects a socket so that calling off a dial does not tear a connection that is half made.</summary>
/// <remarks>
/// Source: RFC 793, simultaneous open. When the remote's SYN has reached a dialling socket, the kernel has answered it and
/// the connection is up within a round trip; closing the socket then costs both sides a reset and another round. The
/// system's own word for it is asked where it is known how (Linux, macOS); elsewhere a call-off is obeyed at once.
/// </remarks>
internal static class TcpHandshake
{
    /// <summary>How long a half-made connection may take when its dial is called off: the kernel sends its second
    /// SYN-ACK after a second.</summary>
    public static readonly TimeSpan HalfOpenGrace = TimeSpan.FromMilliseconds(1200);

    private const int TcpLevel = 6;
    private const int LinuxTcpInfo = 11;
    private const int LinuxSynReceived = 3;
    private const int MacConnectionInfo = 0x106;
    private const int MacSynReceived = 3;

    /// <summary>Connects.</summary>
    /// <exception cref="SocketException">Refused, unreachable, or the pair of addresses is taken.</exception>
    /// <exception cref="OperationCanceledException">Called off; the socket is closed.</exception>
    public static async Task ConnectAsync(
        Socket socket, IPEndPoint remote, TimeProvider time, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Task connecting = socket.ConnectAsync(remote);
        try
        {
            await connecting.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!connecting.IsCompleted)
        {
            if (!IsHalfOpen(socket) || !await EndsWithinAsync(connecting, time).ConfigureAwait(false))
            {
                Abort(socket);
                await connecting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                throw;
            }
        }

        await connecting.ConfigureAwait(false);
    }

    /// <summary>Closes a socket without leaving its pair of addresses in TIME_WAIT, should it be connected.</summary>
    public static void Abort(Socket socket)
    {
        try
        {
            socket.LingerState = new LingerOption(true, 0);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // Broken already.
        }

        socket.Dispose();
    }

    private static async Task<bool> EndsWithinAsync(Task connecting, TimeProvider time)
    {
        try
        {
            await connecting.WaitAsync(HalfOpenGrace, time).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            return false;
        }
        catch (SocketException)
        {
            // It has ended, in its own way.
        }

        return true;
    }

    private static bool IsHalfOpen(Socket socket)
    {
        (int option, int synReceived) = OperatingSystem.IsLinux() ? (LinuxTcpInfo, LinuxSynReceived)
            : OperatingSystem.IsMacOS() ? (MacConnectionInfo, MacSynReceived)
            : (0, 0);
        Span<byte> info = stackalloc byte[256];
        try
        {
            return option != 0 && socket.GetRawSocketOption(TcpLevel, option, info) > 0 && info[0] == synReceived;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return false;
        }
    }
}
