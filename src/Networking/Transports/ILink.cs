namespace P2PLearn.Networking.Transports;

/// <summary>A reliable, ordered duplex byte link: a raw transport link, or a secure channel over one.</summary>
/// <remarks>At most one read and one write are pending at a time; the two may overlap.</remarks>
public interface ILink : IAsyncDisposable
{
    /// <summary>Reads at least one byte into <paramref name="buffer"/>; 0 when the remote closed its side.</summary>
    ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken);

    /// <summary>Writes all bytes; they are copied or sent when the task ends.</summary>
    ValueTask WriteAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken);

    /// <summary>Breaks the link at once; pending operations fail. Harmless when repeated.</summary>
    void Abort();
}
