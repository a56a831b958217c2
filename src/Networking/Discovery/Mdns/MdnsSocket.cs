using System.Net;
using System.Net.Sockets;

namespace P2PLearn.Networking.Discovery.Mdns;

/// <summary>One multicast socket for all interfaces of an address family.</summary>
/// <remarks>
/// One and not one per interface: a socket bound to the port hears the groups that any socket of the machine has joined, so only the packet's
/// own information says which interface it came in on. Sent from one task at a time, since the outgoing interface is an option of
/// the socket; received from one task at a time.
/// </remarks>
internal sealed class MdnsSocket : IDisposable
{
    private static readonly IPAddress GroupIPv4 = IPAddress.Parse("224.0.0.251");
    private static readonly IPAddress GroupIPv6 = IPAddress.Parse("ff02::fb");
    private readonly Socket _socket;
    private readonly IPEndPoint _group;
    private readonly HashSet<int> _joined = [];

    private MdnsSocket(Socket socket, IPEndPoint group)
    {
        _socket = socket;
        _group = group;
    }

    private bool IsIPv4 => _group.AddressFamily == AddressFamily.InterNetwork;

    private SocketOptionLevel Level => IsIPv4 ? SocketOptionLevel.IP : SocketOptionLevel.IPv6;

    /// <summary>Opens the port beside others that have it open: the system's own responder, and other nodes.</summary>
    /// <exception cref="SocketException">Somebody does not share it, or the machine lacks the family.</exception>
    public static MdnsSocket Open(AddressFamily family, int port)
    {
        bool isIPv4 = family == AddressFamily.InterNetwork;
        var socket = new Socket(family, SocketType.Dgram, ProtocolType.Udp);
        try
        {
            if (!isIPv4)
            {
                socket.DualMode = false; // the IPv4 socket has the port too
            }

            // On Unix .NET sets SO_REUSEADDR and SO_REUSEPORT for this one; each socket gets its copy of a multicast packet.
            socket.ExclusiveAddressUse = false;
            socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.ReuseAddress, true);
            SocketOptionLevel level = isIPv4 ? SocketOptionLevel.IP : SocketOptionLevel.IPv6;
            socket.SetSocketOption(level, SocketOptionName.PacketInformation, true);
            socket.SetSocketOption(level, SocketOptionName.MulticastLoopback, true); // other nodes of this machine
            socket.SetSocketOption(level, SocketOptionName.MulticastTimeToLive, 255); // RFC 6762, 11
            socket.Bind(new IPEndPoint(isIPv4 ? IPAddress.Any : IPAddress.IPv6Any, port));
            return new MdnsSocket(socket, new IPEndPoint(isIPv4 ? GroupIPv4 : GroupIPv6, port));
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>Joins the group on the links given and leaves it on all others.</summary>
    /// <param name="links">The links now.</param>
    /// <param name="failed">Told of each link that the system refuses.</param>
    public void Join(IReadOnlyList<MdnsLink> links, Action<MdnsLink, SocketException> failed)
    {
        Dictionary<int, MdnsLink> wanted = links.Where(IsFor).ToDictionary(l => l.Index);
        foreach (int index in _joined.Except(wanted.Keys).ToList())
        {
            _joined.Remove(index);
            TrySet(SocketOptionName.DropMembership, index, out _); // fails when the interface has gone, and the membership with it
        }

        foreach (MdnsLink link in wanted.Values.Where(l => !_joined.Contains(l.Index)))
        {
            if (TrySet(SocketOptionName.AddMembership, link.Index, out SocketException? error))
            {
                _joined.Add(link.Index);
            }
            else
            {
                failed(link, error!);
            }
        }
    }

    /// <summary>Whether the link has this socket's family.</summary>
    public bool IsFor(MdnsLink link) => IsIPv4 ? link.HasIPv4 : link.HasIPv6;

    /// <summary>Sends to the group on one link.</summary>
    /// <exception cref="SocketException">The system refuses.</exception>
    public async ValueTask SendAsync(MdnsLink link, ReadOnlyMemory<byte> packet, CancellationToken cancellationToken)
    {
        int index = IsIPv4 ? IPAddress.HostToNetworkOrder(link.Index) : link.Index;
        _socket.SetSocketOption(Level, SocketOptionName.MulticastInterface, index);
        await _socket.SendToAsync(packet, SocketFlags.None, _group, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Awaits the next packet to the group that <paramref name="buffer"/> holds whole; others are dropped.</summary>
    /// <remarks>Routers forward neither group, so whatever is sent to it was sent on the link, even if its source is forged.</remarks>
    /// <exception cref="SocketException">The socket failed.</exception>
    /// <exception cref="ObjectDisposedException">It is closed.</exception>
    public async ValueTask<(int Index, IPAddress Source, int Bytes)> ReceiveAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        var any = new IPEndPoint(IsIPv4 ? IPAddress.Any : IPAddress.IPv6Any, 0);
        while (true)
        {
            SocketReceiveMessageFromResult result;
            try
            {
                result = await _socket.ReceiveMessageFromAsync(buffer, SocketFlags.None, any, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
            {
                continue; // how Windows says that it was cut off
            }

            bool isWhole = (result.SocketFlags & SocketFlags.Truncated) == 0;
            if (isWhole && _group.Address.GetAddressBytes().AsSpan().SequenceEqual(result.PacketInformation.Address.GetAddressBytes()))
            {
                return (result.PacketInformation.Interface, ((IPEndPoint)result.RemoteEndPoint).Address, result.ReceivedBytes);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private bool TrySet(SocketOptionName option, int index, out SocketException? error)
    {
        try
        {
            object membership = IsIPv4 ? new MulticastOption(GroupIPv4, index) : new IPv6MulticastOption(GroupIPv6, index);
            _socket.SetSocketOption(Level, option, membership);
            error = null;
            return true;
        }
        catch (SocketException e)
        {
            error = e;
            return false;
        }
    }
}
