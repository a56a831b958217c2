using P2PLearn.Networking.Files;

namespace P2PLearn.Node.Doctor;

/// <summary>Keeps what is damaged out of the node's way without throwing it away.</summary>
internal static class PutAside
{
    /// <summary>Renames a file to <c>NAME.damaged</c>, in place of an older one.</summary>
    /// <returns>Its new name, without the folder.</returns>
    public static string File(string path)
    {
        System.IO.File.Move(path, path + ".damaged", overwrite: true);
        DurableFile.SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        return Path.GetFileName(path) + ".damaged";
    }
}
