using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Swarm.Dialing;

/// <summary>Dials the direct addresses of a peer, and after a while the relayed ones beside them; the first that is up
/// wins.</summary>
/// <remarks>Source: go-libp2p's dial ranking: relayed addresses 500 ms later when there are others. They have slots of
/// their own: dials of private addresses that nobody answers must not hold them up.</remarks>
/// <param name="peer">Whom to reach; null for whoever is there.</param>
/// <param name="direct">The direct addresses.</param>
/// <param name="relayed">The relayed ones.</param>
/// <param name="underWay">Where the direct dials are noted, to be called off.</param>
/// <param name="options">Times.</param>
internal sealed class DialRace(PeerId? peer, PeerDial direct, PeerDial relayed, DirectDials underWay, SwarmOptions options)
{
    /// <summary>Runs both.</summary>
    /// <exception cref="PeerUnreachableException">No address came up.</exception>
    public async Task<SwarmConnection> RunAsync(CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task<SwarmConnection?> first = RunDirectAsync(stop.Token);
        Task<SwarmConnection?> second = relayed.IsEmpty
            ? Task.FromResult<SwarmConnection?>(null)
            : RunRelayedAsync(first, stop.Token);
        Task<SwarmConnection?> winner = await Task.WhenAny(first, second).ConfigureAwait(false);
        SwarmConnection? up = null;
        try
        {
            up = await winner.ConfigureAwait(false) ?? await (winner == first ? second : first).ConfigureAwait(false);
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            await DiscardLoserAsync(up, first, second).ConfigureAwait(false);
        }

        return up ?? throw DialOutcome.ToException(peer, [.. direct.Failures, .. relayed.Failures]);
    }

    private async Task<SwarmConnection?> RunDirectAsync(CancellationToken cancellationToken)
    {
        if (direct.IsEmpty)
        {
            return null;
        }

        using DirectDials.Dial dial = underWay.Begin(peer, cancellationToken);
        try
        {
            return await direct.RunAsync(dial.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (dial.IsCalledOff && !cancellationToken.IsCancellationRequested)
        {
            return null;
        }
    }

    private async Task<SwarmConnection?> RunRelayedAsync(Task<SwarmConnection?> first, CancellationToken cancellationToken)
    {
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await Task.WhenAny(first, Task.Delay(options.Timeouts.RelayDelay, options.Time, enough.Token)).ConfigureAwait(false);
        await enough.CancelAsync().ConfigureAwait(false);
        cancellationToken.ThrowIfCancellationRequested();
        return await relayed.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    // A direct connection that came up a moment after the relayed one is kept: it is the better one.
    private static async Task DiscardLoserAsync(
        SwarmConnection? up, Task<SwarmConnection?> first, Task<SwarmConnection?> second)
    {
        foreach (Task<SwarmConnection?> lane in new[] { first, second })
        {
            try
            {
                SwarmConnection? late = await lane.ConfigureAwait(false);
                if (late is not null && late != up && late.IsRelayed)
                {
                    late.Close(EndReason.ClosedLocally);
                }
            }
            catch (OperationCanceledException)
            {
                // The lane was stopped; its caller's own cancellation is thrown by the lane that was awaited.
            }
        }
    }
}
