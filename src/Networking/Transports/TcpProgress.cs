using System.Net.Sockets;

namespace P2PLearn.Networking.Transports;

/// <summary>What the system knows of the bytes that a TCP connection has sent.</summary>
/// <remarks>
/// Source: Linux, <c>struct tcp_info</c>. The remote's system acknowledges what arrives whether its program reads or not, and on a slow
/// line goes on doing so while we send: only a way that swallows everything lets sent bytes stay without a word.
/// </remarks>
/// <param name="Unacknowledged">Segments that were sent and not acknowledged.</param>
/// <param name="Retransmissions">How often the oldest of them was sent again in vain, each time after twice the pause, which begins with what
/// round trips here take.</param>
/// <param name="SinceHeard">Since the last segment from the remote.</param>
internal readonly record struct TcpProgress(uint Unacknowledged, int Retransmissions, TimeSpan SinceHeard)
{
    /// <summary>Retransmissions in vain before a connection is given up: fewer may be a burst of losses.</summary>
    public const int MinRetransmissions = 3;

    private const int TcpLevel = 6;
    private const int LinuxTcpInfo = 11;
    private const int RetransmissionsAt = 2;
    private const int UnacknowledgedAt = 24;
    private const int SinceHeardAt = 56;
    private const int UsedBytes = 60;

    /// <summary>The way to the remote swallows what we send.</summary>
    /// <param name="limit">How long it may be silent.</param>
    public bool IsSwallowed(TimeSpan limit) =>
        Unacknowledged > 0 && Retransmissions >= MinRetransmissions && SinceHeard >= limit;

    /// <summary>Asks the system.</summary>
    /// <returns>Null where it is not known how, and when the socket is closed.</returns>
    public static TcpProgress? Read(Socket socket)
    {
        Span<byte> info = stackalloc byte[256];
        try
        {
            return OperatingSystem.IsLinux()
                && TryParse(info[..socket.GetRawSocketOption(TcpLevel, LinuxTcpInfo, info)], out TcpProgress progress) ? progress : null;
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            return null;
        }
    }

    /// <summary>Reads Linux's answer, in the machine's byte order.</summary>
    /// <returns>False for one that is too short.</returns>
    public static bool TryParse(ReadOnlySpan<byte> info, out TcpProgress progress)
    {
        progress = default;
        if (info.Length < UsedBytes)
        {
            return false;
        }

        progress = new TcpProgress(
            BitConverter.ToUInt32(info[UnacknowledgedAt..]),
            info[RetransmissionsAt],
            TimeSpan.FromMilliseconds(BitConverter.ToUInt32(info[SinceHeardAt..])));
        return true;
    }
}
