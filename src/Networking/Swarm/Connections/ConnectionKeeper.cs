using System.Collections.Immutable;
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
    private static readonly TimeSpan MinMoveGrace = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan MoveCheck = TimeSpan.FromMilliseconds(250);
    private ImmutableArray<Func<ITransportLink, bool>> _claims = [];

    /// <summary>A connection came up and is in use.</summary>
    public event Action<SwarmConnection>? Opened;

    /// <summary>A connection has ended.</summary>
    public event Action<SwarmConnection>? Closed;

    /// <summary>Shows each accepted link to <paramref name="claim"/> first, until disposed.</summary>
    public IDisposable Intercept(Func<ITransportLink, bool> claim)
    {
        ImmutableInterlocked.Update(ref _claims, c => c.Add(claim));
        return new Registration(() => ImmutableInterlocked.Update(ref _claims, c => c.Remove(claim)));
    }

    /// <summary>Accepts links until the listener or the swarm is closed.</summary>
    public async Task AcceptAsync(ITransportListener listener)
    {
        while (await listener.AcceptAsync(closing).ConfigureAwait(false) is { } link)
        {
            if (_claims.Any(claim => claim(link)))
            {
                continue;
            }

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
                link, ticket, LinkTerms.Inbound(ConnectionPath.Direct), limit.Token).ConfigureAwait(false);
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
        if (connection is { IsRelayed: true, Direction: ConnectionDirection.Outbound })
        {
            // Saves the other side a round trip over the relay before it knows where to dial us back.
            tasks.TryRun(() => identify.PushAsync(connection, closing));
        }

        Opened?.Invoke(connection);
        if (!connection.IsRelayed || older.Any(c => !c.IsRelayed))
        {
            RetireRelayed([.. older, connection]);
        }

        foreach (SwarmConnection other in older)
        {
            tasks.TryRun(() => CheckAsync(other));
        }
    }

    /// <summary>A direct connection is up: its peer's relayed ones end, once what runs on them has moved or the grace is
    /// over.</summary>
    private void RetireRelayed(IEnumerable<SwarmConnection> connections)
    {
        foreach (SwarmConnection relayed in connections.Where(c => c.IsRelayed && !c.Superseded.IsCancellationRequested))
        {
            SwarmLog.Superseded(log, relayed.Id, relayed.RemotePeer.ToShortString());
            tasks.TryRun(() => RetireAsync(relayed));
        }
    }

    private async Task RetireAsync(SwarmConnection relayed)
    {
        using var grace = new Deadline(options.Timeouts.MoveGrace, options.Time, closing);
        await Task.Delay(MinMoveGrace, options.Time, grace.Token).ConfigureAwait(false); // the other side has it up too by then
        relayed.Supersede();
        try
        {
            do
            {
                await Task.Delay(MoveCheck, options.Time, grace.Token).ConfigureAwait(false);
            }
            while (relayed.OpenStreamCount > 0);
        }
        catch (OperationCanceledException) when (grace.Passed)
        {
            // What has not moved by now is broken off.
        }

        relayed.Close(EndReason.Superseded);
    }

    private async Task RunAsync(SwarmConnection connection)
    {
        await connection.RunAsync().ConfigureAwait(false);
        connections.Remove(connection);
        Closed?.Invoke(connection);
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

    private sealed class Registration(Action end) : IDisposable
    {
        public void Dispose() => end();
    }
}
