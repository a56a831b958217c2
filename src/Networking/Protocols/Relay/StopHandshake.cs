using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Swarm.Connections;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>A stop stream whose target has accepted.</summary>
/// <param name="Stream">Owned by the receiver.</param>
/// <param name="Early">What the target sent behind its answer.</param>
internal sealed record OpenedStop(SwarmStream Stream, byte[] Early);

/// <summary>Asks the holder of a slot to take a circuit.</summary>
/// <remarks>Source: libp2p specs, circuit relay v2, "Stop protocol". The relay never dials for it.</remarks>
internal static class StopHandshake
{
    /// <summary>Opens a stop stream and waits for the answer.</summary>
    /// <param name="connection">With the target, direct.</param>
    /// <param name="source">Who connects.</param>
    /// <param name="limit">What the circuit is granted.</param>
    /// <param name="speaks">The target has said that it speaks the protocol.</param>
    /// <param name="cancellationToken">Ends the wait; the stream is reset then.</param>
    /// <exception cref="IOException">The target refused, or the stream broke.</exception>
    /// <exception cref="ProtocolViolationException">The target answered something else.</exception>
    public static async Task<OpenedStop> AskAsync(
        SwarmConnection connection, PeerId source, LinkLimit? limit, bool speaks, CancellationToken cancellationToken)
    {
        SwarmStream stream = await connection.OpenStreamAsync(RelayProtocols.Stop, speaks, cancellationToken)
            .ConfigureAwait(false);
        try
        {
            await FramedWriter.WriteAsync(
                stream, RelayCodec.Encode(StopMessage.Connect(source, limit)), cancellationToken).ConfigureAwait(false);
            using var reader = new FramedReader(stream, RelayCodec.MaxMessageBytes);
            StopMessage answer = await RelayCodec.ReadStopAsync(reader, cancellationToken).ConfigureAwait(false);
            Check(answer);
            return new OpenedStop(stream, reader.TakeRest());
        }
        catch
        {
            stream.Reset(EndReason.ClosedLocally);
            await stream.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static void Check(StopMessage answer)
    {
        if (answer.Type != StopMessageType.Status)
        {
            throw new ProtocolViolationException(
                EndReason.UnexpectedMessage, ViolationScope.Stream, $"{answer.Type} as an answer to a stop request");
        }

        if (answer.Status != RelayStatusCode.Ok)
        {
            throw new StreamEndedException(EndReason.ClosedByRemote, $"the target answered {answer.Status}");
        }
    }
}
