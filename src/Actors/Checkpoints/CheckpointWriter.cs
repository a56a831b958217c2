using P2PLearn.Actors.Exchange;
using P2PLearn.Actors.Models;
using P2PLearn.Crdt.Contributions;
using P2PLearn.Learning.Models;
using P2PLearn.Networking.Blocks;
using P2PLearn.Networking.Identity;
using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Actors.Checkpoints;

/// <summary>Makes this node's checkpoints of a run: blocks on the disk first, then the mesh is told.</summary>
/// <remarks>One at a time; what falls due while the disk is busy is left out, so that a slow disk costs checkpoints and not rounds.</remarks>
internal sealed class CheckpointWriter(ModelLibrary library, KeyPair identity, RunId run, ModelLayout layout, TimeProvider time)
{
    /// <summary>Checkpoints of a run that are kept: the newest, and those that joiners may be fetching. Earlier ones are deleted, or a long run would fill
    /// the disk.</summary>
    public const int Kept = 3;

    /// <summary>Most that are kept while they are younger than <see cref="KeptFor"/>: where rounds take some milliseconds, three are gone before a joiner has heard of them.</summary>
    public const int MaxKept = 64;

    /// <summary>The part of the store's quota that those younger than <see cref="KeptFor"/> may take, one in so many: models of hundreds of megabytes would fill the store in some rounds, and
    /// the next checkpoints would fail.</summary>
    public const int QuotaShare = 4;

    /// <summary>How long a checkpoint is kept at least, unless there are <see cref="MaxKept"/>, or no room: time to hear of it, to find who has it, and to fetch it.</summary>
    public static readonly TimeSpan KeptFor = TimeSpan.FromSeconds(20);

    private readonly Dictionary<Cid, long> _madeAt = []; // in this life, and not released yet
    private readonly int _most = (int)Math.Clamp(library.QuotaBytes / QuotaShare / (layout.ParameterCount * (long)sizeof(float)), Kept, MaxKept);
    private int _isBusy;

    /// <summary>Stores a model. Takes over the caller's count of the buffer.</summary>
    /// <param name="round">The round that it is the result of.</param>
    /// <param name="model">The model.</param>
    /// <param name="accuracy">As measured; null when not.</param>
    public async Task<CheckpointOutcome> WriteAsync(int round, ModelBuffer model, double? accuracy)
    {
        bool isFree = Interlocked.Exchange(ref _isBusy, 1) == 0;
        try
        {
            return isFree ? await StoreAsync((uint)round, model, accuracy) : new CheckpointOutcome(round, null, null);
        }
        catch (BlockStoreException e)
        {
            return new CheckpointOutcome(round, null, e.Message);
        }
        finally
        {
            model.Release();
            if (isFree)
            {
                Volatile.Write(ref _isBusy, 0);
            }
        }
    }

    private async Task<CheckpointOutcome> StoreAsync(uint round, ModelBuffer model, double? accuracy)
    {
        List<(ModelKeep Keep, StoredModel Model)> earlier = await ListAsync();
        Cid[] parents = [.. earlier.Where(e => e.Keep == ModelKeep.Checkpoint && e.Model.Manifest.Round < round).Take(1).Select(e => e.Model.Root)];
        byte[] runBytes = new byte[RunId.Size];
        run.CopyTo(runBytes);
        StoredModel stored = await library.AddAsync(
            ModelKeep.Checkpoint, new ModelOrigin(runBytes, round, parents), layout, model.ValueBytes, identity, CancellationToken.None);
        _madeAt[stored.Root] = time.GetTimestamp();
        await ReleaseAsync(earlier, stored);
        library.Announce(stored.Root);
        return new CheckpointOutcome(
            (int)round, new Checkpoint(run, round, identity.PeerId, stored.Root, model.ValueBytes.Length, accuracy), null);
    }

    /// <summary>What is kept of this run's checkpoints, the newest first.</summary>
    private async Task<List<(ModelKeep Keep, StoredModel Model)>> ListAsync()
    {
        List<(ModelKeep, StoredModel)> found = [];
        foreach ((ModelKeep keep, Cid root) in library.List())
        {
            if (keep is ModelKeep.Checkpoint or ModelKeep.Joined && await library.OpenAsync(root, CancellationToken.None) is { } model
                && RunId.FromBytes(model.Manifest.Run.Span) == run)
            {
                found.Add((keep, model));
            }
        }

        return [.. found.OrderByDescending(f => f.Item2.Manifest.Round)];
    }

    private async Task ReleaseAsync(List<(ModelKeep Keep, StoredModel Model)> earlier, StoredModel stored)
    {
        IEnumerable<(ModelKeep Keep, StoredModel Model)> own = earlier.Where(e => e.Keep == ModelKeep.Checkpoint && e.Model.Root != stored.Root);
        IEnumerable<(ModelKeep Keep, StoredModel Model)> old = own.Skip(Kept - 1).Where((e, i) => i >= _most - Kept || !IsYoung(e.Model.Root));
        foreach ((ModelKeep keep, StoredModel model) in old.Concat(earlier.Where(e => e.Keep == ModelKeep.Joined)).ToArray())
        {
            _madeAt.Remove(model.Root);
            await library.ReleaseAsync(keep, model.Root, CancellationToken.None);
        }
    }

    private bool IsYoung(Cid root) => _madeAt.TryGetValue(root, out long madeAt) && time.GetElapsedTime(madeAt) < KeptFor;
}

/// <summary>What came of a checkpoint.</summary>
/// <param name="Round">Its round.</param>
/// <param name="Made">The checkpoint; null when it failed, or was left out because the one before was still being stored.</param>
/// <param name="Failure">Why it failed, in one line; null otherwise.</param>
internal sealed record CheckpointOutcome(int Round, Checkpoint? Made, string? Failure);
