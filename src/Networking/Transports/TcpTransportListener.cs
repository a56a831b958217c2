using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Transports;

/// <summary>A listening TCP socket.</summary>
internal sealed class TcpTransportListener : ITransportListener
{
    /// <summary>Connections that the kernel completes ahead of our accepting them.</summary>
    public const int Backlog = 256;

    private static readonly TimeSpan PauseWhenOutOfSockets = TimeSpan.FromMilliseconds(100);
    private readonly Socket _socket;
    private readonly TimeProvider _time;
    private readonly TimeSpan _silenceLimit;
    private readonly Action _closed;
    private int _disposed;

    /// <param name="socket">Listening; owned from here on.</param>
    /// <param name="time">Clock of the pause when the system is out of sockets, and of the links.</param>
    /// <param name="silenceLimit">Of the links, see <see cref="TcpTransport.SilenceLimit"/>.</param>
    /// <param name="closed">Called once, when the listener is closed.</param>
    public TcpTransportListener(Socket socket, TimeProvider time, TimeSpan silenceLimit, Action closed)
    {
        _socket = socket;
        (_time, _silenceLimit) = (time, silenceLimit);
        _closed = closed;
        Address = Multiaddr.FromTcpEndPoint((IPEndPoint)socket.LocalEndPoint!);
    }

    /// <inheritdoc/>
    public Multiaddr Address { get; }

    /// <inheritdoc/>
    public async ValueTask<ITransportLink?> AcceptAsync(CancellationToken cancellationToken)
    {
        while (Volatile.Read(ref _disposed) == 0)
        {
            Socket? accepted = null;
            try
            {
                accepted = await _socket.AcceptAsync(cancellationToken).ConfigureAwait(false);
                return new TcpLink(accepted, fromListenPort: true, _silenceLimit, _time);
            }
            catch (ObjectDisposedException)
            {
                break;
            }
            catch (SocketException e)
            {
                accepted?.Dispose(); // reset by the remote before we looked at it
                if (e.SocketErrorCode is SocketError.TooManyOpenSockets or SocketError.NoBufferSpaceAvailable)
                {
                    await Task.Delay(PauseWhenOutOfSockets, _time, cancellationToken).ConfigureAwait(false);
                }
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0)
        {
            _socket.Dispose();
            _closed();
        }

        return ValueTask.CompletedTask;
    }
}
