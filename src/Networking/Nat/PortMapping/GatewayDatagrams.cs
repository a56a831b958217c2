using System.Net;
using System.Net.Sockets;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>Writes a request for a machine with this address.</summary>
internal delegate byte[] RequestWriter(IPAddress localAddress);

/// <summary>Reads an answer; false for a datagram that is none, which is passed over.</summary>
internal delegate bool AnswerReader<T>(ReadOnlySpan<byte> datagram, out T answer);

/// <summary>Asks a gateway by datagrams, again and again with growing pauses until a valid answer comes.</summary>
/// <remarks>The socket is connected, so that the system passes only what comes from the gateway's address and port. It is a new
/// one for each question: the machine may have moved in between.</remarks>
internal sealed class GatewayDatagrams(GatewayContext context)
{
    /// <summary>Longest message of PCP (RFC 6887, 7); NAT-PMP's have 16 bytes.</summary>
    public const int MaxMessageBytes = 1_100;

    private readonly PortMapperOptions _options = context.Options;

    /// <summary>Asks until an answer is read.</summary>
    /// <returns>Null: no answer, no route, or nobody listens on that port (RFC 6886, 3.1: no use in asking again).</returns>
    public async Task<T?> AskAsync<T>(RequestWriter write, AnswerReader<T> read, CancellationToken cancellationToken)
        where T : struct
    {
        try
        {
            using var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            await socket.ConnectAsync(context.Gateway, _options.PcpPort, cancellationToken).ConfigureAwait(false);
            byte[] request = write(((IPEndPoint)socket.LocalEndPoint!).Address);
            TimeSpan pause = _options.FirstRetryPause;
            for (int i = 0; i < _options.MaxTries; i++, pause *= 2)
            {
                await socket.SendAsync(request, cancellationToken).ConfigureAwait(false);
                if (await ReceiveAsync(socket, read, pause, cancellationToken).ConfigureAwait(false) is { } answer)
                {
                    return answer;
                }
            }
        }
        catch (SocketException e)
        {
            PortMappingLog.NoAnswer(context.Log, context.Gateway, e.Message);
        }

        return null;
    }

    private async Task<T?> ReceiveAsync<T>(
        Socket socket, AnswerReader<T> read, TimeSpan pause, CancellationToken cancellationToken)
        where T : struct
    {
        using var deadline = new Deadline(pause, context.Time, cancellationToken);
        byte[] buffer = new byte[MaxMessageBytes + 1]; // one more shows a datagram that is too long
        try
        {
            while (true)
            {
                int count = await socket.ReceiveAsync(buffer, deadline.Token).ConfigureAwait(false);
                if (count <= MaxMessageBytes && read(buffer.AsSpan(0, count), out T answer))
                {
                    return answer;
                }

                PortMappingLog.Ignored(context.Log, context.Gateway, "a datagram that is no answer");
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return null;
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.MessageSize)
        {
            return null; // Windows says so instead of cutting it
        }
    }
}
