using P2PLearn.Networking.Files;

namespace P2PLearn.Networking.Blocks;

/// <summary>The real file system.</summary>
internal sealed class BlockFiles : IBlockFiles
{
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
    public void SyncFolder(string folder) => DurableFile.SyncFolder(folder);

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
}
