using System.Runtime.CompilerServices;
using P2PLearn.Actors.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;
using P2PLearn.Node.Management;

namespace P2PLearn.Node.Hosting;

/// <summary>Fetches a model into the library, as <see cref="ModelLibrary"/> does.</summary>
internal delegate Task<StoredModel> PullModel(
    Cid root, IReadOnlyCollection<PeerId> hints, IProgress<FetchProgress>? progress, CancellationToken cancellationToken);

/// <summary>A model to pull.</summary>
/// <param name="Root">Its name.</param>
/// <param name="Hints">Peers that may have it.</param>
internal sealed record PullSource(Cid Root, IReadOnlyList<PeerId> Hints);

/// <summary>Pulls models one after another, and tells how far it is.</summary>
/// <param name="pull">Fetches one.</param>
/// <param name="keep">Tells others of one that is here now; gives how many were told, and does not throw.</param>
/// <param name="time">The clock.</param>
/// <param name="stopping">Ends every pull.</param>
internal sealed class ModelPull(PullModel pull, Func<Cid, CancellationToken, Task<int>> keep, TimeProvider time, CancellationToken stopping)
{
    /// <summary>How often it is told how far a pull is, at most.</summary>
    public static readonly TimeSpan Period = TimeSpan.FromMilliseconds(250);

    /// <summary>Longest search for somebody who has a model's manifest and layout.</summary>
    public static readonly TimeSpan SearchLimit = TimeSpan.FromSeconds(60);

    /// <summary>Pulls until enough models are kept or none is left to try.</summary>
    /// <param name="sources">What to pull, the preferred first.</param>
    /// <param name="wanted">How many of them are enough.</param>
    /// <param name="timeout">For all of them.</param>
    /// <param name="cancellationToken">Ends the pull.</param>
    public async IAsyncEnumerable<PullEventView> RunAsync(
        IReadOnlyList<PullSource> sources, int wanted, TimeSpan timeout, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var limit = new CancellationTokenSource(timeout, time);
        using var ending = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, stopping, cancellationToken);
        int kept = 0;
        foreach (PullSource source in sources)
        {
            await foreach (PullEventView happened in OneAsync(source, timeout, ending, cancellationToken))
            {
                kept += happened.Type == PullEvents.Kept ? 1 : 0;
                yield return happened;
            }

            if (kept == wanted || ending.IsCancellationRequested)
            {
                break;
            }
        }

        if (kept > 0)
        {
            yield return new PullEventView(PullEvents.Done, "", Message: $"{kept} of {Math.Min(wanted, sources.Count)} models are kept");
        }
    }

    private async IAsyncEnumerable<PullEventView> OneAsync(
        PullSource source, TimeSpan timeout, CancellationTokenSource ending, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var latest = new Latest();
        using var own = CancellationTokenSource.CreateLinkedTokenSource(ending.Token);
        Task<StoredModel> pulling = pull(source.Root, source.Hints, latest, own.Token);
        long began = time.GetTimestamp();
        try
        {
            do
            {
                if (latest.Value is null && time.GetElapsedTime(began) > SearchLimit)
                {
                    break;
                }

                yield return How(source.Root, latest.Value);
                await Task.WhenAny(pulling, Task.Delay(Period, time, CancellationToken.None));
            }
            while (!pulling.IsCompleted);
        }
        finally
        {
            await own.CancelAsync(); // nobody listens any more, or it is over anyway
            await ((Task)pulling).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        cancellationToken.ThrowIfCancellationRequested();
        yield return await OutcomeAsync(source.Root, pulling, latest.Value, timeout, ending.Token);
    }

    private async Task<PullEventView> OutcomeAsync(
        Cid root, Task<StoredModel> pulling, FetchProgress? progress, TimeSpan timeout, CancellationToken ending)
    {
        try
        {
            StoredModel model = await pulling;
            int told = await keep(root, ending);
            return How(root, progress) with
            {
                Type = PullEvents.Kept,
                BytesDone = model.Manifest.TotalBytes,
                TotalBytes = model.Manifest.TotalBytes,
                Message = $"made by {model.Maker}; {told} nodes were told that it is here",
            };
        }
        catch (BlockFetchException e)
        {
            return Failed(progress is null ? $"{root}: nobody who was asked has it" : $"{root}: {e.Message}; another pull goes on from there");
        }
        catch (BlockStoreException e)
        {
            string hint = e.Problem == BlockStoreProblem.QuotaExceeded ? "; drop models, or raise blocks.quota_bytes" : "";
            return Failed($"{root}: {e.Message}{hint}");
        }
        catch (OperationCanceledException)
        {
            return Failed(stopping.IsCancellationRequested
                ? $"{root}: the node is stopping; another pull goes on from there"
                : progress is null
                    ? $"{root}: nobody who has it was found within {(timeout < SearchLimit ? timeout : SearchLimit)}"
                    : $"{root}: {progress.BytesDone} of {progress.TotalBytes} bytes came within {timeout}; another pull goes on from there");
        }

        PullEventView Failed(string message) => How(root, progress) with { Type = PullEvents.Failed, Message = message };
    }

    private static PullEventView How(Cid root, FetchProgress? progress) => progress is null
        ? new PullEventView(PullEvents.Searching, root.ToString())
        : new PullEventView(
            PullEvents.Fetching, root.ToString(), progress.BytesDone, progress.TotalBytes, progress.BlocksDone, progress.BlockCount,
            progress.ProviderCount, progress.BytesPerSecond);

    /// <summary>The last progress; what is told faster than it is asked for is forgotten.</summary>
    private sealed class Latest : IProgress<FetchProgress>
    {
        private FetchProgress? _value;

        public FetchProgress? Value => Volatile.Read(ref _value);

        public void Report(FetchProgress value) => Volatile.Write(ref _value, value);
    }
}
