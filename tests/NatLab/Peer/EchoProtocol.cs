using System.Buffers;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.NatPeer;

/// <summary>Sends back what it gets, until the other side closes.</summary>
internal static class EchoProtocol
{
    public static readonly ProtocolId Id = new("/p2plearn/natlab-echo/1.0.0");

    private const int ChunkBytes = 32 * 1024;

    public static async Task AnswerAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        await stream.CopyToAsync(stream, ChunkBytes, cancellationToken);
        await stream.CloseWriteAsync(cancellationToken);
    }

    /// <summary>Sends so many bytes over one stream and checks that they come back.</summary>
    public static async Task AskAsync(IPeerStreams streams, PeerId peer, long bytes, CancellationToken cancellationToken)
    {
        await using PeerStream stream = await streams.OpenStreamAsync(peer, Id, cancellationToken);
        Task sending = SendAsync(stream, bytes, cancellationToken);
        using IMemoryOwner<byte> chunk = MemoryPool<byte>.Shared.Rent(ChunkBytes);
        long received = 0;
        int read;
        while ((read = await stream.ReadAsync(chunk.Memory, cancellationToken)) > 0)
        {
            Check(chunk.Memory.Span[..read], received);
            received += read;
        }

        await sending;
        if (received != bytes)
        {
            throw new IOException($"{received} of {bytes} bytes came back");
        }
    }

    private static async Task SendAsync(PeerStream stream, long bytes, CancellationToken cancellationToken)
    {
        using IMemoryOwner<byte> chunk = MemoryPool<byte>.Shared.Rent(ChunkBytes);
        for (long at = 0; at < bytes;)
        {
            int now = (int)Math.Min(ChunkBytes, bytes - at);
            for (int i = 0; i < now; i++)
            {
                chunk.Memory.Span[i] = (byte)(at + i);
            }

            await stream.WriteAsync(chunk.Memory[..now], cancellationToken);
            at += now;
        }

        await stream.CloseWriteAsync(cancellationToken);
    }

    private static void Check(ReadOnlySpan<byte> got, long at)
    {
        for (int i = 0; i < got.Length; i++)
        {
            if (got[i] != (byte)(at + i))
            {
                throw new IOException($"byte {at + i} came back changed");
            }
        }
    }
}
