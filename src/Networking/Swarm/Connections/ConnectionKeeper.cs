using Microsoft.Extensions.Logging;
using P2PLearn.Networking.Protocols.Identify;
using P2PLearn.Networking.Swarm.Limits;
using P2PLearn.Networking.Transports;

namespace P2PLearn.Networking.Swarm.Connections;

/// <summary>Takes connections from listeners and dials, and keeps each from its beginning to its end.</summary>
/// <remarks>Safe for several threads. What it starts belongs to the task group.</remarks>
internal sealed class ConnectionKeeper(
    SwarmOptions options,
    ConnectionFactory factory,
    ConnectionTable connections,
    IdentifyService identify,
    TaskGroup tasks,
    SwarmMetrics metrics,
    ILogger log,
    CancellationToken closing)
{
    /// <summary>Accepts links until the listener or the swarm is closed.</summary>
    public async Task AcceptAsync(ITransportListener listener)
    {
        while (await listener.AcceptAsync(closing).ConfigureAwait(false) is { } link)
        {
            ResourceLimit limit = factory.TryAccept(link, out ResourceGate.ConnectionTicket? ticket);
            if (ticket is null)
            {
                SwarmLog.Refused(log, limit, link.RemoteAddress);
                link.Abort();
            }
            else if (!tasks.TryRun(() => UpgradeInboundAsync(link, ticket)))
            {
                link.Abort();
                ticket.Dispose();
            }
        }
    }

    private async Task UpgradeInboundAsync(ITransportLink link, ResourceGate.ConnectionTicket ticket)
    {
        using var limit = new Deadline(options.Timeouts.InboundUpgrade, options.Time, closing);
        try
        {
            SwarmConnection connection = await factory.UpgradeAsync(
                link, ticket, ConnectionDirection.Inbound, expected: null, limit.Token).ConfigureAwait(false);
            metrics.Accepted();
            await AdoptAsync(connection).ConfigureAwait(false);
        }
        catch (Exception e) when (EndReasons.Of(e, limit.Passed) is { } reason)
        {
            metrics.ConnectionEnded(reason);
            SwarmLog.InboundFailed(log, link.RemoteAddress, reason, e.Message);
        }
    }

    /// <summary>Takes a connection that has just come up: into the table, to be run, identified, and taken out.</summary>
    /// <exception cref="ObjectDisposedException">The swarm has closed; so has the connection.</exception>
    public async Task AdoptAsync(SwarmConnection connection)
    {
        SwarmLog.ConnectionUp(
            log, connection.Id, connection.RemotePeer.ToShortString(), connection.Direction, connection.RemoteAddress);
        IReadOnlyList<SwarmConnection> older = connections.Of(connection.RemotePeer);
        connections.Add(connection);
        if (!tasks.TryRun(() => RunAsync(connection)))
        {
            connection.Close(EndReason.ClosedLocally);
            await RunAsync(connection).ConfigureAwait(false);
            throw new ObjectDisposedException(typeof(Swarm).FullName);
        }

        tasks.TryRun(() => identify.AskAsync(connection, closing));
        foreach (SwarmConnection other in older)
        {
            tasks.TryRun(() => CheckAsync(other));
        }
    }

    private async Task RunAsync(SwarmConnection connection)
    {
        await connection.RunAsync().ConfigureAwait(false);
        connections.Remove(connection);
        EndReason reason = await connection.Ended.ConfigureAwait(false);
        SwarmLog.ConnectionEnded(log, connection.Id, connection.RemotePeer.ToShortString(), reason);
    }

    /// <summary>A peer that connects anew may have lost the one we still hold: one that does not answer is closed.</summary>
    private async Task CheckAsync(SwarmConnection connection)
    {
        if (await identify.AskAsync(connection, closing).ConfigureAwait(false) == EndReason.Timeout)
        {
            connection.Close(EndReason.Timeout);
        }
    }
}
