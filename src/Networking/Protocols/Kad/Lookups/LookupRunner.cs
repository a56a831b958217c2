using System.Threading.Channels;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Swarm;

namespace P2PLearn.Networking.Protocols.Kad.Lookups;

/// <summary>Carries a lookup out: asks whom it names, and tells it what came of that and when time has passed.</summary>
/// <param name="time">The clock.</param>
/// <param name="ask">Asks a peer; null when it gave no answer.</param>
/// <param name="answered">Told of each answer before the lookup is; may stop the lookup. One call at a time.</param>
internal sealed class LookupRunner(
    TimeProvider time,
    Func<KadPeer, CancellationToken, Task<KadMessage?>> ask,
    Action<PeerId, KadMessage> answered)
{
    /// <summary>Runs a lookup to its end; requests still under way are called off then.</summary>
    public async Task RunAsync(Lookup lookup, int maxRequests, CancellationToken cancellationToken)
    {
        // Each request writes once, and no more are made than fit.
        var results = Channel.CreateBounded<(PeerId Peer, KadMessage? Answer)>(maxRequests);
        List<Task> requests = [];
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            IReadOnlyList<KadPeer> next = lookup.Tick(Now);
            while (true)
            {
                requests.AddRange(next.Select(p => AskAsync(p, results.Writer, ending.Token)));
                if (lookup.End != LookupEnd.None)
                {
                    return;
                }

                next = await StepAsync(lookup, results.Reader, cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            await ending.CancelAsync().ConfigureAwait(false);
            await Task.WhenAll(requests).ConfigureAwait(false);
        }
    }

    private DateTimeOffset Now => time.GetUtcNow();

    private async Task<IReadOnlyList<KadPeer>> StepAsync(
        Lookup lookup, ChannelReader<(PeerId Peer, KadMessage? Answer)> results, CancellationToken cancellationToken)
    {
        DateTimeOffset now = Now;
        TimeSpan wait = lookup.NextDeadline(now) - now;
        using var limit = new Deadline(wait > TimeSpan.Zero ? wait : TimeSpan.Zero, time, cancellationToken);
        try
        {
            (PeerId peer, KadMessage? answer) = await results.ReadAsync(limit.Token).ConfigureAwait(false);
            if (answer is null)
            {
                return lookup.Failed(peer, Now);
            }

            answered(peer, answer);
            return lookup.Answered(peer, answer.CloserPeers, Now);
        }
        catch (OperationCanceledException) when (limit.Passed && !cancellationToken.IsCancellationRequested)
        {
            return lookup.Tick(Now);
        }
    }

    private async Task AskAsync(
        KadPeer peer, ChannelWriter<(PeerId Peer, KadMessage? Answer)> results, CancellationToken cancellationToken)
    {
        try
        {
            results.TryWrite((peer.Peer, await ask(peer, cancellationToken).ConfigureAwait(false)));
        }
        catch (OperationCanceledException)
        {
            // Called off: nobody waits for the answer.
        }
    }
}
