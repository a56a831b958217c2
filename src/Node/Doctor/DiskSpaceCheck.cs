using System.Globalization;

namespace P2PLearn.Node.Doctor;

/// <summary>There is room to go on.</summary>
internal sealed class DiskSpaceCheck : IDoctorCheck
{
    /// <summary>Free bytes below which the doctor warns: a node that trains writes its progress twice a round beside the old one.</summary>
    public const long WarnBytes = 100_000_000;

    public string Name => "disk space";

    public Task<Finding> CheckAsync(DoctorContext context, bool repair, CancellationToken cancellationToken)
    {
        long free = context.FreeBytes(context.Data.Root);
        string text = string.Create(CultureInfo.InvariantCulture, $"{free / 1e6:0} MB free");
        return Task.FromResult(free < WarnBytes
            ? Finding.Note($"only {text}", "make room: a node whose disk is full stops training")
            : Finding.Ok(text));
    }
}
