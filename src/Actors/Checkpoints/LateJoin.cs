using System.Collections.Concurrent;
using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Models;
using P2PLearn.Actors.Monitoring;
using P2PLearn.Actors.Rounds;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>Carries out a late join: fetches the models of a checkpoint and sets this node's model to the robust choice among them.</summary>
/// <remarks>
/// The models come as blocks, from whoever has them, each block verified; what was fetched before a crash is not fetched again. A maker whose
/// model is not to be had, or is no model of this run, is replaced by the next.
/// </remarks>
/// <param name="context">The run.</param>
/// <param name="library">Fetches and keeps models.</param>
/// <param name="neighbours">The members connected now: any of them may have what was fetched before.</param>
internal sealed class LateJoin(RunContext context, ModelLibrary library, Func<IReadOnlyCollection<PeerId>> neighbours)
{
    /// <summary>Joins. Ends in an event in any case.</summary>
    /// <returns>False when too few models were to be had: the node begins where it is.</returns>
    public async Task<bool> RunAsync(AgreedCheckpoint checkpoint, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(checkpoint);
        long start = context.Time.GetTimestamp();
        int needed = AgreedCheckpoint.NeededBy(context.Settings);
        var fetched = new ConcurrentDictionary<Checkpoint, ModelBuffer>();
        var failures = new ConcurrentQueue<string>();
        var left = new ConcurrentQueue<Checkpoint>(InOrder(checkpoint));
        var progress = new LateJoinProgress(context, checkpoint, needed);
        try
        {
            await Task.WhenAll(Enumerable.Range(0, needed).Select(_ => FetchOneAsync(checkpoint, left, fetched, failures, progress, cancellationToken)));
            if (fetched.Count < needed)
            {
                string reason = failures.FirstOrDefault() ?? "this node made most of its models itself";
                context.Events.Record(new JoinFailed(
                    context.Run.ToString(), (int)checkpoint.Round, $"{fetched.Count} of {needed} models were to be had; {reason}"));
                return false;
            }

            KeyValuePair<Checkpoint, ModelBuffer>[] taken = [.. fetched.OrderBy(f => f.Key.Maker.ToString(), StringComparer.Ordinal)];
            await context.TakeOverAsync((int)checkpoint.Round, [.. taken.Select(t => t.Value)]);
            context.Events.Record(new JoinedLate(
                context.Run.ToString(),
                (int)checkpoint.Round,
                [.. taken.Select(t => t.Key.Maker.ToString())],
                taken.Sum(t => (long)t.Value.ValueBytes.Length),
                context.Time.GetElapsedTime(start).TotalMilliseconds));
            return true;
        }
        finally
        {
            foreach (ModelBuffer buffer in fetched.Values)
            {
                buffer.Release();
            }
        }
    }

    /// <summary>Another order at each joiner, so that many who join together do not begin with the same maker; this node's own last.</summary>
    private IEnumerable<Checkpoint> InOrder(AgreedCheckpoint checkpoint) => checkpoint.Makers
        .OrderBy(c => c.Maker == context.Self)
        .ThenBy(c => Hash256.Of([.. c.Maker.Bytes, .. context.Self.Bytes]));

    private async Task FetchOneAsync(
        AgreedCheckpoint checkpoint,
        ConcurrentQueue<Checkpoint> left,
        ConcurrentDictionary<Checkpoint, ModelBuffer> fetched,
        ConcurrentQueue<string> failures,
        LateJoinProgress progress,
        CancellationToken cancellationToken)
    {
        while (left.TryDequeue(out Checkpoint? next))
        {
            try
            {
                fetched[next] = await FetchAsync(next, checkpoint, progress, cancellationToken);
                return;
            }
            catch (IOException e) // nobody has it, it is no model of this run, or the store cannot take it
            {
                failures.Enqueue(e.Message);
            }
        }
    }

    private async Task<ModelBuffer> FetchAsync(
        Checkpoint wanted, AgreedCheckpoint checkpoint, LateJoinProgress progress, CancellationToken cancellationToken)
    {
        PeerId[] hints = [.. checkpoint.Makers.Select(m => m.Maker).Prepend(wanted.Maker).Concat(neighbours()).Distinct().Where(p => p != context.Self)];
        StoredModel model = await library.PullAsync(
            ModelKeep.Joined, wanted.Root, hints, signed => FindFault(wanted, signed), progress.Of(wanted), cancellationToken);
        library.Announce(wanted.Root);
        ModelBuffer buffer = context.Pool.Rent();
        try
        {
            await library.ReadAsync(model, buffer.ValueBytes, cancellationToken);
            return ContributionChecks.FindFault(buffer.Values.Span) is { } fault
                ? throw new BlockFetchException($"the checkpoint of {wanted.Maker.ToShortString()} is no model: {fault}")
                : buffer;
        }
        catch
        {
            buffer.Release();
            throw;
        }
    }

    private string? FindFault(Checkpoint wanted, SignedManifest signed) =>
        signed.Maker != wanted.Maker ? "signed by another peer"
        : RunId.FromBytes(signed.Manifest.Run.Span) != context.Run ? "of another run"
        : signed.Manifest.Round != wanted.Round ? "of another round"
        : Hash256.FromBytes(signed.Manifest.LayoutHash.Span) != context.Layout ? "of another layout"
        : signed.Manifest.Dtype != ModelDtype.Float32 ? "not float32"
        : signed.Manifest.TotalBytes != (long)context.ParameterCount * sizeof(float) ? "of another size"
        : null;
}
