namespace P2PLearn.Networking.Blocks;

/// <summary>The file system as the store uses it. The tests put in one that fails.</summary>
internal interface IBlockFiles
{
    /// <summary>Makes a file, and writes it through to the disk. Called from several threads at once.</summary>
    void WriteThrough(string path, ReadOnlySpan<byte> content);

    /// <summary>Gives a file another name within the file system, over one that is there.</summary>
    void Move(string from, string to);

    /// <summary>Makes the names in a folder durable. Called from several threads at once.</summary>
    void SyncFolder(string folder);

    /// <summary>Deletes a file, if it is there.</summary>
    void Delete(string path);

    /// <summary>Reads a whole file; null when it is not there, or longer than a block.</summary>
    ValueTask<byte[]?> ReadAsync(string path, CancellationToken cancellationToken);
}
