using System.Net;
using P2PLearn.Networking.Nat;
using P2PLearn.Networking.Protocols.Kad.Records;
using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Kad;

/// <summary>Serves inbound streams of the DHT: one request after the other, until the remote has no more.</summary>
/// <remarks>Safe for several threads.</remarks>
internal sealed class KadServer(KadState state, KadOptions options, IKadStorage storage, ISwarmNetwork network)
{
    private readonly KadRates _rates = new(
        options.RequestBurstPerPeer, options.RequestsPerSecondPerPeer, options.RequestsPerSecond);

    /// <summary>Serves one stream to its end.</summary>
    /// <exception cref="ProtocolViolationException">The remote broke a rule.</exception>
    public async Task ServeAsync(PeerStream stream, CancellationToken cancellationToken)
    {
        using var reader = new FramedReader(stream, KadLimits.MaxRequestBytes);
        while (true)
        {
            using var limit = new Deadline(options.IdleTimeout, network.Time, cancellationToken);
            if (await reader.ReadAsync(limit.Token).ConfigureAwait(false) is not { } bytes)
            {
                await stream.CloseWriteAsync(limit.Token).ConfigureAwait(false);
                return;
            }

            if (!_rates.TryTake(stream.RemotePeer, network.Time.GetUtcNow(), out TimeSpan wait))
            {
                stream.Reset(EndReason.LimitReached);
                return;
            }

            await Task.Delay(wait, network.Time, limit.Token).ConfigureAwait(false);
            KadMessage request = KadCodec.Decode(bytes.Span, KadLimits.MaxRequestBytes);
            KadMessage? answer = state.Answer(request, AskerOf(stream));
            if (answer is not null && request.Type == KadMessageType.PutValue && !await IsDurableAsync(limit.Token).ConfigureAwait(false))
            {
                answer = null;
            }

            if (answer is not null)
            {
                await FramedWriter.WriteAsync(stream, KadCodec.Encode(answer), limit.Token).ConfigureAwait(false);
            }
            else if (request.Type != KadMessageType.AddProvider)
            {
                stream.Reset(EndReason.LimitReached); // a value that is not stored, though it broke no rule
                return;
            }
        }
    }

    /// <summary>An echo says that the value is stored: it is not sent before that is true after a crash as well.</summary>
    private async Task<bool> IsDurableAsync(CancellationToken cancellationToken)
    {
        try
        {
            await storage.FlushAsync(cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (IOException)
        {
            return false; // the storage logs it
        }
    }

    private KadAsker AskerOf(PeerStream stream)
    {
        IPAddress? ip = stream is SwarmStream swarm ? ThinWaist.IpOf(swarm.Connection.RemoteAddress) : null;
        return new KadAsker(stream.RemotePeer, ip, network.AddressesOf(stream.RemotePeer));
    }
}
