namespace P2PLearn.Networking.Protocols.Kad.Records;

/// <summary>Storage that ends with the process.</summary>
public sealed class MemoryKadStorage : IKadStorage
{
    private readonly Dictionary<(KadTable Table, string Id), KadStoredEntry> _entries = [];

    /// <inheritdoc/>
    public IReadOnlyList<KadStoredEntry> Load(KadTable table)
    {
        lock (_entries)
        {
            return [.. _entries.Values.Where(e => e.Table == table)];
        }
    }

    /// <inheritdoc/>
    public void Save(KadStoredEntry entry)
    {
        ArgumentNullException.ThrowIfNull(entry);
        lock (_entries)
        {
            _entries[IdOf(entry.Table, entry.Id)] = entry;
        }
    }

    /// <inheritdoc/>
    public void Delete(KadTable table, ReadOnlyMemory<byte> id)
    {
        lock (_entries)
        {
            _entries.Remove(IdOf(table, id));
        }
    }

    /// <inheritdoc/>
    public Task FlushAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    private static (KadTable Table, string Id) IdOf(KadTable table, ReadOnlyMemory<byte> id) =>
        (table, Convert.ToHexStringLower(id.Span));
}
