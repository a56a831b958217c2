using P2PLearn.Networking.Blocks;

namespace P2PLearn.Networking.Tests.Blocks;

/// <summary>A disk with so many bytes left.</summary>
internal sealed class FaultyFiles(long bytesLeft) : IBlockFiles
{
    private readonly BlockFiles _real = new();
    private readonly Lock _gate = new();

    public long BytesLeft { get; set; } = bytesLeft;

    public bool FailsToSync { get; set; }

    public void WriteThrough(string path, ReadOnlySpan<byte> content)
    {
        int fits;
        lock (_gate)
        {
            fits = (int)Math.Min(BytesLeft, content.Length);
            BytesLeft -= fits == content.Length ? fits : 0;
        }

        _real.WriteThrough(path, content[..fits]); // what a full disk leaves
        if (fits < content.Length)
        {
            throw new IOException("No space left on device", 28);
        }
    }

    public void Move(string from, string to) => _real.Move(from, to);

    public void SyncFolder(string folder)
    {
        if (FailsToSync)
        {
            throw new IOException("Input/output error", 5);
        }

        _real.SyncFolder(folder);
    }

    public void Delete(string path) => _real.Delete(path);

    public ValueTask<byte[]?> ReadAsync(string path, CancellationToken cancellationToken) => _real.ReadAsync(path, cancellationToken);
}
