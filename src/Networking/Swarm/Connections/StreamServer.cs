using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Muxing;
using P2PLearn.Networking.Negotiation;
using P2PLearn.Networking.Swarm.Limits;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Serves inbound streams: agrees on the protocol, checks its limit, runs its handler, and ends the stream
/// after it.</summary>
/// <remarks>Safe for several threads; shared by the connections of a swarm.</remarks>
internal sealed class StreamServer
{
    private readonly ProtocolTable _protocols;
    private readonly Action<SwarmConnection, ProtocolViolationException> _broke;

    /// <param name="protocols">What we speak.</param>
    /// <param name="options">Timeouts and clock.</param>
    /// <param name="metrics">Counts ends and refusals.</param>
    /// <param name="log">The log.</param>
    /// <param name="broke">Told of a remote that broke a rule.</param>
    public StreamServer(
        ProtocolTable protocols,
        SwarmOptions options,
        SwarmMetrics metrics,
        ILogger log,
        Action<SwarmConnection, ProtocolViolationException> broke)
    {
        _protocols = protocols;
        _broke = broke;
        Timeouts = options.Timeouts;
        Time = options.Time;
        Metrics = metrics;
        Log = log;
        Limited = new LimitedUse(options.LimitedProtocols);
        Select = new MultistreamSelect(new MultistreamOptions { Timeout = Timeouts.StreamNegotiation }, Time);
    }

    /// <summary>The counters.</summary>
    public SwarmMetrics Metrics { get; }

    /// <summary>The time limits.</summary>
    public SwarmTimeouts Timeouts { get; }

    /// <summary>The clock.</summary>
    public TimeProvider Time { get; }

    /// <summary>The log.</summary>
    public ILogger Log { get; }

    /// <summary>What may run on a limited connection.</summary>
    public LimitedUse Limited { get; }

    /// <summary>Negotiates streams.</summary>
    public MultistreamSelect Select { get; }

    /// <summary>A remote broke a rule.</summary>
    public void Broke(SwarmConnection connection, ProtocolViolationException violation) =>
        _broke(connection, violation);

    /// <summary>Serves one stream to its end; never throws.</summary>
    public async Task ServeAsync(
        SwarmConnection connection,
        MuxedStream muxed,
        ResourceGate.StreamTicket ticket,
        CancellationToken cancellationToken)
    {
        string protocol = "(none agreed)";
        try
        {
            (ProtocolId agreed, MuxedStream rest) = await Select.AcceptAsync(
                muxed, connection.RemotePeer, p => Serves(connection, p), cancellationToken)
                .ConfigureAwait(false);
            protocol = agreed.Value;
            var stream = new SwarmStream(connection, rest, ticket, agreed, agreed: true);
            await HandleAsync(stream, ticket, cancellationToken).ConfigureAwait(false);
        }
        catch (ProtocolViolationException violation)
        {
            muxed.Reset(violation.Reason);
            Broke(connection, violation);
        }
#pragma warning disable CA1031 // the handler's exceptions end the stream, whatever they are
        catch (Exception e)
#pragma warning restore CA1031
        {
            EndReason? reason = EndReasons.Of(e);
            muxed.Reset(reason ?? EndReason.ClosedLocally);
            Report(connection, protocol, e, reason);
        }
        finally
        {
            ticket.Dispose();
        }
    }

    private bool Serves(SwarmConnection connection, ProtocolId protocol) =>
        _protocols.Find(protocol.Value) is not null && Limited.Allows(protocol.Value, connection.Limit);

    private async Task HandleAsync(
        SwarmStream stream, ResourceGate.StreamTicket ticket, CancellationToken cancellationToken)
    {
        await using (stream.ConfigureAwait(false))
        {
            if (_protocols.Find(stream.Protocol.Value) is not { } registration)
            {
                stream.Reset(EndReason.ProtocolNotSupported); // taken back while it was being agreed on
                return;
            }

            ResourceLimit limit = ticket.TryBindProtocol(stream.Protocol, registration.MaxStreamsPerPeer);
            if (limit != ResourceLimit.None)
            {
                Metrics.Refused(limit);
                stream.Reset(EndReason.LimitReached);
                return;
            }

            try
            {
                await registration.Handler(stream, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception e)
            {
                stream.Reset(EndReasons.Of(e) ?? EndReason.ClosedLocally);
                throw;
            }
        }
    }

    private void Report(SwarmConnection connection, string protocol, Exception e, EndReason? reason)
    {
        if (reason is null)
        {
            SwarmLog.Unexpected(Log, e);
        }
        else
        {
            SwarmLog.StreamFailed(Log, protocol, connection.RemotePeer.ToShortString(), e.Message);
        }
    }
}
