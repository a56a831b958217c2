using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Relay;

/// <summary>One request to a relay, and its answer.</summary>
/// <param name="Stream">Still open; owned by the caller.</param>
/// <param name="Answer">A status.</param>
/// <param name="Rest">What followed the answer in the same read.</param>
internal readonly record struct HopExchange(SwarmStream Stream, HopMessage Answer, byte[] Rest)
{
    /// <summary>Asks a relay over a connection with it. A relay that breaks a rule is reported to the swarm.</summary>
    /// <exception cref="IOException">The stream broke, or the peer does not relay.</exception>
    /// <exception cref="UpgradeException">The answer breaks a rule.</exception>
    public static async Task<HopExchange> AskAsync(
        ISwarmNetwork network, SwarmConnection relay, HopMessage request, CancellationToken cancellationToken)
    {
        bool isKnownRelay = network.Speaks(relay.RemotePeer, RelayProtocols.Hop) == true;
        SwarmStream stream = await relay.OpenStreamAsync(RelayProtocols.Hop, isKnownRelay, cancellationToken)
            .ConfigureAwait(false);
        try
        {
            return await AskAsync(stream, request, cancellationToken).ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            stream.Reset(violation.Reason);
            network.Broke(relay, violation);
            throw new UpgradeException(violation.Reason, $"the relay broke a rule: {violation.Message}", violation);
        }
        catch
        {
            stream.Reset(EndReason.ClosedLocally);
            throw;
        }
    }

    private static async Task<HopExchange> AskAsync(
        SwarmStream stream, HopMessage request, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, RelayCodec.MaxMessageBytes);
        await FramedWriter.WriteAsync(stream, RelayCodec.Encode(request), cancellationToken).ConfigureAwait(false);
        HopMessage answer = await RelayCodec.ReadHopAsync(reader, cancellationToken).ConfigureAwait(false);

        // circuit relay v2, Hop protocol: a request is answered by a status, nothing else.
        return answer is { Type: HopMessageType.Status, Status: not RelayStatusCode.None }
            ? new HopExchange(stream, answer, reader.TakeRest())
            : throw new ProtocolViolationException(
                EndReason.UnexpectedMessage, ViolationScope.Stream, $"a relay answered {answer.Type} without a status");
    }
}
