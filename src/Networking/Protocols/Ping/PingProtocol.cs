using System.Security.Cryptography;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Ping;

/// <summary>Measures a round trip: 32 random bytes there and back, on a stream that may carry many of them.</summary>
/// <remarks>Source: libp2p specs, ping. js-libp2p drops a connection whose pings go unanswered.</remarks>
public static class PingProtocol
{
    /// <summary>The protocol.</summary>
    public static readonly ProtocolId Id = new("/ipfs/ping/1.0.0");

    /// <summary>Bytes of a ping.</summary>
    public const int PingBytes = 32;

    /// <summary>Inbound streams from one peer: one in use, one on its way out.</summary>
    public const int MaxStreamsPerPeer = 2;

    /// <summary>How long a peer may leave its stream without a ping; rust-libp2p pings every 15 s.</summary>
    public static readonly TimeSpan IdleLimit = TimeSpan.FromMinutes(1);

    /// <summary>How long the 32 bytes of one ping may take to arrive once they began, and to be echoed.</summary>
    public static readonly TimeSpan PingLimit = TimeSpan.FromSeconds(10);

    /// <summary>Echoes pings until the remote closes its side.</summary>
    internal static async Task AnswerAsync(PeerStream stream, TimeProvider time, CancellationToken cancellationToken)
    {
        byte[] ping = new byte[PingBytes];
        while (true)
        {
            using (var idle = new Deadline(IdleLimit, time, cancellationToken))
            {
                if (await stream.ReadAsync(ping.AsMemory(0, 1), idle.Token).ConfigureAwait(false) == 0)
                {
                    break;
                }
            }

            using var limit = new Deadline(PingLimit, time, cancellationToken);
            await ReadAllAsync(stream, ping.AsMemory(1), limit.Token).ConfigureAwait(false);
            await stream.WriteAsync(ping, limit.Token).ConfigureAwait(false);
        }

        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Sends one ping on an open stream and waits for its echo.</summary>
    /// <returns>The round-trip time.</returns>
    /// <exception cref="IOException">The echo is not what was sent, or the stream broke.</exception>
    public static async ValueTask<TimeSpan> PingAsync(
        PeerStream stream, TimeProvider time, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(stream);
        ArgumentNullException.ThrowIfNull(time);
        byte[] ping = RandomNumberGenerator.GetBytes(PingBytes);
        byte[] echo = new byte[PingBytes];
        long sent = time.GetTimestamp();
        await stream.WriteAsync(ping, cancellationToken).ConfigureAwait(false);
        await ReadAllAsync(stream, echo, cancellationToken).ConfigureAwait(false);
        TimeSpan elapsed = time.GetElapsedTime(sent);
        if (!echo.AsSpan().SequenceEqual(ping))
        {
            stream.Reset(EndReason.UnexpectedMessage);
            throw new IOException($"{stream.RemotePeer} echoed other bytes than the ping held");
        }

        return elapsed;
    }

    private static async ValueTask ReadAllAsync(
        PeerStream stream, Memory<byte> buffer, CancellationToken cancellationToken)
    {
        int read = await stream.ReadAtLeastAsync(
            buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        if (read < buffer.Length)
        {
            throw new IOException($"{stream.RemotePeer} closed the stream within a ping");
        }
    }
}
