using System.Globalization;
using P2PLearn.Actors.Training;

namespace P2PLearn.Node.Doctor;

/// <summary>The progress file is whole.</summary>
internal sealed class ProgressCheck : IDoctorCheck
{
    /// <summary>Longest progress that is taken into memory; of a longer one only the checksum is checked.</summary>
    public const long MaxBytes = 512L << 20;

    public string Name => "progress.bin";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken) =>
        Task.FromResult(Check(context.Data.ProgressFile, repair));

    private static Finding Check(string file, bool repair)
    {
        if (ProgressFile.TryRead(file, MaxBytes, out Progress? progress, out string? error))
        {
            return Finding.Ok(Describe(progress));
        }

        if (error is null)
        {
            return Finding.Ok(File.Exists(file) ? "whole" : "none yet: this node has not trained");
        }

        return repair
            ? Finding.Repaired($"damaged; kept as {PutAside.File(file)}, the node goes on from the mesh's newest models")
            : Finding.Problem(
                error[(file.Length + 2)..], "--repair puts it aside as progress.bin.damaged; the node then goes on from the mesh's newest models");
    }

    private static string Describe(Progress progress)
    {
        string run = progress.Run.ToString()[..8];
        return progress.Committed is null
            ? string.Create(CultureInfo.InvariantCulture, $"run {run}, round {progress.Round} done")
            : string.Create(CultureInfo.InvariantCulture, $"run {run}, round {progress.Round} signed and not yet mixed");
    }
}
