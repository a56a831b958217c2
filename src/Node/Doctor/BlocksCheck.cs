using Microsoft.Extensions.Logging.Abstractions;
using P2PLearn.Networking.Blocks;

namespace P2PLearn.Node.Doctor;

/// <summary>The block store's index and files agree, and each block is what its name says.</summary>
internal sealed class BlocksCheck : IDoctorCheck
{
    public string Name => "blocks";

    public async Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        string folder = context.Data.BlocksFolder;
        if (!Directory.Exists(folder))
        {
            return Finding.Ok("none yet");
        }

        try
        {
            return await InspectAsync(context, repair, isNewIndex: false, cancellationToken);
        }
        catch (BlockStoreException e) when (e.Problem == BlockStoreProblem.IndexDamaged)
        {
            if (!repair)
            {
                return Finding.Problem(
                    "the index is damaged", "--repair makes a new one of the blocks; pins are lost, the old one stays as index.db.damaged");
            }

            PutIndexAside(Path.Combine(folder, "index.db"));
            return await InspectAsync(context, repair, isNewIndex: true, cancellationToken);
        }
    }

    private static void PutIndexAside(string index)
    {
        PutAside.File(index);
        File.Delete(index + "-wal");
        File.Delete(index + "-shm");
    }

    private static async Task<Finding> InspectAsync(DoctorContext context, bool repair, bool isNewIndex, CancellationToken cancellationToken)
    {
        var options = new BlockStoreOptions { QuotaBytes = long.MaxValue }; // a doctor evicts nothing
        await using FileBlockStore store = await FileBlockStore.OpenAsync(
            context.Data.BlocksFolder, options, context.Time, NullLoggerFactory.Instance, cancellationToken);
        BlockStoreCheck check = await store.CheckAsync(repair, cancellationToken);
        if (check.IndexProblem is { } problem)
        {
            throw new BlockStoreException(BlockStoreProblem.IndexDamaged, problem);
        }

        if (isNewIndex)
        {
            return Finding.Repaired($"a new index of {store.Stats().BlockCount} blocks, {check.Damaged.Count} damaged ones deleted; pins are lost");
        }

        if (check.IsClean)
        {
            string all = $"{check.BlockCount} blocks, {check.BytesHashed} bytes, each as its name says";
            return check.PinnedButMissing.Count == 0
                ? Finding.Ok(all)
                : Finding.Note($"{all}; {check.PinnedButMissing.Count} pinned ones are to be fetched");
        }

        string found = $"{check.Missing.Count} missing, {check.Damaged.Count} damaged, {check.Orphans.Count} not in the index, "
            + $"{check.TornFiles.Count} torn files";
        return repair
            ? Finding.Repaired($"{found}: put right, of {check.BlockCount} blocks; what is lost is fetched again")
            : Finding.Problem($"{found}, of {check.BlockCount} blocks", "--repair forgets what is lost, so that it is fetched again");
    }
}
