using P2PLearn.Networking.Files;

namespace P2PLearn.Node.Doctor;

/// <summary>Files that were being written when the program ended: harmless, the next writer overwrites them.</summary>
internal sealed class StrayFilesCheck : IDoctorCheck
{
    private const string ModelSuffix = ".tmp"; // of model.safetensors

    public string Name => "stray files";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data.Root, repair));

    private static Finding Check(string root, bool repair)
    {
        string[] strays =
        [
            .. Directory.EnumerateFiles(root)
                .Where(f => f.EndsWith(DurableFile.TemporarySuffix, StringComparison.Ordinal) || f.EndsWith(ModelSuffix, StringComparison.Ordinal))
                .Order(StringComparer.Ordinal),
        ];
        string names = string.Join(", ", strays.Select(Path.GetFileName));
        if (strays.Length == 0)
        {
            return Finding.Ok("none");
        }

        if (!repair)
        {
            return Finding.Note($"{names}: left by a crash, harmless", "--repair removes them");
        }

        Array.ForEach(strays, File.Delete);
        return Finding.Repaired($"removed {names}");
    }
}
