namespace P2PLearn.Networking.Muxing;

/// <summary>Counts what a session has received and nobody has read yet, over all its streams.</summary>
/// <remarks>Safe for several threads; only the reader loop adds, so its check before adding holds.</remarks>
internal sealed class YamuxUnreadBytes
{
    private long _count;

    /// <summary>The bytes held now.</summary>
    public long Count => Interlocked.Read(ref _count);

    /// <summary>Adds what a stream buffered, or subtracts what was read or dropped.</summary>
    public void Add(long bytes) => Interlocked.Add(ref _count, bytes);
}
