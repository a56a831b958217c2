using P2PLearn.Networking.Swarm;
using P2PLearn.Networking.Swarm.Connections;

namespace P2PLearn.Networking.Protocols.Dcutr;

/// <summary>Closes what is left over when several links of a hole punch became connections.</summary>
/// <remarks>
/// Source: libp2p specs, DCUtR leaves the choice open. The better one is what the swarm prefers on both sides: by role, the
/// smaller peer id as initiator, then by age. Each connection is closed by its initiator, so that the two sides cannot
/// close both.
/// </remarks>
internal static class SurplusConnections
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(30);

    /// <summary>Looks at the direct connections with a peer some time after one came up.</summary>
    public static async Task CloseAsync(PunchContext context, SwarmConnection opened, CancellationToken cancellationToken)
    {
        if (Direct(context, opened).Count < 2)
        {
            return;
        }

        await Task.Delay(Settle, context.Time, cancellationToken).ConfigureAwait(false);
        bool localIsSmaller = context.Network.Identity.PeerId < opened.RemotePeer;
        SwarmConnection[] ranked =
        [
            .. Direct(context, opened)
                .OrderByDescending(c => c.Role == ConnectionRole.Dialer == localIsSmaller)
                .ThenBy(c => c.Id),
        ];
        await Task.WhenAll(ranked.Skip(1).Where(IsOurs).Select(c => RetireAsync(context, c, cancellationToken)))
            .ConfigureAwait(false);
    }

    private static List<SwarmConnection> Direct(PunchContext context, SwarmConnection like) =>
        [.. context.Network.ConnectionsOf(like.RemotePeer).Where(c => !c.IsRelayed && !c.IsClosing)];

    private static bool IsOurs(SwarmConnection connection) =>
        connection.Role == ConnectionRole.Dialer && connection.Path != ConnectionPath.Direct
        && !connection.Superseded.IsCancellationRequested;

    private static async Task RetireAsync(
        PunchContext context, SwarmConnection connection, CancellationToken cancellationToken)
    {
        connection.Supersede();
        using var grace = new Deadline(Grace, context.Time, cancellationToken);
        try
        {
            do
            {
                await Task.Delay(Settle, context.Time, grace.Token).ConfigureAwait(false);
            }
            while (connection.OpenStreamCount > 0);
        }
        catch (OperationCanceledException) when (grace.Passed)
        {
            // What has not moved by now is broken off.
        }

        connection.Close(EndReason.Superseded);
    }
}
