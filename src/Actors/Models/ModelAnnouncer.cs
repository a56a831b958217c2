using System.Threading.Channels;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Models;

/// <summary>Tells the distributed hash table which models are here, one after the other, behind whoever makes or fetches them.</summary>
/// <remarks>What waits is bounded: of more than <see cref="MaxWaiting"/> the oldest is not announced; members find it by asking all the same.</remarks>
internal sealed class ModelAnnouncer : IAsyncDisposable
{
    /// <summary>Models that wait to be announced: as many as checkpoints are made in the time of a few announcements.</summary>
    public const int MaxWaiting = 8;

    /// <summary>Longest time for one announcement.</summary>
    public static readonly TimeSpan Limit = TimeSpan.FromSeconds(60);

    private readonly IContentRouting _routing;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _closing = new();
    private readonly Task _loop;
    private readonly Channel<Cid> _waiting = Channel.CreateBounded<Cid>(
        new BoundedChannelOptions(MaxWaiting) { SingleReader = true, FullMode = BoundedChannelFullMode.DropOldest });

    public ModelAnnouncer(IContentRouting routing, TimeProvider time)
    {
        (_routing, _time) = (routing, time);
        _loop = Task.Run(AnnounceAsync);
    }

    /// <summary>Announces a model soon.</summary>
    public void Add(Cid root) => _waiting.Writer.TryWrite(root);

    /// <summary>Drops what waits, and ends the announcement under way.</summary>
    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _closing.CancelAsync();
        await _loop;
        _closing.Dispose();
    }

    private async Task AnnounceAsync()
    {
        await foreach (Cid root in _waiting.Reader.ReadAllAsync())
        {
            using var limit = new CancellationTokenSource(Limit, _time);
            using var either = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, _closing.Token);
            try
            {
                await _routing.ProvideAsync(root, either.Token);
            }
            catch (OperationCanceledException)
            {
                // Too slow, or the node stops: the next one may do better.
            }
            catch (IOException)
            {
                // Nobody can be reached, or the disk is full: it is told again with the next checkpoint.
            }
        }
    }
}
