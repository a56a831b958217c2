using System.Buffers;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Protocols;

/// <summary>Writes messages behind uvarint lengths to a stream, each in one write.</summary>
internal static class FramedWriter
{
    /// <summary>Writes one message.</summary>
    public static async ValueTask WriteAsync(
        Stream stream, ReadOnlyMemory<byte> message, CancellationToken cancellationToken)
    {
        byte[] frame = ArrayPool<byte>.Shared.Rent(message.Length + Uvarint.MaxBytes);
        try
        {
            int prefix = Uvarint.Write(frame, (ulong)message.Length);
            message.CopyTo(frame.AsMemory(prefix));
            await stream.WriteAsync(frame.AsMemory(0, prefix + message.Length), cancellationToken)
                .ConfigureAwait(false);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(frame);
        }
    }
}
