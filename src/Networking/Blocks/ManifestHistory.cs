using P2PLearn.Networking.Multiformats;

namespace P2PLearn.Networking.Blocks;

/// <summary>Gives the manifest of a root; null when it is not to be had or not valid.</summary>
public delegate ValueTask<SignedManifest?> ManifestSource(Cid root, CancellationToken cancellationToken);

/// <summary>Follows the parents of manifests, so far and no further.</summary>
public static class ManifestHistory
{
    /// <summary>The ancestors of a model, nearest first, the model itself included; each once, however they refer to each other.</summary>
    /// <param name="root">Where to begin.</param>
    /// <param name="source">Gives manifests.</param>
    /// <param name="maxDepth">Most steps from the root.</param>
    /// <param name="maxCount">Most roots asked for.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<IReadOnlyList<(Cid Root, SignedManifest Manifest)>> WalkAsync(
        Cid root, ManifestSource source, int maxDepth, int maxCount, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(root);
        ArgumentNullException.ThrowIfNull(source);
        List<(Cid, SignedManifest)> found = [];
        HashSet<Cid> seen = [root];
        Queue<(Cid Root, int Depth)> next = new([(root, 0)]);
        for (int asked = 0; asked < maxCount && next.TryDequeue(out (Cid Root, int Depth) at); asked++)
        {
            if (await source(at.Root, cancellationToken).ConfigureAwait(false) is not { } manifest)
            {
                continue;
            }

            found.Add((at.Root, manifest));
            foreach (Cid parent in at.Depth < maxDepth ? manifest.Manifest.Parents : [])
            {
                if (seen.Count < maxCount && seen.Add(parent))
                {
                    next.Enqueue((parent, at.Depth + 1));
                }
            }
        }

        return found;
    }
}
