using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace P2PLearn.Networking.Files;

/// <summary>Files that are replaced as a whole: kill -9, a power cut or a full disk leaves the old one or the new one, never a mixture.</summary>
/// <remarks>
/// <code>
/// NAME.new written and flushed   a crash leaves it torn beside the old file; the next replacement overwrites it
/// renamed to NAME                a power cut may undo the rename: the old file is there
/// folder flushed                 the new file is there for good
/// </code>
/// </remarks>
public static class DurableFile
{
    /// <summary>What the name of a file that is being written ends in.</summary>
    public const string TemporarySuffix = ".new";

    private const int ReadOnly = 0; // O_RDONLY

    /// <summary>Replaces a file; when the call returns, the content is on the disk under its name.</summary>
    /// <param name="path">Its folder exists.</param>
    /// <param name="content">All of it.</param>
    /// <param name="ownerOnly">Nobody but this user may read it; no effect on Windows.</param>
    /// <exception cref="IOException">The old file or the new one is there; one line that names the file and the cause.</exception>
    public static void Replace(string path, ReadOnlySpan<byte> content, bool ownerOnly)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        string temporary = path + TemporarySuffix;
        try
        {
            Write(temporary, content, ownerOnly);
            File.Move(temporary, path, overwrite: true);
            SyncFolder(Path.GetDirectoryName(Path.GetFullPath(path))!);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            DeleteQuietly(temporary); // on a full disk it would hold what is left
            throw NotWritten(path, e);
        }
    }

    /// <summary>Flushes the names of a folder, so that a rename in it survives a power cut.</summary>
    /// <exception cref="IOException">The system refuses.</exception>
    public static void SyncFolder(string folder)
    {
        ArgumentException.ThrowIfNullOrEmpty(folder);
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS writes names through its journal; a folder cannot be flushed
        }

        int descriptor = Open([.. Encoding.UTF8.GetBytes(folder), 0], ReadOnly);
        if (descriptor < 0)
        {
            throw Failure(folder);
        }

        try
        {
            if (Flush(descriptor) != 0)
            {
                throw Failure(folder);
            }
        }
        finally
        {
            _ = Close(descriptor);
        }
    }

    /// <summary>Whether the system refused because the disk, or this user's share of it, is full.</summary>
    /// <remarks>ENOSPC and EDQUOT of Linux, EDQUOT of macOS; ERROR_DISK_FULL and ERROR_HANDLE_DISK_FULL of Windows.</remarks>
    public static bool IsDiskFull(Exception e)
    {
        ArgumentNullException.ThrowIfNull(e);
        return e is IOException && (OperatingSystem.IsWindows() ? (e.HResult & 0xffff) is 0x70 or 0x27 : e.HResult is 28 or 122 or 69);
    }

    /// <summary>The error of a file that could not be written, in one line that names it and the cause.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cause">What the system said.</param>
    public static IOException NotWritten(string path, Exception cause)
    {
        ArgumentNullException.ThrowIfNull(cause);
        string why = IsDiskFull(cause) ? "the disk is full" : cause.Message;
        return new IOException($"{path}: cannot be written: {why}", cause) { HResult = cause.HResult };
    }

    private static void Write(string path, ReadOnlySpan<byte> content, bool ownerOnly)
    {
        // No preallocation: .NET reports a disk too full for it without the system's error code.
        var options = new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, Share = FileShare.None, BufferSize = 0 };
        if (ownerOnly && !OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
        }

        using var file = new FileStream(path, options);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    private static void DeleteQuietly(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It stays beside the file that it did not replace, and does no harm there.
        }
    }

    private static IOException Failure(string folder)
    {
        int error = Marshal.GetLastPInvokeError();
        return new IOException($"cannot flush {folder}: {new Win32Exception(error).Message}", error);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true)]
    private static extern int Open(byte[] path, int flags);

    [DllImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static extern int Flush(int descriptor);

    [DllImport("libc", EntryPoint = "close", SetLastError = true)]
    private static extern int Close(int descriptor);
}
