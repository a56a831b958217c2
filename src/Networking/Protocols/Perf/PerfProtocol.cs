using System.Buffers;
using System.Buffers.Binary;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Perf;

/// <summary>Measures throughput: so many bytes up, so many down, on one stream.</summary>
/// <remarks>
/// Source: libp2p specs, perf. The asker sends the number of bytes it wants as u64 big-endian, uploads, half-closes;
/// the other side then sends exactly that many. It serves anybody as a source of traffic, so a node answers only when
/// <see cref="SwarmOptions.EnablePerf"/> is set.
/// </remarks>
public static class PerfProtocol
{
    /// <summary>The protocol.</summary>
    public static readonly ProtocolId Id = new("/perf/1.0.0");

    /// <summary>Inbound streams from one peer.</summary>
    public const int MaxStreamsPerPeer = 2;

    /// <summary>Most bytes sent for one request.</summary>
    public const ulong MaxDownloadBytes = 16UL << 30;

    /// <summary>How long one request may take in all.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private const int ChunkBytes = 64 * 1024;

    /// <summary>Takes the upload, then sends what was asked for.</summary>
    internal static async Task AnswerAsync(PeerStream stream, TimeProvider time, CancellationToken cancellationToken)
    {
        using var limit = new Deadline(Limit, time, cancellationToken);
        using IMemoryOwner<byte> chunk = MemoryPool<byte>.Shared.Rent(ChunkBytes);
        Memory<byte> header = chunk.Memory[..sizeof(ulong)];
        await stream.ReadExactlyAsync(header, limit.Token).ConfigureAwait(false);
        ulong wanted = BinaryPrimitives.ReadUInt64BigEndian(header.Span);
        if (wanted > MaxDownloadBytes)
        {
            throw new ProtocolViolationException(
                EndReason.MessageTooLarge,
                ViolationScope.Stream,
                $"perf request for {wanted} bytes, {MaxDownloadBytes} are allowed");
        }

        while (await stream.ReadAsync(chunk.Memory, limit.Token).ConfigureAwait(false) > 0)
        {
        }

        await SendAsync(stream, chunk.Memory, wanted, limit.Token).ConfigureAwait(false);
    }

    /// <summary>Runs one measurement.</summary>
    /// <param name="streams">The way to the peer.</param>
    /// <param name="peer">The peer; it must serve perf.</param>
    /// <param name="uploadBytes">Bytes to send.</param>
    /// <param name="downloadBytes">Bytes to ask for.</param>
    /// <param name="time">The clock.</param>
    /// <param name="cancellationToken">Ends the measurement.</param>
    /// <exception cref="IOException">The peer sent another number of bytes, or the stream broke.</exception>
    public static async Task<PerfResult> MeasureAsync(
        IPeerStreams streams,
        Identity.PeerId peer,
        ulong uploadBytes,
        ulong downloadBytes,
        TimeProvider time,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(streams);
        ArgumentNullException.ThrowIfNull(time);
        using IMemoryOwner<byte> chunk = MemoryPool<byte>.Shared.Rent(ChunkBytes);
        PeerStream stream = await streams.OpenStreamAsync(peer, Id, cancellationToken).ConfigureAwait(false);
        await using (stream.ConfigureAwait(false))
        {
            long began = time.GetTimestamp();
            BinaryPrimitives.WriteUInt64BigEndian(chunk.Memory.Span, downloadBytes);
            await stream.WriteAsync(chunk.Memory[..sizeof(ulong)], cancellationToken).ConfigureAwait(false);
            await SendAsync(stream, chunk.Memory, uploadBytes, cancellationToken).ConfigureAwait(false);
            ulong received = 0;
            int read = await stream.ReadAsync(chunk.Memory, cancellationToken).ConfigureAwait(false);
            long uploaded = time.GetTimestamp(); // the first answer byte comes after the last uploaded one was read
            while (read > 0)
            {
                received += (uint)read;
                read = await stream.ReadAsync(chunk.Memory, cancellationToken).ConfigureAwait(false);
            }

            return received == downloadBytes
                ? new PerfResult(time.GetElapsedTime(began, uploaded), time.GetElapsedTime(uploaded))
                : throw new IOException($"{peer} sent {received} bytes where {downloadBytes} were asked for");
        }
    }

    private static async Task SendAsync(
        PeerStream stream, Memory<byte> chunk, ulong count, CancellationToken cancellationToken)
    {
        chunk = chunk[..ChunkBytes];
        chunk.Span.Clear();
        while (count > 0)
        {
            int now = (int)Math.Min(count, ChunkBytes);
            await stream.WriteAsync(chunk[..now], cancellationToken).ConfigureAwait(false);
            count -= (uint)now;
        }

        await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
    }
}

/// <summary>How long the two halves of a measurement took.</summary>
/// <param name="Upload">From the request to the first byte of the answer, or its end.</param>
/// <param name="Download">From there to the end.</param>
public readonly record struct PerfResult(TimeSpan Upload, TimeSpan Download);
