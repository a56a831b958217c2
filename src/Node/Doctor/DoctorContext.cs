using P2PLearn.Node.Hosting;

namespace P2PLearn.Node.Doctor;

/// <summary>What the checks look at.</summary>
/// <param name="Data">The directory; its lock is held.</param>
/// <param name="Time">The clock.</param>
/// <param name="FreeBytes">Free space of the disk that a folder lies on, in bytes.</param>
internal sealed record DoctorContext(DataDirectory Data, TimeProvider Time, Func<string, long> FreeBytes)
{
    /// <summary>A context of the real machine.</summary>
    public static DoctorContext Of(DataDirectory data) =>
        new(data, TimeProvider.System, folder => new DriveInfo(Path.GetFullPath(folder)).AvailableFreeSpace);
}
