using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>TCP: <c>/ip4/…/tcp/…</c> and <c>/ip6/…/tcp/…</c>, dialling from the listen port where that helps.</summary>
/// <remarks>
/// Source: libp2p specs, hole punching; RFC 793. A dial leaves from the port of a listener of the same family, so that
/// the NAT maps it as it maps the listener, except to loopback and when the system says that the pair of addresses is
/// in use (another connection to the same remote, or one in TIME_WAIT): then from an ephemeral port, which
/// <see cref="ITransportLink.FromListenPort"/> tells. Safe for several threads. Names are resolved before a dial gets
/// here.
/// </remarks>
/// <param name="reusePort">Whether dials leave from the listen port.</param>
/// <param name="time">Clock of the pause after the system ran out of sockets.</param>
public sealed class TcpTransport(bool reusePort, TimeProvider time) : ITransport
{
    /// <summary>The <see cref="SilenceLimit"/> unless told otherwise.</summary>
    public static readonly TimeSpan DefaultSilenceLimit = TimeSpan.FromSeconds(3);

    private readonly Lock _lock = new();
    private readonly List<IPEndPoint> _listening = [];

    /// <summary>
    /// How long the remote's system may be silent, while bytes of ours are on their way and were sent again several times, before the link
    /// breaks: a router that lost its table swallows everything without a word. Where the system tells of it (Linux); else the muxer's pings
    /// find out.
    /// </summary>
    public TimeSpan SilenceLimit { get; init; } = DefaultSilenceLimit;

    /// <inheritdoc/>
    public bool Handles(Multiaddr address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return address.TryToTcpEndPoint(out _);
    }

    /// <inheritdoc/>
    public ValueTask<ITransportListener> ListenAsync(Multiaddr address, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        IPEndPoint endPoint = EndPointOf(address);
        var socket = new Socket(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            if (endPoint.AddressFamily == AddressFamily.InterNetworkV6)
            {
                socket.DualMode = false; // 0.0.0.0 and :: are two addresses, each listened on when asked for
            }

            PortReuse.BindListener(socket, endPoint, reusePort);
            socket.Listen(TcpTransportListener.Backlog);
        }
        catch (SocketException e)
        {
            socket.Dispose();
            throw e.SocketErrorCode == SocketError.AddressAlreadyInUse
                ? new AddressInUseException(address, e)
                : new IOException($"cannot listen on {address}: {e.Message}", e);
        }

        var bound = (IPEndPoint)socket.LocalEndPoint!;
        lock (_lock)
        {
            _listening.Add(bound);
        }

        return ValueTask.FromResult<ITransportListener>(new TcpTransportListener(socket, time, SilenceLimit, () => Forget(bound)));
    }

    /// <inheritdoc/>
    public ValueTask<ITransportLink> DialAsync(Multiaddr address, CancellationToken cancellationToken) =>
        DialAsync(address, DialOrigin.Preferred, cancellationToken);

    /// <inheritdoc/>
    public async ValueTask<ITransportLink> DialAsync(
        Multiaddr address, DialOrigin origin, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(address);
        IPEndPoint remote = EndPointOf(address);
        IPEndPoint? local = origin == DialOrigin.Ephemeral ? null : ListenerFor(remote);
        if (local is null && origin == DialOrigin.ListenPortOnly)
        {
            throw new IOException($"cannot connect to {address} from the listen port: nothing listens for that kind");
        }

        if (local is not null)
        {
            try
            {
                return await ConnectAsync(remote, local, origin, cancellationToken).ConfigureAwait(false);
            }
            catch (SocketException e) when (
                origin == DialOrigin.Preferred
                && (e.SocketErrorCode is SocketError.AddressNotAvailable or SocketError.AddressAlreadyInUse))
            {
                // The pair of addresses is taken: go on without.
            }
            catch (SocketException e)
            {
                throw Failed(address, e);
            }
        }

        try
        {
            return await ConnectAsync(remote, null, origin, cancellationToken).ConfigureAwait(false);
        }
        catch (SocketException e)
        {
            throw Failed(address, e);
        }
    }

    private async Task<TcpLink> ConnectAsync(
        IPEndPoint remote, IPEndPoint? local, DialOrigin origin, CancellationToken cancellationToken)
    {
        var socket = new Socket(remote.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            bool fromListenPort = local is not null && PortReuse.TryBindDialer(socket, local);
            if (origin == DialOrigin.ListenPortOnly && !fromListenPort)
            {
                throw new SocketException((int)SocketError.AddressAlreadyInUse);
            }

            await TcpHandshake.ConnectAsync(socket, remote, time, cancellationToken).ConfigureAwait(false);
            return new TcpLink(socket, fromListenPort, SilenceLimit, time);
        }
        catch
        {
            TcpHandshake.Abort(socket);
            throw;
        }
    }

    private static IOException Failed(Multiaddr address, SocketException e) =>
        new($"cannot connect to {address}: {e.Message}", e);

    private static IPEndPoint EndPointOf(Multiaddr address) =>
        address.TryToTcpEndPoint(out EndPoint? endPoint) && endPoint is IPEndPoint ip
            ? ip
            : throw new ArgumentException($"{address} is no TCP address with an IP", nameof(address));

    private IPEndPoint? ListenerFor(IPEndPoint remote)
    {
        if (!reusePort || IPAddress.IsLoopback(remote.Address))
        {
            return null;
        }

        lock (_lock)
        {
            return _listening.Find(l => l.AddressFamily == remote.AddressFamily && !IPAddress.IsLoopback(l.Address));
        }
    }

    private void Forget(IPEndPoint endPoint)
    {
        lock (_lock)
        {
            _listening.Remove(endPoint);
        }
    }
}
