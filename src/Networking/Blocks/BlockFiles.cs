using System.ComponentModel;
using System.Runtime.InteropServices;
using System.Text;

namespace P2PLearn.Networking.Blocks;

/// <summary>The real file system.</summary>
internal sealed class BlockFiles : IBlockFiles
{
    private const int ReadOnly = 0; // O_RDONLY

    /// <inheritdoc/>
    public void WriteThrough(string path, ReadOnlySpan<byte> content)
    {
        // No preallocation: .NET reports a disk too full for it without the system's error code.
        using var file = new FileStream(path, FileMode.Create, FileAccess.Write, FileShare.Read, bufferSize: 0);
        file.Write(content);
        file.Flush(flushToDisk: true);
    }

    /// <inheritdoc/>
    public void Move(string from, string to) => File.Move(from, to, overwrite: true);

    /// <inheritdoc/>
    public void SyncFolder(string folder)
    {
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

    /// <inheritdoc/>
    public void Delete(string path) => File.Delete(path);

    /// <inheritdoc/>
    public async ValueTask<byte[]?> ReadAsync(string path, CancellationToken cancellationToken)
    {
        try
        {
            var file = new FileStream(path, new FileStreamOptions { BufferSize = 0, Share = FileShare.Read | FileShare.Delete });
            await using (file.ConfigureAwait(false))
            {
                if (file.Length > Block.MaxBytes)
                {
                    return null;
                }

                byte[] content = GC.AllocateUninitializedArray<byte>((int)file.Length);
                await file.ReadExactlyAsync(content, cancellationToken).ConfigureAwait(false);
                return content;
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or EndOfStreamException)
        {
            return null;
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
