using System.Net;
using System.Net.Sockets;
using System.Runtime.CompilerServices;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>A connected TCP socket as a link.</summary>
/// <remarks>Owns the socket. A broken socket shows as <see cref="IOException"/>, whatever the system calls
/// it.</remarks>
internal sealed class TcpLink : ITransportLink
{
    private readonly Socket _socket;
    private readonly TcpWatch _watch;
    private int _closed;

    /// <param name="socket">Connected; owned from here on.</param>
    /// <param name="fromListenPort">The local port is one that we listen on.</param>
    /// <param name="silenceLimit">How long the remote's system may be silent while bytes of ours are on their way.</param>
    /// <param name="time">The clock of that.</param>
    public TcpLink(Socket socket, bool fromListenPort, TimeSpan silenceLimit, TimeProvider time)
    {
        _socket = socket;
        socket.NoDelay = true; // every small exchange would else wait for a delayed ACK of 40 ms
        var remote = (IPEndPoint)socket.RemoteEndPoint!;
        RemoteIp = remote.Address.IsIPv4MappedToIPv6 ? remote.Address.MapToIPv4() : remote.Address;
        RemoteAddress = Multiaddr.FromTcpEndPoint(remote);
        LocalAddress = Multiaddr.FromTcpEndPoint((IPEndPoint)socket.LocalEndPoint!);
        FromListenPort = fromListenPort;
        _watch = new TcpWatch(() => TcpProgress.Read(socket), silenceLimit, time, Abort);
    }

    /// <inheritdoc/>
    public Multiaddr LocalAddress { get; }

    /// <inheritdoc/>
    public Multiaddr RemoteAddress { get; }

    /// <inheritdoc/>
    public IPAddress? RemoteIp { get; }

    /// <inheritdoc/>
    public bool FromListenPort { get; }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken)
    {
        try
        {
            return await _socket.ReceiveAsync(buffer, SocketFlags.None, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw Broken(e);
        }
    }

    /// <inheritdoc/>
    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder))]
    public async ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        try
        {
            while (!bytes.IsEmpty)
            {
                int sent = await _socket.SendAsync(bytes, SocketFlags.None, cancellationToken).ConfigureAwait(false);
                bytes = bytes[sent..];
                _watch.OnSent();
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            throw Broken(e);
        }
    }

    /// <inheritdoc/>
    public void Abort()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            _watch.Dispose();

            // No TIME_WAIT: a redial from the listen port to the same remote would fail while it lasts.
            try
            {
                _socket.LingerState = new LingerOption(true, 0);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Already broken: closing is all that is left.
            }

            _socket.Dispose();
        }
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _closed, 1) == 0)
        {
            _watch.Dispose();
            try
            {
                _socket.Shutdown(SocketShutdown.Both);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // The remote was first.
            }

            _socket.Dispose();
        }

        return ValueTask.CompletedTask;
    }

    private IOException Broken(Exception e) =>
        new($"the TCP connection with {RemoteAddress} broke: {e.Message}", e);
}
