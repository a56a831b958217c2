using System.Buffers;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Mesh;

/// <summary>Carries a <see cref="MeshProof"/> over a stream.</summary>
internal static class MeshProofLoop
{
    /// <summary>Runs a proof to its verdict. The stream stays open; <see cref="FinishAsync"/> ends it.</summary>
    /// <exception cref="ProtocolViolationException">A message too long, or a broken length.</exception>
    /// <exception cref="IOException">The stream ended before the verdict.</exception>
    public static async Task<MeshVerdict> RunAsync(PeerStream stream, MeshProof proof, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, MeshMessage.MaxBytes);
        var output = new ArrayBufferWriter<byte>(256);
        MeshVerdict? verdict = null;
        proof.Start(output);
        while (true)
        {
            await SendAsync(stream, output, verdict, cancellationToken).ConfigureAwait(false);
            if (verdict is not null)
            {
                return verdict;
            }

            ReadOnlyMemory<byte> message = await reader.ReadAsync(cancellationToken).ConfigureAwait(false)
                ?? throw new IOException("it closed the stream before the proof was over");
            verdict = proof.Receive(message.Span, output);
        }
    }

    /// <summary>Closes our side and waits until the remote has read all: a stream thrown away at once would take our last word with it.</summary>
    public static async Task FinishAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        try
        {
            await stream.CloseWriteAsync(cancellationToken).ConfigureAwait(false);
            byte[] rest = new byte[MeshMessage.MaxBytes];
            await stream.ReadAtLeastAsync(rest, rest.Length, throwOnEndOfStream: false, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e) is { } reason)
        {
            stream.Reset(reason); // the verdict stands; whether it was read matters to the remote only
        }
    }

    private static async ValueTask SendAsync(
        PeerStream stream, ArrayBufferWriter<byte> output, MeshVerdict? verdict, CancellationToken cancellationToken)
    {
        try
        {
            if (output.WrittenCount > 0)
            {
                await stream.WriteAsync(output.WrittenMemory, cancellationToken).ConfigureAwait(false);
                output.ResetWrittenCount();
            }
        }
        catch (IOException) when (verdict is { IsAdmitted: false })
        {
            // The remote has gone after its own refusal.
        }
    }
}
