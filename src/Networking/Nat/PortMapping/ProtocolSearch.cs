namespace P2PLearn.Networking.Nat.PortMapping;

/// <summary>How a search ended.</summary>
/// <param name="Winner">The client of the protocol that granted; null when none did.</param>
/// <param name="Grant">What it granted.</param>
/// <param name="Refusals">What the others said, where they said anything.</param>
internal sealed record SearchResult(
    IGatewayClient? Winner, MapAnswer.Granted? Grant, IReadOnlyList<(PortMappingProtocol Protocol, string Reason)> Refusals);

/// <summary>Asks a gateway by several protocols until one grants.</summary>
/// <remarks>
/// Whether the gateway speaks a protocol is found out for all of them at once, since it changes nothing there. The mapping is
/// asked for by one at a time: many gateways keep all protocols' mappings in one table, so that removing the second would
/// remove the first. PCP goes before NAT-PMP (RFC 6887, appendix A); UPnP goes whenever it is found first.
/// </remarks>
/// <param name="clients">One for each protocol, in the order of preference; not owned.</param>
/// <param name="ask">What to ask for.</param>
internal sealed class ProtocolSearch(IReadOnlyList<IGatewayClient> clients, MapAsk ask)
{
    private readonly List<(PortMappingProtocol, string)> _refusals = [];
    private MapAnswer.Granted? _grant;

    /// <summary>The client that asked last; after a search that was broken off, its mapping may exist.</summary>
    public IGatewayClient? Asked { get; private set; }

    /// <summary>Runs the search, once.</summary>
    public async Task<SearchResult> RunAsync(CancellationToken cancellationToken)
    {
        using var found = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var turn = new SemaphoreSlim(1, 1);
        IEnumerable<IGrouping<bool, IGatewayClient>> lanes = clients.GroupBy(c => c.Protocol == PortMappingProtocol.Upnp);
        await Task.WhenAll(lanes.Select(lane => RunLaneAsync([.. lane], turn, found, cancellationToken))).ConfigureAwait(false);
        return new SearchResult(_grant is null ? null : Asked, _grant, _refusals);
    }

    // Finds at once, asks in turn.
    private async Task RunLaneAsync(
        IGatewayClient[] lane, SemaphoreSlim turn, CancellationTokenSource found, CancellationToken cancellationToken)
    {
        Task<bool>[] finds = [.. lane.Select(client => client.FindAsync(found.Token))];
        try
        {
            for (int i = 0; i < lane.Length; i++)
            {
                if (await finds[i].ConfigureAwait(false))
                {
                    await AskAsync(lane[i], turn, found, cancellationToken).ConfigureAwait(false);
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Another protocol was granted.
        }
        finally
        {
            await ((Task)Task.WhenAll(finds)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task AskAsync(
        IGatewayClient client, SemaphoreSlim turn, CancellationTokenSource found, CancellationToken cancellationToken)
    {
        await turn.WaitAsync(found.Token).ConfigureAwait(false);
        try
        {
            found.Token.ThrowIfCancellationRequested();
            Asked = client;
            switch (await client.MapAsync(ask, cancellationToken).ConfigureAwait(false))
            {
                case MapAnswer.Granted grant:
                    _grant = grant;
                    await found.CancelAsync().ConfigureAwait(false);
                    break;
                case MapAnswer.Refused refused:
                    _refusals.Add((client.Protocol, refused.Reason));
                    break;
                default:
                    _refusals.Add((client.Protocol, "no answer to the request for a port"));
                    break;
            }
        }
        finally
        {
            turn.Release();
        }
    }
}
